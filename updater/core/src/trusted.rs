//! What a finished refresh knows.

use crate::Time;
use crate::floors::Floors;
use crate::metadata::{Root, Snapshot, Targets, Timestamp};
use crate::refresh::Limits;
use crate::search::{Query, Search};
use crate::verify::Current;

/// The verified state of a repository at one time. Only a finished
/// [`Refresh`](crate::refresh::Refresh) makes it; what may be fetched is found by a [`Search`].
#[derive(Debug)]
pub struct Trusted {
    pub(crate) root: Current<Root>,
    pub(crate) timestamp: Current<Timestamp>,
    pub(crate) snapshot: Current<Snapshot>,
    pub(crate) targets: Current<Targets>,
    pub(crate) floors: Floors,
    pub(crate) now: Time,
    pub(crate) limits: Limits,
}

impl Trusted {
    /// Looks a target up by its path (TUF 5.6.7): none or one will be found.
    pub fn find(self, path: &str) -> Search {
        Search::new(self, Query::Path(path.to_owned()))
    }

    /// Looks up every target right below a directory: all `DIRECTORY/NAME` that [`find`](Self::find)
    /// would find, in order of their paths.
    pub fn list(self, directory: &str) -> Search {
        Search::new(self, Query::Directory(directory.to_owned()))
    }

    /// The version of the newest root.
    pub fn root_version(&self) -> u64 {
        self.root.version
    }

    /// The version of the timestamp.
    pub fn timestamp_version(&self) -> u64 {
        self.timestamp.version
    }

    /// Until when this state may be used.
    pub fn timestamp_expires(&self) -> Time {
        self.timestamp.expires
    }

    /// The time at which everything was judged.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The floors, with what this refresh learnt.
    pub fn floors(&self) -> &Floors {
        &self.floors
    }
}
