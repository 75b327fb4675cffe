//! The bridge for programs that replace themselves with the crate
//! [`self_update`](https://docs.rs/self_update): their releases come from a TUF repository in place of
//! an unsigned listing (feature `self_update`).
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let config = "";
//! let updater = exuvia::Updater::builder(config) // include_str!("exuvia.json")
//!     .current_version(env!("CARGO_PKG_VERSION"))
//!     .build()?;
//! // In place of `self_update::backends::github::Update::configure().repo_owner(…).repo_name(…)`:
//! let status = exuvia::self_update::configure(updater)?
//!     .bin_name("notes")
//!     .build()?
//!     .update()?;
//! println!("{} is installed", status.version());
//! # Ok(()) }
//! ```
//!
//! Such a program has no installation of Exuvia's: every update is the full bundle, and neither a
//! trial nor a way back watches over it; self_update puts the program in place. What was learnt about
//! the repository is kept for the path of the running program, so that nothing older is accepted
//! later. The settings of the [`Updater`](crate::Updater) hold for all traffic; those of self_update
//! (tokens, proxies, checksums, retries) have nothing to do.
//!
//! Not to be used from within an async runtime.

use std::error::Error as _;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::self_update::backends::custom::{Update, UpdateBuilder};
use ::self_update::http_client::{HeaderMap, HttpClient, HttpResponse, header};
use ::self_update::{Error as Theirs, Release, ReleaseAsset, ReleaseSource, get_target};

use crate::blocking::{Check, Offer, Updater};
use crate::error::{Error, LocalError};
use crate::program::Program;

/// Begins an update by self_update: where releases come from, what fetches them, and the version that
/// runs are set. It asks the user as it always does; `no_confirm(true)` leaves that out.
///
/// # Errors
/// [`LocalError::AlreadyInstalled`] for a program that Exuvia installed, which is replaced as a whole
/// by [`Updater`](crate::Updater); [`LocalError::Runtime`].
pub fn configure(updater: crate::Updater) -> Result<UpdateBuilder, Error> {
    if let Ok(install) = updater.installation() {
        let (path, app) = (install.path().to_owned(), install.layout().app.clone());
        let version = install.status()?.current().version.clone();
        return Err(LocalError::AlreadyInstalled { path, app, version }.into());
    }
    let mut builder = Update::configure();
    if let Some(version) = &updater.settings.current_version {
        builder.current_version(version.to_string());
    }
    let inner = Inner { updater: Updater::new(updater)?, offer: Mutex::default() };
    let source = Source(Arc::new(inner));
    builder.http_client(Arc::new(source.clone())).source(source);
    Ok(builder)
}

/// What of Exuvia made self_update fail: whose turn it is, and what to do.
pub fn cause(error: &Theirs) -> Option<&Error> {
    error.source()?.downcast_ref()
}

/// Lists the release that is offered, and gives its program: one thing to self_update's two.
#[derive(Clone)]
struct Source(Arc<Inner>);

struct Inner {
    updater: Updater,
    /// What the last check offered.
    offer: Mutex<Option<Offer>>,
}

impl Source {
    fn check(&self) -> Result<Option<Offer>, Theirs> {
        match self.0.updater.check().map_err(Theirs::transport)? {
            Check::Offer(offer) => Ok(Some(offer)),
            Check::UpToDate | Check::Held(_) => Ok(None),
        }
    }

    fn last_offer(&self) -> std::sync::MutexGuard<'_, Option<Offer>> {
        self.0.offer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names a release to ourselves; no server hears it.
    fn address(&self, offer: &Offer) -> String {
        format!("exuvia:{}/{}", self.0.updater.config().app, offer.version())
    }
}

impl ReleaseSource for Source {
    /// The one release that this program may be updated to, if there is one.
    fn get_releases(&self) -> Result<Vec<Release>, Theirs> {
        let Some(offer) = self.check()? else { return Ok(Vec::new()) };
        let (app, version) = (&self.0.updater.config().app, offer.version().to_string());
        // By the target in it self_update finds what it asked for; no ending, since it is no archive.
        let name = format!("{app}-{version}-{}", get_target());
        let mut release = Release::builder();
        release.version(version).asset(ReleaseAsset::new(name, self.address(&offer)));
        if let Some(notes) = offer.notes("en") {
            release.body(notes);
        }
        *self.last_offer() = Some(offer);
        Ok(vec![release.build()?])
    }
}

impl HttpClient for Source {
    fn get(
        &self,
        address: &str,
        _: &HeaderMap,
        _: Option<Duration>,
    ) -> Result<Box<dyn HttpResponse>, Theirs> {
        let known = self.last_offer().take();
        // A try that failed has used it up.
        let offer = if known.is_some() { known } else { self.check()? };
        match offer.filter(|offer| self.address(offer) == address) {
            None => Err(Theirs::http_status_error(404, address)),
            Some(offer) => {
                let program = offer.program(&mut |_| {}).map_err(Theirs::transport)?;
                let length = header::HeaderValue::from(program.length());
                let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, length)]);
                Ok(Box::new(Response { headers, program }))
            }
        }
    }
}

/// A program that was verified as a whole before its first byte is given.
struct Response {
    headers: HeaderMap,
    program: Program,
}

impl HttpResponse for Response {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn body(self: Box<Self>) -> Box<dyn Read> {
        Box::new(self.program)
    }
}
