//! The same road for programs without an async runtime: every step runs on a private one, on the
//! calling thread. Not to be used from within an async runtime.
//!
//! ```no_run
//! use exuvia::blocking::{Check, Updater};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let config = "";
//! let updater = Updater::new(exuvia::Updater::builder(config).build()?)?;
//! if let Check::Offer(offer) = updater.check()? {
//!     offer.download(&mut |_| {})?.stage()?.apply_on_quit()?;
//! }
//! # Ok(()) }
//! ```

use std::ops::Deref;
use std::sync::Arc;

use tokio::runtime::{self, Runtime};

use crate::error::{Error, LocalError};
use crate::events::Progress;
use crate::held::Held;
use crate::installation::{FirstInstall, Installed};
use crate::package::Packaged;
use crate::road::{self, Staged};

/// An [`Updater`](crate::Updater) with a runtime of its own. Dereferences to it for everything that
/// needs none.
pub struct Updater {
    inner: crate::Updater,
    runtime: Arc<Runtime>,
}

impl Updater {
    /// Gives an updater a private runtime.
    ///
    /// # Errors
    /// [`LocalError::Runtime`] if the system does not allow one.
    pub fn new(inner: crate::Updater) -> Result<Updater, Error> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| LocalError::Runtime { source: Arc::new(source) })?;
        Ok(Updater { inner, runtime: Arc::new(runtime) })
    }

    /// As [`Updater::check`](crate::Updater::check).
    ///
    /// # Errors
    /// As there.
    pub fn check(&self) -> Result<Check, Error> {
        self.check_with(&mut |_| {})
    }

    /// As [`Updater::check_with`](crate::Updater::check_with).
    ///
    /// # Errors
    /// As there.
    pub fn check_with(&self, progress: &mut dyn Progress) -> Result<Check, Error> {
        Ok(match self.runtime.block_on(self.inner.check_with(progress))? {
            road::Check::UpToDate => Check::UpToDate,
            road::Check::Held(held) => Check::Held(held),
            road::Check::Offer(inner) => {
                Check::Offer(Offer { inner, runtime: self.runtime.clone() })
            }
        })
    }

    /// As [`Updater::first_install`](crate::Updater::first_install).
    ///
    /// # Errors
    /// As there.
    pub fn first_install(
        &self,
        first: FirstInstall,
        progress: &mut dyn Progress,
    ) -> Result<Installed, Error> {
        self.runtime.block_on(self.inner.first_install(first, progress))
    }
}

impl Deref for Updater {
    type Target = crate::Updater;

    fn deref(&self) -> &crate::Updater {
        &self.inner
    }
}

/// As [`Check`](crate::Check).
#[derive(Debug)]
pub enum Check {
    /// The newest release is installed.
    UpToDate,
    /// There is a release, but not for this installation, now.
    Held(Held),
    /// There is a release to install.
    Offer(Offer),
}

/// As [`Offer`](crate::Offer), to which it dereferences.
#[derive(Debug)]
pub struct Offer {
    inner: road::Offer,
    runtime: Arc<Runtime>,
}

impl Offer {
    /// As [`Offer::download`](crate::Offer::download).
    ///
    /// # Errors
    /// As there.
    pub fn download(self, progress: &mut dyn Progress) -> Result<Payloads, Error> {
        let inner = self.runtime.block_on(self.inner.download(progress))?;
        Ok(Payloads { inner, runtime: self.runtime })
    }

    /// As [`Offer::install_package`](crate::Offer::install_package).
    ///
    /// # Errors
    /// As there.
    pub fn install_package(self, progress: &mut dyn Progress) -> Result<Packaged, Error> {
        self.runtime.block_on(self.inner.install_package(progress))
    }

    /// As [`Offer::skip`](crate::Offer::skip).
    ///
    /// # Errors
    /// As there.
    pub fn skip(self) -> Result<(), Error> {
        self.inner.skip()
    }

    #[cfg(feature = "self_update")]
    pub(crate) fn program(
        self,
        progress: &mut dyn Progress,
    ) -> Result<crate::program::Program, Error> {
        self.runtime.block_on(self.inner.program(progress))
    }
}

impl Deref for Offer {
    type Target = road::Offer;

    fn deref(&self) -> &road::Offer {
        &self.inner
    }
}

/// As [`Payloads`](crate::Payloads).
#[derive(Debug)]
pub struct Payloads {
    inner: road::Payloads,
    runtime: Arc<Runtime>,
}

impl Payloads {
    /// As [`Payloads::stage`](crate::Payloads::stage).
    ///
    /// # Errors
    /// As there.
    pub fn stage(self) -> Result<Staged, Error> {
        self.stage_with(&mut |_| {})
    }

    /// As [`Payloads::stage_with`](crate::Payloads::stage_with).
    ///
    /// # Errors
    /// As there.
    pub fn stage_with(self, progress: &mut dyn Progress) -> Result<Staged, Error> {
        self.runtime.block_on(self.inner.stage_with(progress))
    }
}
