//! After the switch.

use std::process::Command;
use std::sync::Arc;

use exuvia_helper::{Install, Trial};
use semver::Version;

use crate::error::{Error, LocalError};

/// Switched; the new version is on trial from its first start.
#[derive(Debug)]
pub struct Applied {
    install: Install,
    trial: Trial,
}

impl Applied {
    pub(crate) fn new(install: Install, trial: Trial) -> Self {
        Applied { install, trial }
    }

    /// The version that starts next.
    pub fn version(&self) -> &Version {
        &self.trial.release().version
    }

    /// Starts the new version, by the path that outlives versions and with this program's arguments.
    /// The caller quits right after.
    ///
    /// # Errors
    /// [`Error::Local`] when it cannot be started.
    pub fn relaunch(self) -> Result<(), Error> {
        let path = self.install.stable_exe();
        match Command::new(&path).args(std::env::args_os().skip(1)).spawn() {
            Ok(_) => Ok(()),
            Err(e) => Err(LocalError::Io { path, source: Arc::new(e) }.into()),
        }
    }
}
