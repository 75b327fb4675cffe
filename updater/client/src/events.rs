//! What a run tells while it goes.

use std::path::PathBuf;
use std::time::Duration;

use exuvia_core::Time;
use exuvia_core::choose::{Route, Step};
use semver::Version;

use crate::error::Error;

/// Hears the events of a run. Every `FnMut(Event)` is one.
pub trait Progress: Send {
    /// Called as things happen, from the task that runs the step; should return soon.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event) + Send> Progress for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}

/// Something that happened on the road.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Metadata is being asked for.
    Checking {
        /// The mirror asked first.
        mirror: String,
    },
    /// The metadata is trusted and in date.
    Refreshed {
        /// Requests made for it.
        requests: u32,
        /// Bytes of bodies received for it.
        received: u64,
    },
    /// A file that the updater keeps was damaged. It was fetched again, or made anew from its second
    /// copy; what may not go down did not.
    Mended {
        /// The file.
        path: PathBuf,
    },
    /// The repository has shown nothing new for long, or cannot be heard: updates may be held back.
    /// Told again by every check until that changes.
    Stale {
        /// When it showed something new last, by this machine's clock.
        renewed: Time,
        /// Whole days since then.
        days: u32,
        /// Until when what is known may be used.
        expires: Time,
    },
    /// There is a release to offer.
    Offered {
        /// Its version.
        version: Version,
        /// Bytes of the cheapest route.
        bytes: u64,
    },
    /// A file of a route is being received. Told at the start, then at most every 100 ms, and at the
    /// end.
    Downloading {
        /// The kind of route.
        route: RouteKind,
        /// Bytes of the whole route that are here, those from an earlier run included.
        received: u64,
        /// Bytes of the whole route.
        total: u64,
        /// Bytes in a second, of late; zero until it can be told.
        rate: u64,
        /// How long it takes at this rate, if it can be told.
        left: Option<Duration>,
    },
    /// A mirror is asked again after a pause.
    Retrying {
        /// The mirror.
        mirror: String,
        /// How long until then.
        pause: Duration,
        /// What went wrong.
        reason: Error,
    },
    /// Receiving was paused through [`Control`](crate::Control).
    Paused,
    /// Receiving goes on.
    Resumed,
    /// A mirror is left alone for the rest of the run, and asked last for a while after it.
    MirrorFailed {
        /// The mirror.
        mirror: String,
        /// Why.
        reason: Error,
    },
    /// A route led nowhere; the next one is taken.
    RouteFailed {
        /// The kind of route.
        route: RouteKind,
        /// Why.
        reason: Error,
    },
    /// The new version is being rebuilt and unpacked beside the old one.
    Staging {
        /// The kind of route it is rebuilt by.
        route: RouteKind,
    },
    /// The new version lies beside the old one, verified and flushed.
    Staged {
        /// Its version.
        version: Version,
        /// The kind of route that led there; `None` if an earlier run had staged it.
        route: Option<RouteKind>,
        /// Bytes received over the network for it in this run.
        received: u64,
    },
    /// The staged program was started and answered.
    Qualified {
        /// Its version.
        version: Version,
    },
}

/// How a new version is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// From the whole bundle.
    Full,
    /// From one delta.
    Delta,
    /// From several deltas in a row.
    Chain,
}

impl RouteKind {
    pub(crate) fn of(route: &Route) -> Self {
        match &*route.steps {
            [] | [Step::Full(_), ..] => RouteKind::Full,
            [Step::Delta(_)] => RouteKind::Delta,
            [Step::Delta(_), ..] => RouteKind::Chain,
        }
    }

    /// `full`, `delta` or `chain`.
    pub fn as_str(self) -> &'static str {
        match self {
            RouteKind::Full => "full",
            RouteKind::Delta => "delta",
            RouteKind::Chain => "chain",
        }
    }
}

impl std::fmt::Display for RouteKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
