//! After the switch.

use std::process::Command;
use std::sync::Arc;

use exuvia_helper::Install;
use semver::Version;

use crate::error::{Error, LocalError};

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
        let path = self.install.stable_exe();
        match Command::new(&path).args(std::env::args_os().skip(1)).spawn() {
            Ok(_) => Ok(()),
            Err(e) => Err(LocalError::Io { path, source: Arc::new(e) }.into()),
        }
    }
}
