//! What the agent knows of an application from its last run: `exuvia-agent/NAME` in the state
//! directory (formats §12).
//!
//! What cannot be read is absent: then the application is due.

use exuvia::{Record, Time, Version, record};
use exuvia_durable::{Dir, Lock};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::schedule::Last;

/// The last run, what came of it, and what is to be remembered for the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attended {
    /// When it was, and how long to wait.
    pub(crate) last: Last,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// The release that is waiting to be installed, or is on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) known: Option<Known>,
}

/// A release that was offered here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// Its version.
    pub(crate) version: Version,
    /// Since when it is known.
    pub(crate) since: Time,
    /// The publisher asks that it be installed without delay.
    pub(crate) critical: bool,
    /// When the user was last asked about this application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<Time>,
}

impl Record for Attended {
    const NAME: &'static str = "exuvia-agent";
}

/// Where these records lie.
#[derive(Debug)]
pub(crate) struct Records {
    dir: Dir,
}

impl Records {
    /// Opens their folder, making it when it is new.
    pub(crate) fn open(places: &Places) -> Result<Records, Failure> {
        Ok(Records { dir: Dir::open_or_create(places.state()?.join(FOLDER))? })
    }

    /// As [`open`](Records::open), for somebody who only looks: `None` if there is no such folder.
    pub(crate) fn look(places: &Places) -> Result<Option<Records>, Failure> {
        Ok(Dir::open(places.state()?.join(FOLDER)).ok().map(|dir| Records { dir }))
    }

    /// What is known of an application.
    pub(crate) fn load(&self, name: &str) -> Option<Attended> {
        record::decode(&self.dir.read(name, LIMIT).ok().flatten()?).ok()
    }

    /// Keeps it.
    pub(crate) fn save(&self, name: &str, attended: &Attended) -> Result<(), Failure> {
        Ok(self.dir.write(name, &record::encode(attended))?)
    }

    /// The right to look after an application; `None` if somebody else does.
    pub(crate) fn lock(&self, name: &str) -> Result<Option<Lock>, Failure> {
        // Names of applications do not begin with a dot.
        Ok(Lock::try_exclusive(&self.dir, format!(".{name}.lock"))?)
    }

    /// The right to be the one that waits for all of them; `None` if somebody else does.
    pub(crate) fn lock_daemon(&self) -> Result<Option<Lock>, Failure> {
        Ok(Lock::try_exclusive(&self.dir, ".run")?)
    }

    /// Forgets all of it, with the folder.
    pub(crate) fn remove_all(places: &Places) -> Result<(), Failure> {
        match Dir::open(places.state()?) {
            Ok(dir) => Ok(dir.remove_tree(FOLDER)?),
            Err(_) => Ok(()),
        }
    }

    /// Forgets what is known of an application.
    pub(crate) fn forget(&self, name: &str) {
        for file in [name.to_owned(), format!(".{name}.lock")] {
            // What is left over is a few bytes that nobody reads.
            let _ = self.dir.remove_file(file);
        }
    }
}

const FOLDER: &str = "exuvia-agent";
const LIMIT: u64 = 64 * 1024;
