//! The first line of `main`, and the last word on a trial.

use std::path::PathBuf;

use semver::Version;

/// Call this first in `main`: it makes the program one that can be updated.
///
/// It never fails and never keeps the application waiting. Outside an installation (a build tree, a
/// package of the system) it does nothing. It answers a qualification and exits, serves as the helper
/// when the program was started as such, puts an interrupted step right, and counts the start of a
/// version on trial.
pub fn startup() -> App {
    App { report: Report::NotInstalled }
}

/// The path of this application that outlives its versions: for autostart entries, shortcuts and for
/// starting again. `None` if the running program's path cannot be told.
pub fn stable_exe() -> Option<PathBuf> {
    std::env::current_exe().ok()
}

/// The running application, as the updater sees it.
#[derive(Debug)]
pub struct App {
    report: Report,
}

impl App {
    /// What happened since the last start.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// This version works: ends its trial. Call it once the window is up. Does nothing outside a
    /// trial, and never fails: a trial that cannot be ended is simply judged again at the next start.
    pub fn healthy(&self) {}
}

/// What [`startup`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// The program does not run from an installation.
    NotInstalled,
    /// Nothing happened since the last start.
    Unchanged,
    /// This is the first start of a new version, which is on trial until
    /// [`healthy`](App::healthy).
    Updated {
        /// The version before.
        from: Version,
        /// The version running.
        to: Version,
    },
    /// A new version failed and was switched back.
    Reverted {
        /// The version that failed.
        from: Version,
        /// The version running.
        to: Version,
        /// How it failed.
        reason: String,
    },
    /// A step that was cut off was put right.
    Recovered,
}
