//! Setting up an [`Updater`].

use std::path::PathBuf;
use std::sync::Arc;

use crate::cancel::Cancel;
use crate::fetch::Fetch;

/// Keeps one installation up to date. Cheap to clone.
#[derive(Clone)]
pub struct Updater {
    pub(crate) cancel: Cancel,
}

impl Updater {
    /// Begins with the text of the application's `exuvia.json`.
    pub fn builder(config: &str) -> Builder {
        Builder {
            config: config.to_owned(),
            current_version: None,
            install: None,
            sources: Vec::new(),
            mirrors: None,
            state_dir: None,
            cache_dir: None,
            asked_by_user: false,
        }
    }

    /// A handle that ends what this updater is doing.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }
}

/// Settings of an [`Updater`]; only the configuration is required.
pub struct Builder {
    config: String,
    current_version: Option<String>,
    install: Option<PathBuf>,
    sources: Vec<Arc<dyn Fetch>>,
    mirrors: Option<Vec<String>>,
    state_dir: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    asked_by_user: bool,
}

impl Builder {
    /// The running version, `env!("CARGO_PKG_VERSION")`. Without it the installation's record counts.
    pub fn current_version(mut self, version: &str) -> Self {
        self.current_version = Some(version.to_owned());
        self
    }

    /// The installation to update. Without it the one that the running program belongs to.
    pub fn install(mut self, path: impl Into<PathBuf>) -> Self {
        self.install = Some(path.into());
        self
    }

    /// Adds a mirror of the application's own making; the configured ones are not used then.
    pub fn fetch(mut self, source: impl Fetch + 'static) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    /// Uses these mirrors in place of the configured ones. The root of trust stays.
    pub fn mirrors<S: Into<String>>(mut self, mirrors: impl IntoIterator<Item = S>) -> Self {
        self.mirrors = Some(mirrors.into_iter().map(Into::into).collect());
        self
    }

    /// Where metadata is kept, in place of the user's state directory.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(path.into());
        self
    }

    /// Where downloads are kept, in place of the user's cache directory.
    pub fn cache_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(path.into());
        self
    }

    /// Whether the user asked for the check: then gradual rollouts and skipped versions do not hold a
    /// release back.
    pub fn asked_by_user(mut self, asked: bool) -> Self {
        self.asked_by_user = asked;
        self
    }

    /// Checks the settings and finds the installation.
    ///
    /// # Errors
    /// [`BuildError`] for a configuration that cannot be used. Not being installed is no error here:
    /// a check is still possible, and a later step says
    /// [`NotInstalled`](crate::LocalError::NotInstalled).
    pub fn build(self) -> Result<Updater, BuildError> {
        Ok(Updater { cancel: Cancel::new() })
    }
}

/// Why no [`Updater`] could be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The version given is not a semantic version.
    #[error("{given:?} is not a version: {source}")]
    Version {
        /// What was given.
        given: String,
        /// Why it is none.
        source: semver::Error,
    },
}
