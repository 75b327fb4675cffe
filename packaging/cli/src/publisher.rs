//! A publisher at work: the folder together with the passphrase of its keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia::{Config, Health, Mirror, Qualify};
use exuvia_core::Time;
use exuvia_core::keys::PublicKey;
use exuvia_core::names::{App, Channel};
use exuvia_durable::{Dir, Kind};
use exuvia_repo::{Due, Expiry, Founding, Keyring, Keys, LocalKey, Repository, Signer as _};
use serde::Serialize;

use crate::folder::{CONFIG, Folder, KEYS, SETTINGS, SMALL, key_file, write_changes};
use crate::keyfile::{self, Cost, Passphrase};
use crate::settings::Settings;
use crate::{Error, platform};

/// A publisher's folder with the passphrase that opens its keys.
pub struct Publisher {
    pub(crate) folder: Folder,
    passphrase: Passphrase,
    clock: fn() -> Time,
    cost: Cost,
}

/// What a new repository is made of.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The application.
    pub app: App,
    /// The channel that applications built with this `exuvia.json` follow.
    pub channel: Channel,
    /// Where it will be published; without any, where `exuvia serve` listens.
    pub mirrors: Vec<Mirror>,
    /// When a new version counts as healthy.
    pub health: Health,
    /// How a new version shows that it starts.
    pub qualify: Qualify,
    /// What a passphrase costs to try.
    pub cost: Cost,
}

impl InitOptions {
    /// The defaults for an application: channel `stable`, served on this machine.
    pub fn new(app: App) -> Self {
        Self {
            app,
            channel: stable(),
            mirrors: Vec::new(),
            health: Health::default(),
            qualify: Qualify::default(),
            cost: Cost::default(),
        }
    }
}

impl InitOptions {
    /// Refuses a folder that a repository cannot be made in.
    ///
    /// # Errors
    /// It has something in it already, or cannot be read.
    pub fn check_folder(path: &Path) -> Result<(), Error> {
        match Dir::open(path) {
            Ok(dir) if dir.entries()?.is_empty() => Ok(()),
            Ok(_) => Err(Error::NotEmpty { dir: path.to_owned() }),
            Err(error) if error.kind() == Kind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a refresh did.
#[derive(Debug, Clone, Serialize)]
pub struct RefreshReport {
    /// Roles that were signed again.
    pub renewed: Vec<String>,
    /// Roles that near their end and wait for their keys: role and end.
    pub waiting: BTreeMap<String, Time>,
    /// When clients stop without another refresh.
    pub until: Time,
}

impl Publisher {
    /// Makes a new folder: keys, an empty repository, `exuvia.json`.
    ///
    /// `publisher.json` is written last, so what was interrupted does not count as a folder.
    ///
    /// # Errors
    /// The folder has something in it already; local failures.
    pub fn init(
        path: impl AsRef<Path>,
        options: InitOptions,
        passphrase: Passphrase,
    ) -> Result<Self, Error> {
        Self::init_at(path.as_ref(), options, passphrase, system_clock)
    }

    /// As [`Publisher::init`], with a clock of the caller's.
    ///
    /// # Errors
    /// As [`Publisher::init`].
    pub fn init_at(
        path: &Path,
        options: InitOptions,
        passphrase: Passphrase,
        clock: fn() -> Time,
    ) -> Result<Self, Error> {
        if passphrase.is_empty() {
            return Err(Error::NoPassphrase);
        }
        InitOptions::check_folder(path)?;
        let dir = Dir::open_or_create(path)?;
        dir.create_dir(KEYS)?;
        platform::make_private(&path.join(KEYS)).map_err(Error::io(path))?;
        let Founded { names, founding, keyring } = founding_keys(&dir, &passphrase, options.cost)?;
        let (expiry, now) = (Expiry::default(), clock());
        let (repository, changes) =
            Repository::init(options.app.clone(), &founding, expiry, &keyring, now)?;
        write_changes(&dir, &changes)?;
        let config = Config {
            app: options.app.clone(),
            channel: options.channel,
            mirrors: if options.mirrors.is_empty() { served_here() } else { options.mirrors },
            root: repository.first_root()?.to_owned(),
            health: options.health,
            qualify: options.qualify,
        };
        dir.write(CONFIG, config.to_json().as_bytes())?;
        let settings = Settings::new(options.app, names);
        dir.write(SETTINGS, &settings.encode())?;
        let folder = Folder::open(path)?;
        Ok(Self { folder, passphrase, clock, cost: options.cost })
    }

    /// Opens a folder. The passphrase is tried when a key is needed.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn open(path: impl AsRef<Path>, passphrase: Passphrase) -> Result<Self, Error> {
        Ok(Self::of(Folder::open(path)?, passphrase))
    }

    /// The publisher of a folder that is open already.
    pub fn of(folder: Folder, passphrase: Passphrase) -> Self {
        Self { folder, passphrase, clock: system_clock, cost: Cost::default() }
    }

    /// The same publisher with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> Time) -> Self {
        self.clock = clock;
        self
    }

    /// The same publisher, whose new keys cost that much to try.
    #[must_use]
    pub fn with_cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Signs the timestamp again, and what nears its end as far as the keys are there.
    ///
    /// # Errors
    /// The wrong passphrase; a key of timestamp that is missing; metadata that ended and cannot be
    /// renewed; local failures.
    pub fn refresh(&mut self) -> Result<RefreshReport, Error> {
        let _lock = self.folder.lock()?;
        let mut repository = self.folder.repository()?;
        let now = self.now();
        let due = repository.due(now);
        let mut roles = vec!["timestamp", "snapshot"];
        roles.extend(due.iter().map(|due| due.role.as_str()));
        let keyring = self.keyring(&roles)?;
        let refreshed = repository.refresh(&keyring, now)?;
        self.folder.write(&refreshed.changes)?;
        let listing = exuvia_repo::verify(&repository, &self.folder.config.root, now)?;
        let waiting = refreshed.waiting.into_iter().map(|Due { role, expires }| (role, expires));
        Ok(RefreshReport {
            renewed: refreshed.renewed,
            waiting: waiting.collect(),
            until: listing.timestamp_expires,
        })
    }

    pub(crate) fn now(&self) -> Time {
        (self.clock)()
    }

    /// Opens the keys of some roles, as far as their files are there.
    pub(crate) fn keyring(&self, roles: &[&str]) -> Result<Keyring, Error> {
        let mut keyring = Keyring::new();
        let mut names: Vec<&String> =
            roles.iter().flat_map(|role| self.folder.settings.keys_of(role)).collect();
        names.sort();
        names.dedup();
        for name in names {
            if let Some(key) = self.open_key(name)? {
                keyring.add(key);
            }
        }
        Ok(keyring)
    }

    /// Opens a key; none when its file was put away.
    pub(crate) fn open_key(&self, name: &str) -> Result<Option<LocalKey>, Error> {
        let Some(file) = self.folder.dir.read(key_file(name), SMALL)? else { return Ok(None) };
        let key = keyfile::open(&file, &self.passphrase)
            .map_err(|source| Error::Key { path: self.folder.key_path(name), source })?;
        Ok(Some(key))
    }

    /// Refuses before any work is done when a role cannot be signed.
    pub(crate) fn require_key(&self, role: &str) -> Result<(), Error> {
        let dir = &self.folder.dir;
        for name in self.folder.settings.keys_of(role) {
            if dir.metadata(key_file(name))?.is_some() {
                return Ok(());
            }
        }
        Err(Error::NoKey { role: role.to_owned(), dir: self.folder.path().join(KEYS) })
    }

    /// The key of a channel and platform that is new: one that was made before and not used, or a
    /// fresh one. Its name is in `publisher.json` before anything is signed with it.
    pub(crate) fn channel_key(&mut self, role: &str) -> Result<LocalKey, Error> {
        let key = match self.open_key(role)? {
            Some(key) => key,
            None => make_key(&self.folder.dir, role, &self.passphrase, self.cost)?,
        };
        let names = self.folder.settings.keys.entry(role.to_owned()).or_default();
        if !names.iter().any(|name| name == role) {
            names.push(role.to_owned());
            self.folder.dir.write(SETTINGS, &self.folder.settings.encode())?;
        }
        Ok(key)
    }
}

/// The keys of a new repository.
struct Founded {
    /// Names of key files by role.
    names: BTreeMap<String, Vec<String>>,
    founding: Founding,
    keyring: Keyring,
}

/// One key per role, and two for the root.
fn founding_keys(dir: &Dir, passphrase: &Passphrase, cost: Cost) -> Result<Founded, Error> {
    let (mut names, mut keyring) = (BTreeMap::new(), Keyring::new());
    let mut make = |role: &str, name: &str| -> Result<PublicKey, Error> {
        let key = make_key(dir, name, passphrase, cost)?;
        let public = key.public();
        keyring.add(key);
        names.entry(role.to_owned()).or_insert_with(Vec::new).push(name.to_owned());
        Ok(public)
    };
    let founding = Founding {
        root: Keys::any_of([make("root", "root-1")?, make("root", "root-2")?]),
        targets: Keys::any_of([make("targets", "targets")?]),
        snapshot: Keys::any_of([make("snapshot", "snapshot")?]),
        timestamp: Keys::any_of([make("timestamp", "timestamp")?]),
    };
    Ok(Founded { names, founding, keyring })
}

fn make_key(dir: &Dir, name: &str, passphrase: &Passphrase, cost: Cost) -> Result<LocalKey, Error> {
    let path: PathBuf = dir.path().join(key_file(name));
    let new = keyfile::generate(passphrase, cost)
        .map_err(|source| Error::Key { path: path.clone(), source })?;
    match dir.metadata(key_file(name)) {
        Ok(None) => {}
        Ok(Some(_)) => return Err(Error::Exists { path }),
        Err(error) if error.kind() == Kind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    dir.write(key_file(name), &new.file)?;
    Ok(new.key)
}

/// The time of this machine.
pub(crate) fn system_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Where `exuvia serve` listens.
fn served_here() -> Vec<Mirror> {
    "http://127.0.0.1:8000/".parse().into_iter().collect()
}

fn stable() -> Channel {
    "stable".parse().unwrap_or_else(|_| unreachable!("`stable` is a channel name"))
}
