//! The road of one update, from top to bottom.

use semver::Version;

use crate::builder::Updater;
use crate::error::Error;
use crate::events::{Progress, RouteKind};

impl Updater {
    /// Asks whether there is a newer release for this installation.
    ///
    /// # Errors
    /// See [`Error`]; nothing has changed then, and what was known before still is.
    pub async fn check(&self) -> Result<Check, Error> {
        self.check_with(&mut |_| {}).await
    }

    /// [`check`](Updater::check), telling what happens.
    ///
    /// # Errors
    /// As [`check`](Updater::check).
    pub async fn check_with(&self, _progress: &mut dyn Progress) -> Result<Check, Error> {
        Ok(Check::UpToDate)
    }
}

/// What a check found.
#[derive(Debug)]
pub enum Check {
    /// The newest release is installed.
    UpToDate,
    /// There is a release, but not for this installation, now.
    Held(Held),
    /// There is a release to install.
    Offer(Offer),
}

/// A release that is not offered, and why.
#[derive(Debug)]
pub struct Held {}

/// A release to install.
#[derive(Debug)]
pub struct Offer {
    version: Version,
}

impl Offer {
    /// Its version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What is new, in Markdown, in the language nearest to `language` (`de-AT`, then `de`, then
    /// `en`, then any).
    pub fn notes(&self, _language: &str) -> Option<&str> {
        None
    }

    /// The publisher asks that it be installed without delay.
    pub fn is_critical(&self) -> bool {
        false
    }

    /// Bytes of the cheapest route, those received before included.
    pub fn download_size(&self) -> u64 {
        0
    }

    /// Bytes of the full bundle's download.
    pub fn full_size(&self) -> u64 {
        0
    }

    /// The kind of the cheapest route.
    pub fn route(&self) -> RouteKind {
        RouteKind::Full
    }

    /// Receives what the cheapest route needs.
    ///
    /// # Errors
    /// [`Error::Network`] when no mirror can be heard; what was received is kept and continued from.
    pub async fn download(self, progress: &mut dyn Progress) -> Result<Payloads<'_>, Error> {
        Ok(Payloads { version: self.version, progress })
    }

    /// Not this version: it is not offered again unless the user asks or it is critical.
    ///
    /// # Errors
    /// [`Error::Local`] when that cannot be written down.
    pub fn skip(self) -> Result<(), Error> {
        Ok(())
    }
}

/// Everything a route needs, verified.
pub struct Payloads<'p> {
    version: Version,
    progress: &'p mut dyn Progress,
}

impl Payloads<'_> {
    /// Rebuilds the new version beside the old one, verifies it, and tries whether it starts.
    ///
    /// # Errors
    /// See [`Error`]; the installed version is untouched then.
    pub async fn stage(self) -> Result<Staged, Error> {
        let _ = self.progress;
        Ok(Staged { version: self.version })
    }
}

/// The new version lies beside the old one, verified, flushed and qualified.
#[derive(Debug)]
pub struct Staged {
    version: Version,
}

impl Staged {
    /// Its version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Switches now. The running program keeps its own files; [`Applied::relaunch`] starts the new
    /// version.
    ///
    /// # Errors
    /// [`Error::Local`]; the old version stands then, or the next start puts things right.
    pub fn apply_now(self) -> Result<Applied, Error> {
        Ok(Applied { version: self.version })
    }

    /// Switches when the application has quit.
    ///
    /// # Errors
    /// [`Error::Local`] when the consent cannot be written down.
    pub fn apply_on_quit(self) -> Result<(), Error> {
        Ok(())
    }

    /// Leaves it staged: the next check offers it again without a download.
    pub fn later(self) {}

    /// Not this version: removes it and does not offer it again unless the user asks or it is
    /// critical.
    ///
    /// # Errors
    /// [`Error::Local`] when that cannot be written down.
    pub fn skip(self) -> Result<(), Error> {
        Ok(())
    }
}

/// Switched; the new version is on trial from its first start.
#[derive(Debug)]
pub struct Applied {
    version: Version,
}

impl Applied {
    /// The version that starts next.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Starts the new version with this program's arguments and ends this program.
    ///
    /// # Errors
    /// [`Error::Local`] when it cannot be started.
    pub fn relaunch(self) -> Result<std::convert::Infallible, Error> {
        Err(Error::Local(crate::error::LocalError::Cancelled))
    }
}
