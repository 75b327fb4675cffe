//! The application that a command is about: named by options, or by its registration.

use std::path::PathBuf;

use exuvia::{BuildError, Install, Kind, LocalError, Updater};

use crate::args::Options;
use crate::failure::Failure;
use crate::fetcher::Fetcher;
use crate::network::Network;
use crate::places::Places;
use crate::policy::{Policy, Span};
use crate::registry::Registration;

/// What the command line comes to.
pub(crate) struct Target {
    pub(crate) config: Option<PathBuf>,
    pub(crate) install: Option<PathBuf>,
    /// Holds for registered applications.
    pub(crate) policy: Option<Policy>,
    mirrors: Vec<String>,
    pub(crate) network: Network,
    places: Places,
    /// Who fetches for it, where that is somebody else.
    pub(crate) fetcher: Option<Fetcher>,
}

impl Target {
    /// Looks a named application up.
    pub(crate) fn find(options: Options) -> Result<Target, Failure> {
        let Options { app, config, install, mirrors, places, mut network, metrics: _ } = options;
        let Some(name) = app else {
            let (policy, fetcher) = (None, None);
            return Ok(Target { config, install, policy, mirrors, network, places, fetcher });
        };
        let registration = places.find(&name)?;
        let policy = places.policy(&name, Some(&registration))?;
        network.follow(&policy);
        let Registration { config, install, .. } = registration;
        let (config, install, policy) = (Some(config), Some(install), Some(policy));
        Ok(Target { config, install, policy, mirrors, network, places, fetcher: None })
    }

    /// An updater for it.
    pub(crate) fn updater(&self, kind: Option<Kind>) -> Result<Updater, Failure> {
        let install =
            self.install.as_ref().ok_or(Failure::Argument { argument: "--install DIR" })?;
        let path = self.config.as_ref().ok_or(Failure::Argument { argument: "--config FILE" })?;
        let config = std::fs::read_to_string(path)
            .map_err(|source| Failure::Config { path: path.clone(), source })?;
        let builder = Updater::builder(&config).install(install);
        let builder = builder.state_dir(self.places.state()?).cache_dir(self.places.cache()?);
        let mut builder = self.network.apply(builder)?;
        let policy = self.policy.as_ref();
        if !self.mirrors.is_empty() {
            builder = builder.mirrors(&self.mirrors);
        } else if let Some(mirrors) = policy.and_then(|policy| policy.mirrors.value.as_ref()) {
            builder = builder.mirrors(mirrors);
        }
        if let Some(fetcher) = &self.fetcher {
            builder = builder.fetch(fetcher.clone());
        }
        if let Some(channel) = policy.and_then(|policy| policy.channel.value.as_ref()) {
            builder = builder.channel(channel);
        }
        if let Some(pin) = policy.and_then(|policy| policy.pin.value.clone()) {
            builder = builder.pin(pin);
        }
        if let Some(kind) = kind {
            builder = builder.kind(kind);
        }
        builder.build().map_err(|source| match source {
            // Given by options, not by the file.
            BuildError::Http(source) => Failure::Http(source),
            BuildError::Mirror(source) => Failure::Mirror(source),
            source => Failure::Settings { path: path.clone(), source },
        })
    }

    /// The installation, for commands that only look.
    pub(crate) fn installation(&self) -> Result<Install, Failure> {
        let path = self.install.as_ref().ok_or(Failure::Argument { argument: "--install DIR" })?;
        // A link to an installation is a name of it.
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        Ok(Install::open(&path).map_err(LocalError::from)?)
    }
}

/// How often the policy wants a run, in seconds; where it cannot be read, as often as nobody says
/// anything.
pub(crate) fn interval(target: &Result<Target, Failure>) -> i64 {
    let policy = target.as_ref().ok().and_then(|target| target.policy.as_ref());
    policy.map_or(Span::DAY, |policy| policy.interval.value).seconds()
}
