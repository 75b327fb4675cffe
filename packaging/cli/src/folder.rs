//! The publisher's folder: settings, keys, metadata, targets. Nothing here needs a passphrase.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use exuvia::Config;
use exuvia_core::Time;
use exuvia_core::target::Target;
use exuvia_durable::{Dir, FileKind, Lock};
use exuvia_repo::{Changes, Listing, Payload, Repository};

use crate::Error;
use crate::settings::Settings;

/// A publisher's folder, read.
#[derive(Debug)]
pub struct Folder {
    pub(crate) dir: Dir,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
}

impl Folder {
    /// Opens a folder that `exuvia init` made.
    ///
    /// # Errors
    /// There is none, or its settings cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let absent = || Error::NotARepository { dir: path.to_owned() };
        let dir = match Dir::open(path) {
            Ok(dir) => dir,
            Err(error) if error.kind() == exuvia_durable::Kind::NotFound => return Err(absent()),
            Err(error) => return Err(error.into()),
        };
        let settings = dir.read(SETTINGS, SMALL)?.ok_or_else(absent)?;
        let settings = Settings::parse(&settings)
            .map_err(|source| Error::Settings { path: path.join(SETTINGS), source })?;
        let config = read_config(&dir)?;
        if config.app != settings.app {
            let (expected, found) = (settings.app, config.app);
            return Err(Error::OtherApp { path: path.join(CONFIG), expected, found });
        }
        Ok(Self { dir, settings, config })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What the application embeds.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The state of the metadata.
    ///
    /// # Errors
    /// The repository is not founded yet; a metadata file is missing or damaged.
    pub fn repository(&self) -> Result<Repository, Error> {
        let state = self.repository_or_none()?;
        if state.is_empty() { Err(Error::NotFounded) } else { Ok(state) }
    }

    /// As [`Folder::repository`]; empty as long as `init` waits for root keys of other people.
    ///
    /// # Errors
    /// A metadata file is missing or damaged.
    pub(crate) fn repository_or_none(&self) -> Result<Repository, Error> {
        let files = read_metadata(&self.dir)?;
        if files.is_empty() && self.settings.keys.is_empty() {
            return Ok(Repository::empty(self.settings.app.clone(), self.settings.expiry_days));
        }
        Ok(Repository::parse(self.settings.app.clone(), self.settings.expiry_days, files)?)
    }

    /// Reads everything as a client that starts from the embedded root: the metadata, and length
    /// and digest of every file that is listed.
    ///
    /// # Errors
    /// What a client would refuse; a target that is missing or damaged.
    pub fn verify(&self, now: Time) -> Result<Listing, Error> {
        let listing = exuvia_repo::verify(&self.repository()?, &self.config.root, now)?;
        for target in &listing.targets {
            check_target(&self.dir, target)?;
        }
        Ok(listing)
    }

    /// Keeps other commands out until it is dropped.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        let busy = || Error::Busy { dir: self.path().to_owned() };
        Lock::exclusive(&self.dir, LOCK, PATIENCE)?.ok_or_else(busy)
    }

    /// Writes metadata in its order: who reads meanwhile sees the state before or the one after.
    pub(crate) fn write(&self, changes: &Changes) -> Result<(), Error> {
        write_changes(&self.dir, changes)
    }

    /// An empty folder for unfinished work, on the same disk as the result.
    pub(crate) fn work(&self) -> Result<Dir, Error> {
        self.dir.remove_tree(WORK)?;
        Ok(self.dir.create_dir(WORK)?)
    }

    pub(crate) fn end_work(&self) -> Result<(), Error> {
        Ok(self.dir.remove_tree(WORK)?)
    }

    /// Moves a finished and flushed file of [`Folder::work`] to its place below this folder.
    pub(crate) fn place(&self, work: &Dir, name: &str, at: &str) -> Result<(), Error> {
        make_parents(&self.dir, at)?;
        Ok(work.rename_into(name, &self.dir, at)?)
    }
}

/// Creates the missing directories above `path`, durably.
pub(crate) fn make_parents(dir: &Dir, path: &str) -> Result<(), Error> {
    for (end, _) in path.match_indices('/') {
        dir.subdir_or_create(&path[..end])?;
    }
    Ok(())
}

pub(crate) fn write_changes(dir: &Dir, changes: &Changes) -> Result<(), Error> {
    for file in &changes.files {
        make_parents(dir, &file.path)?;
        dir.write(&file.path, &file.bytes)?;
    }
    Ok(())
}

pub(crate) fn read_config(dir: &Dir) -> Result<Config, Error> {
    let path = dir.path().join(CONFIG);
    let bytes = dir.read(CONFIG, 4 * SMALL)?;
    let bytes = bytes.ok_or_else(|| Error::NoConfig { path: path.clone() })?;
    parse_config(&path, &bytes)
}

pub(crate) fn parse_config(path: &Path, bytes: &[u8]) -> Result<Config, Error> {
    Config::parse(&String::from_utf8_lossy(bytes))
        .map_err(|source| Error::Config { path: path.to_owned(), source })
}

/// All metadata files of a repository, by path below its base.
pub(crate) fn read_metadata(dir: &Dir) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    let metadata = match dir.subdir(METADATA) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == exuvia_durable::Kind::NotFound => return Ok(files),
        Err(error) => return Err(error.into()),
    };
    for entry in metadata.entries()? {
        let name = entry.name.to_str().filter(|name| name.ends_with(".json"));
        if let (Some(name), FileKind::File) = (name, entry.kind)
            && let Some(bytes) = metadata.read(name, LARGEST_METADATA)?
        {
            files.insert(format!("{METADATA}/{name}"), bytes);
        }
    }
    Ok(files)
}

/// A listed target is there, whole.
fn check_target(dir: &Dir, target: &Target) -> Result<(), Error> {
    let remote = target.remote_path();
    let path = dir.path().join(&remote);
    let sha256 = target.sha256().ok_or_else(|| Error::Payload { path: path.clone() })?;
    match holds(dir, &remote, Payload { length: target.length(), sha256 })? {
        true => Ok(()),
        false if dir.metadata(&remote)?.is_none() => Err(Error::NoPayload { path }),
        false => Err(Error::Payload { path }),
    }
}

/// Whether a file is there with this length and digest.
pub(crate) fn holds(dir: &Dir, path: &str, payload: Payload) -> Result<bool, Error> {
    let metadata = dir.metadata(path)?;
    if metadata.is_none_or(|m| m.kind != FileKind::File || m.length != payload.length) {
        return Ok(false);
    }
    let mut file = dir.open_file(path)?;
    let mut hasher = exuvia_bundle::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(Error::io(&dir.path().join(path)))? {
            0 => return Ok(hasher.finish().as_bytes() == payload.sha256.as_bytes()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

pub(crate) fn key_file(name: &str) -> String {
    format!("{KEYS}/{name}.key")
}

pub(crate) const SETTINGS: &str = "publisher.json";
pub(crate) const CONFIG: &str = "exuvia.json";
pub(crate) const KEYS: &str = "keys";
pub(crate) const METADATA: &str = "metadata";
const WORK: &str = ".work";
const LOCK: &str = ".lock";
/// The most bytes of a settings or key file.
pub(crate) const SMALL: u64 = 256 * 1024;
/// The most bytes of a metadata file that any client reads.
const LARGEST_METADATA: u64 = 5 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
