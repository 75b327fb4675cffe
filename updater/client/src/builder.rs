//! Setting up an [`Updater`].

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use exuvia_core::{App, Channel, Kind, Platform, Time, names};
use exuvia_helper::Install;
use exuvia_plan::{Config, ConfigError, Mirror, MirrorError};
use semver::{Version, VersionReq};

use crate::cancel::Cancel;
use crate::control::Control;
use crate::error::LocalError;
use crate::fetch::{Fetch, Folder, Http, HttpError, HttpOptions};
use crate::freshness;
use crate::image::Image;
use crate::keeper::Keeper;
use crate::limits::Limits;
use crate::package;

/// Keeps one installation up to date. Cheap to clone.
#[derive(Clone)]
pub struct Updater {
    pub(crate) settings: Arc<Settings>,
    pub(crate) wants: Wants,
    pub(crate) cancel: Cancel,
    pub(crate) control: Control,
}

/// What somebody wants beyond the ordinary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants {
    pub(crate) asked_by_user: bool,
    pub(crate) failed: bool,
}

/// All that was decided when the updater was built.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) channel: Channel,
    pub(crate) platform: Platform,
    /// The installed kind, or the one asked for.
    pub(crate) kind: Option<Kind>,
    pub(crate) current_version: Option<Version>,
    /// The version of the package that the application came from.
    pub(crate) packaged: Option<Version>,
    /// The versions that may be offered, if not all.
    pub(crate) pin: Option<VersionReq>,
    /// The installation that was found.
    found: Result<Install, LocalError>,
    /// The one that was made of the running AppImage since.
    pub(crate) adopted: OnceLock<Install>,
    /// The AppImage that runs, if this is its updater.
    pub(crate) image: Option<Image>,
    /// What the store is named after: the installation, or where one would be.
    pub(crate) place: PathBuf,
    pub(crate) sources: Vec<Arc<dyn Fetch>>,
    pub(crate) clock: Arc<dyn Fn() -> Time + Send + Sync>,
    pub(crate) state: PathBuf,
    pub(crate) cache: PathBuf,
    pub(crate) limits: Limits,
    /// After so many days without anything new it is told.
    pub(crate) stale_days: u32,
}

impl Settings {
    /// The installation that is kept up to date.
    pub(crate) fn installation(&self) -> Result<&Install, &LocalError> {
        self.adopted.get().map_or(self.found.as_ref(), Ok)
    }
}

impl Updater {
    /// Begins with the text of the application's `exuvia.json`.
    pub fn builder(config: &str) -> Builder {
        Builder {
            config: config.to_owned(),
            channel: None,
            kind: None,
            current_version: None,
            pin: None,
            install: None,
            sources: Vec::new(),
            mirrors: None,
            http: HttpOptions::default(),
            clock: Arc::new(exuvia_helper::now),
            state_dir: None,
            cache_dir: None,
            limits: Limits::default(),
            rate: None,
            stale_days: freshness::STALE_DAYS,
            wants: Wants::default(),
        }
    }

    /// A handle that ends what this updater is doing.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }

    /// A handle that pauses, resumes, slows down and ends what this updater is doing.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The same updater, for a check that the user asked for (or did not).
    pub fn asked_by_user(&self, asked: bool) -> Updater {
        Updater { wants: Wants { asked_by_user: asked, ..self.wants }, ..self.clone() }
    }

    /// The same updater, which also offers what failed here before or was rolled back: for a user who
    /// insists.
    pub fn even_if_failed(&self, insist: bool) -> Updater {
        Updater { wants: Wants { failed: insist, ..self.wants }, ..self.clone() }
    }

    /// The configuration it was built with.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// The installation that it keeps up to date.
    ///
    /// # Errors
    /// [`LocalError::NotInstalled`], [`LocalError::Kept`], or why an installation cannot be used.
    pub fn installation(&self) -> Result<&Install, LocalError> {
        self.settings.installation().map_err(LocalError::clone)
    }
}

/// Settings of an [`Updater`]; only the configuration is required.
pub struct Builder {
    config: String,
    channel: Option<String>,
    kind: Option<Kind>,
    current_version: Option<String>,
    pin: Option<VersionReq>,
    install: Option<PathBuf>,
    sources: Vec<Arc<dyn Fetch>>,
    mirrors: Option<Vec<String>>,
    http: HttpOptions,
    clock: Arc<dyn Fn() -> Time + Send + Sync>,
    state_dir: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    limits: Limits,
    rate: Option<NonZeroU64>,
    stale_days: u32,
    wants: Wants,
}

impl Builder {
    /// The running version, `env!("CARGO_PKG_VERSION")`: what releases are compared with where no
    /// installation says what is installed. An AppImage that its user downloaded is made an
    /// installation by its first update, if it says here what it is.
    pub fn current_version(mut self, version: &str) -> Self {
        self.current_version = Some(version.to_owned());
        self
    }

    /// The installation to update. Without it the one that the running program belongs to.
    pub fn install(mut self, path: impl Into<PathBuf>) -> Self {
        self.install = Some(path.into());
        self
    }

    /// Follows this channel in place of the configured one.
    pub fn channel(mut self, channel: &str) -> Self {
        self.channel = Some(channel.to_owned());
        self
    }

    /// Offers only versions that meet this requirement, also to a user who asks.
    pub fn pin(mut self, versions: VersionReq) -> Self {
        self.pin = Some(versions);
        self
    }

    /// The kind of release to look for where no installation says it. Without it the first of folder,
    /// single executable and AppImage that the channel has.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Adds a mirror of the application's own making; the configured ones are not used then.
    pub fn fetch(mut self, source: impl Fetch + 'static) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    /// Uses these mirrors, addresses or folders, in place of the configured ones. The root of trust
    /// stays the configured one.
    pub fn mirrors<S: Into<String>>(mut self, mirrors: impl IntoIterator<Item = S>) -> Self {
        self.mirrors = Some(mirrors.into_iter().map(Into::into).collect());
        self
    }

    /// How mirrors are reached: proxy, headers, tokens, certificates, deadline for connecting.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// What tells the time, in place of the system's clock.
    pub fn clock(mut self, clock: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
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

    /// How long and how often to try.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Receives payloads at no more than so many bytes in a second; [`Control::limit`] changes it.
    pub fn limit_rate(mut self, bytes_per_second: Option<NonZeroU64>) -> Self {
        self.rate = bytes_per_second;
        self
    }

    /// After how many days without anything new from the repository [`Event::Stale`](crate::Event::Stale)
    /// is told; 14 otherwise.
    pub fn stale_after_days(mut self, days: u32) -> Self {
        self.stale_days = days;
        self
    }

    /// Whether the user asked for the check: then gradual rollouts and skipped versions do not hold a
    /// release back.
    pub fn asked_by_user(mut self, asked: bool) -> Self {
        self.wants.asked_by_user = asked;
        self
    }

    /// Checks the settings and finds the installation.
    ///
    /// # Errors
    /// [`BuildError`] for settings that cannot be used. Not being installed is no error here: a check
    /// is still possible, and a later step says [`NotInstalled`](LocalError::NotInstalled).
    pub fn build(self) -> Result<Updater, BuildError> {
        let config = Config::parse(&self.config)?;
        let image = exuvia_helper::own_image().filter(|_| self.install.is_none());
        let (found, place) = find(self.install);
        let layout = found.as_ref().ok().map(|install| install.layout());
        if let Some(layout) = layout.filter(|layout| layout.app != config.app) {
            let (configured, installed) = (config.app.clone(), layout.app.clone());
            return Err(BuildError::OtherApp { configured, installed });
        }
        let sources = match self.sources.is_empty() {
            true => sources(&config, self.mirrors, &self.http)?,
            false => self.sources,
        };
        let channel = match self.channel {
            Some(name) => name.parse().map_err(|source| BuildError::Channel { name, source })?,
            None => config.channel.clone(),
        };
        let platform = match layout {
            Some(layout) => layout.platform.clone(),
            None => Platform::new(std::env::consts::OS, std::env::consts::ARCH)
                .map_err(|source| BuildError::Platform { source })?,
        };
        let kind = layout.map(|layout| layout.kind).or(self.kind);
        let kind = kind.or(image.is_some().then_some(Kind::AppImage));
        let current_version = match self.current_version {
            Some(given) => Some(
                Version::parse(&given).map_err(|source| BuildError::Version { given, source })?,
            ),
            None => None,
        };
        let packaged = || match &found {
            Err(LocalError::Kept { keeper: Keeper::Dpkg { package }, .. }) => {
                package::version(package)
            }
            _ => None,
        };
        let image = image.zip(current_version.clone());
        let image = image.map(|(path, version)| Image { path, version });
        let (state, cache) = directories(self.state_dir, self.cache_dir)?;
        let settings = Settings {
            config,
            channel,
            platform,
            kind,
            current_version,
            pin: self.pin,
            packaged: packaged(),
            found,
            adopted: OnceLock::new(),
            image,
            place,
            sources,
            clock: self.clock,
            state,
            cache,
            limits: self.limits,
            stale_days: self.stale_days,
        };
        let (settings, cancel) = (Arc::new(settings), Cancel::new());
        let control = Control::new(cancel.clone(), self.rate);
        Ok(Updater { settings, wants: self.wants, cancel, control })
    }
}

fn find(given: Option<PathBuf>) -> (Result<Install, LocalError>, PathBuf) {
    let (found, looked_at) = match given.map(one_name) {
        Some(path) => (Install::open(&path).map(Some), path),
        None => match exuvia_helper::own_exe() {
            Some(exe) => (Install::locate(&exe), exe),
            None => (Ok(None), PathBuf::new()),
        },
    };
    match found {
        Ok(Some(install)) => {
            let path = install.path().to_owned();
            (Ok(install), path)
        }
        Ok(None) | Err(exuvia_helper::Error::NotInstalled { .. }) => {
            let path = looked_at.clone();
            let why = match Keeper::of(&path) {
                Some(keeper) => LocalError::Kept { path, keeper },
                None => LocalError::NotInstalled { path },
            };
            (Err(why), looked_at)
        }
        Err(error) => (Err(error.into()), looked_at),
    }
}

/// The one path by which an installation is known, however it was named: what is kept about it is
/// found by that. Its last segment need not exist yet.
fn one_name(path: PathBuf) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let path = std::path::absolute(&path).unwrap_or(path);
    match path.parent().map(Path::canonicalize).zip(path.file_name()) {
        Some((Ok(parent), name)) => parent.join(name),
        _ => path.components().collect(),
    }
}

fn sources(
    config: &Config,
    given: Option<Vec<String>>,
    http: &HttpOptions,
) -> Result<Vec<Arc<dyn Fetch>>, BuildError> {
    match given {
        None => config.mirrors.iter().map(|mirror| source(mirror.as_str(), http)).collect(),
        Some(list) if list.is_empty() => Err(BuildError::NoMirror),
        Some(list) => list
            .iter()
            .map(|address| match address.contains("://") {
                true => source(address.parse::<Mirror>()?.as_str(), http),
                false => Ok(Arc::new(Folder::new(Path::new(address))) as Arc<dyn Fetch>),
            })
            .collect(),
    }
}

fn source(address: &str, http: &HttpOptions) -> Result<Arc<dyn Fetch>, BuildError> {
    let bad = || BuildError::Address { address: address.to_owned() };
    let url = url::Url::parse(address).map_err(|_| bad())?;
    if url.scheme() == "file" {
        return Ok(Arc::new(Folder::new(url.to_file_path().map_err(|()| bad())?)));
    }
    Ok(Arc::new(Http::new(&url, http)?))
}

fn directories(
    state: Option<PathBuf>,
    cache: Option<PathBuf>,
) -> Result<(PathBuf, PathBuf), BuildError> {
    if let (Some(state), Some(cache)) = (&state, &cache) {
        return Ok((state.clone(), cache.clone()));
    }
    let base = directories::BaseDirs::new().ok_or(BuildError::NoDirectories)?;
    let default = base.state_dir().unwrap_or(base.data_local_dir()).to_owned();
    Ok((state.unwrap_or(default), cache.unwrap_or(base.cache_dir().to_owned())))
}

/// Why no [`Updater`] could be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// `exuvia.json` is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The installation is of another application.
    #[error("the configuration is that of {configured}, installed is {installed}")]
    OtherApp {
        /// The application of the configuration.
        configured: App,
        /// The application of the installation.
        installed: App,
    },
    /// The version given is not a semantic version.
    #[error("{given:?} is not a version: {source}")]
    Version {
        /// What was given.
        given: String,
        /// Why it is none.
        source: semver::Error,
    },
    /// The channel given cannot be the name of one.
    #[error("{name:?} is not a channel: {source}")]
    Channel {
        /// What was given.
        name: String,
        /// Why it is none.
        source: names::NameError,
    },
    /// This system has no platform name.
    #[error("this system has no platform name: {source}")]
    Platform {
        /// Why.
        source: names::NameError,
    },
    /// An empty list of mirrors was given.
    #[error("no mirror is given")]
    NoMirror,
    /// An address that cannot be a mirror's.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// An address that cannot be read.
    #[error("{address} is not an address")]
    Address {
        /// The address.
        address: String,
    },
    /// An HTTP mirror cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The user has no home directory to keep state in: give
    /// [`state_dir`](Builder::state_dir) and [`cache_dir`](Builder::cache_dir).
    #[error("there is no home directory to keep state in")]
    NoDirectories,
}
