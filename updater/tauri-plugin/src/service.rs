//! What the plugin keeps while the application runs.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use exuvia::fetch::{HttpOptions, Proxy};
use exuvia::{App, Limits, Report, Updater, Version};
use serde::Deserialize;

use crate::error::Error;
use crate::settings::Settings;
use crate::state::{State, States};

pub(crate) type Configure = Box<dyn Fn(exuvia::Builder) -> exuvia::Builder + Send + Sync>;

/// The updater of this application.
pub struct Exuvia {
    app: App,
    config: String,
    configure: Configure,
    settings: Settings,
    version: Version,
    channel: Mutex<Option<String>>,
    pub(crate) states: States,
    /// The application is about to quit in order to start again.
    pub(crate) starts_again: AtomicBool,
}

/// What a page may say about a check.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CheckOptions {
    headers: Vec<(String, String)>,
    /// Milliseconds.
    timeout: Option<u64>,
    proxy: Option<String>,
    by_user: bool,
    /// The language of the page, for release notes.
    pub(crate) language: Option<String>,
}

impl Exuvia {
    pub(crate) fn new(
        app: App,
        config: String,
        configure: Configure,
        settings: Settings,
        version: Version,
    ) -> Exuvia {
        let updated = is_updated(&app);
        if !updated {
            eprintln!("exuvia: this program was not installed by exuvia, so it is not updated");
        }
        let states = States::new(if updated { State::Idle } else { State::NotInstalled });
        let (channel, starts_again) = (Mutex::default(), AtomicBool::default());
        Exuvia { app, config, configure, settings, version, channel, states, starts_again }
    }

    /// The running application, as the updater sees it: what happened since the last start, and the
    /// last word on a trial.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The plugin's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is going on.
    pub fn state(&self) -> State {
        self.states.now()
    }

    /// Follows this channel from now on; `None` is the configured one. It never leads to a lower
    /// version.
    pub fn set_channel(&self, channel: Option<String>) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = channel;
    }

    /// An updater with all settings, for what the plugin does not offer.
    ///
    /// # Errors
    /// [`Error::Build`].
    pub fn updater(&self) -> Result<Updater, Error> {
        self.updater_for(&CheckOptions::default())
    }

    /// What the program says it is.
    pub(crate) fn version(&self) -> &Version {
        &self.version
    }

    pub(crate) fn is_updated(&self) -> bool {
        is_updated(&self.app)
    }

    pub(crate) fn updater_for(&self, options: &CheckOptions) -> Result<Updater, Error> {
        let version = self.version.to_string();
        let mut builder = Updater::builder(&self.config).current_version(&version);
        if let Some(channel) = &*self.channel.lock().unwrap_or_else(PoisonError::into_inner) {
            builder = builder.channel(channel);
        }
        if !options.headers.is_empty() || options.proxy.is_some() {
            let mut http = HttpOptions::default();
            http.headers = options.headers.clone();
            if let Some(proxy) = &options.proxy {
                http.proxy = Proxy::At(proxy.parse().map_err(|_| Error::Proxy)?);
            }
            builder = builder.http(http);
        }
        if let Some(timeout) = options.timeout {
            let mut limits = Limits::default();
            limits.total = Duration::from_millis(timeout);
            builder = builder.limits(limits);
        }
        Ok((self.configure)(builder).asked_by_user(options.by_user).build()?)
    }

    /// Tells pages of a failure; that somebody ended it is none.
    pub(crate) fn failed(&self, version: Option<Version>, error: &Error) {
        self.states.set(match error.is_cancelled() {
            true => State::Idle,
            false => State::Failed {
                version,
                family: error.family(),
                message: error.to_string(),
                advice: error.advice(),
            },
        });
    }
}

/// Whether the program is an installation, or an AppImage, which its first update makes one. A build
/// tree is neither.
fn is_updated(app: &App) -> bool {
    *app.report() != Report::NotInstalled || exuvia::own_image().is_some()
}

/// What is known of the installation; nothing of an AppImage that was not updated yet.
pub(crate) fn status_of(updater: &Updater) -> Result<Option<exuvia::Status>, Error> {
    match updater.installation() {
        Err(exuvia::LocalError::NotInstalled { .. }) => Ok(None),
        _ => Ok(Some(updater.status()?)),
    }
}
