//! After the switch.

use exuvia_core::Time;
use exuvia_helper::Install;
use exuvia_plan::{Layout, Qualify, Shape};
use semver::Version;

use crate::error::Error;

/// Switched: the stable path leads to the new version.
#[derive(Debug)]
pub struct Applied {
    install: Install,
    version: Version,
}

impl Applied {
    pub(crate) fn new(install: Install, version: Version) -> Self {
        Applied { install, version }
    }

    /// The version that starts next.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Starts the new version, by the path that outlives versions and with this program's arguments.
    /// The caller quits right after.
    ///
    /// # Errors
    /// [`Error::Local`] when it cannot be started.
    pub fn relaunch(self) -> Result<(), Error> {
        let args: Vec<_> = std::env::args_os().skip(1).collect();
        Ok(self.install.start_again(&args)?)
    }
}

/// Whether a new version would be on trial with nobody to watch it: in place that is the application's
/// own work, and one that does not embed this crate, as its `qualify` tells, does none.
pub(crate) fn nobody_watches(layout: &Layout) -> bool {
    matches!(
        (&layout.shape, &layout.qualify),
        (Shape::InPlace { .. }, Qualify::Args(_) | Qualify::No)
    )
}

/// Ends what a run left behind that was cut off: a switch between two of its steps, left-overs, and
/// the trial that nobody watches. Whoever may only look at the installation leaves that to the next
/// one.
pub(crate) fn end_cut_off(install: &Install, now: Time) {
    // A switch first: it may lead to the trial.
    if install.recover(now).is_ok()
        && nobody_watches(install.layout())
        && let Ok(Some(trial)) = install.trial()
    {
        let _ = trial.confirm(now);
    }
}
