//! A publisher at work: the folder together with the passphrase of its keys.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia::{Config, DataHooks, Health, Mirror, Qualify};
use exuvia_core::Time;
use exuvia_core::keys::PublicKey;
use exuvia_core::names::{App, Channel};
use exuvia_durable::{Dir, Kind};
use exuvia_repo::{Due, Expiry, Founding, Keyring, Keys, LocalKey, Repository, Signer};
use serde::Serialize;

use crate::ceremony::Outcome;
use crate::folder::{CONFIG, Folder, KEYS, SETTINGS, key_file};
use crate::keychain::{Known, Whereabouts, encode_public};
use crate::keyfile::{self, Cost, Passphrase};
use crate::settings::Settings;
use crate::{Error, platform};

/// A publisher's folder with the passphrase that opens its keys.
pub struct Publisher {
    pub(crate) folder: Folder,
    passphrase: OnceCell<Passphrase>,
    ask: fn() -> Result<Passphrase, Error>,
    clock: fn() -> Time,
    pub(crate) cost: Cost,
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
    /// How the application looks after its user's data.
    pub data: DataHooks,
    /// What a passphrase costs to try.
    pub cost: Cost,
    /// The keys of the root, if other people have them; otherwise two are made here.
    pub root_keys: BTreeMap<String, PublicKey>,
    /// How many root keys must sign.
    pub root_threshold: u64,
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
            data: DataHooks::default(),
            cost: Cost::default(),
            root_keys: BTreeMap::new(),
            root_threshold: 1,
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
        Ok(Self::init_at(path.as_ref(), options, passphrase, system_clock)?.0)
    }

    /// As [`Publisher::init`], with a clock of the caller's; tells whether the repository waits for
    /// the keys of other people.
    ///
    /// # Errors
    /// As [`Publisher::init`].
    pub fn init_at(
        path: &Path,
        options: InitOptions,
        passphrase: Passphrase,
        clock: fn() -> Time,
    ) -> Result<(Self, Outcome), Error> {
        if passphrase.is_empty() {
            return Err(Error::NoPassphrase);
        }
        InitOptions::check_folder(path)?;
        let dir = Dir::open_or_create(path)?;
        dir.create_dir(KEYS)?;
        platform::make_private(&path.join(KEYS)).map_err(Error::io(path))?;
        let founding = founding_keys(&dir, &passphrase, &options)?;
        let expiry = Expiry::default();
        let empty = Repository::empty(options.app.clone(), expiry);
        let proposal = empty.propose_founding(&founding, clock())?;
        let config = Config {
            app: options.app.clone(),
            channel: options.channel,
            mirrors: if options.mirrors.is_empty() { served_here() } else { options.mirrors },
            // Its signatures follow when it is founded.
            root: proposal.role_file("root").unwrap_or_default(),
            health: options.health,
            qualify: options.qualify,
            data: options.data,
        };
        dir.write(CONFIG, config.to_json().as_bytes())?;
        let settings = Settings::new(options.app, BTreeMap::new());
        let folder = Folder { dir, settings, config };
        let mut publisher = Self::of(folder, passphrase).with_clock(clock).with_cost(options.cost);
        let outcome = publisher.settle(proposal, &empty)?;
        publisher.folder.dir.write(SETTINGS, &publisher.folder.settings.encode())?;
        Ok((publisher, outcome))
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
        let publisher = Self::asking(folder, || Err(Error::NoPassphrase));
        Self { passphrase: OnceCell::from(passphrase), ..publisher }
    }

    /// The publisher of a folder, whose passphrase is asked for when a sealed key is to be opened.
    pub fn asking(folder: Folder, ask: fn() -> Result<Passphrase, Error>) -> Self {
        let (passphrase, clock, cost) = (OnceCell::new(), system_clock, Cost::default());
        Self { folder, passphrase, ask, clock, cost }
    }

    pub(crate) fn passphrase(&self) -> Result<&Passphrase, Error> {
        once(&self.passphrase, &self.ask)
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

    /// Opens the keys of some roles, as far as they are at hand.
    pub(crate) fn keyring(&self, roles: &[&str]) -> Result<Keyring, Error> {
        let (keychain, mut keyring) = (self.folder.keychain()?, Keyring::new());
        let names: BTreeSet<&String> =
            roles.iter().flat_map(|role| self.folder.settings.keys_of(role)).collect();
        for known in names.into_iter().filter_map(|name| keychain.by_name(name)) {
            if let Some(signer) = known.open(|| self.passphrase())? {
                keyring.add_boxed(signer);
            }
        }
        Ok(keyring)
    }

    /// Refuses before any work is done when a role cannot be signed.
    pub(crate) fn require_key(&self, role: &str) -> Result<(), Error> {
        let keychain = self.folder.keychain()?;
        let mut known =
            self.folder.settings.keys_of(role).iter().map(|name| keychain.by_name(name));
        let here = |known: Option<&Known>| {
            known.is_some_and(|known| known.whereabouts != Whereabouts::Elsewhere)
        };
        match known.any(here) {
            true => Ok(()),
            false => {
                Err(Error::NoKey { role: role.to_owned(), dir: self.folder.path().join(KEYS) })
            }
        }
    }

    /// The key of a role that is new: one that was made before and not used, or a fresh one. Its name
    /// is in `publisher.json` before anything is signed with it.
    pub(crate) fn channel_key(&mut self, role: &str) -> Result<Box<dyn Signer>, Error> {
        let keychain = self.folder.keychain()?;
        let known = keychain.by_name(role).map(|known| known.open(|| self.passphrase()));
        let key = match known.transpose()?.flatten() {
            Some(key) => key,
            None => Box::new(make_key(&self.folder.dir, role, self.passphrase()?, self.cost)?),
        };
        let names = self.folder.settings.keys.entry(role.to_owned()).or_default();
        if !names.iter().any(|name| name == role) {
            names.push(role.to_owned());
            self.folder.dir.write(SETTINGS, &self.folder.settings.encode())?;
        }
        Ok(key)
    }
}

/// One key per role, and two for the root unless others have its keys.
fn founding_keys(
    dir: &Dir,
    passphrase: &Passphrase,
    options: &InitOptions,
) -> Result<Founding, Error> {
    let make = |name: &str| Ok::<_, Error>(make_key(dir, name, passphrase, options.cost)?.public());
    let root = match options.root_keys.is_empty() {
        true => vec![make("root-1")?, make("root-2")?],
        false => {
            for (name, public) in &options.root_keys {
                dir.write(format!("{KEYS}/{name}.pub"), &encode_public(public))?;
            }
            options.root_keys.values().cloned().collect()
        }
    };
    Ok(Founding {
        root: Keys { keys: root, threshold: options.root_threshold },
        targets: Keys::any_of([make("targets")?]),
        snapshot: Keys::any_of([make("snapshot")?]),
        timestamp: Keys::any_of([make("timestamp")?]),
    })
}

/// Makes a key: its sealed file, and its public half beside it.
pub(crate) fn make_key(
    dir: &Dir,
    name: &str,
    passphrase: &Passphrase,
    cost: Cost,
) -> Result<LocalKey, Error> {
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
    dir.write(format!("{KEYS}/{name}.pub"), &encode_public(&new.key.public()))?;
    Ok(new.key)
}

/// The passphrase, asked for once.
pub(crate) fn once<'a>(
    known: &'a OnceCell<Passphrase>,
    ask: &dyn Fn() -> Result<Passphrase, Error>,
) -> Result<&'a Passphrase, Error> {
    match known.get() {
        Some(passphrase) => Ok(passphrase),
        None => {
            let asked = ask()?;
            Ok(known.get_or_init(|| asked))
        }
    }
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
