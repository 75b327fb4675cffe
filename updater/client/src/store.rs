//! What is kept between runs (formats §8): metadata byte for byte, floors twice, what not to try
//! again. All writes are durable; whatever cannot be read is absent, which the floors make safe.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use exuvia_core::Digest;
use exuvia_core::floors::Floors;
use exuvia_core::metadata::Envelope;
use exuvia_core::rollout::InstallId;
use exuvia_durable::{Dir, Kind, Lock};
use exuvia_plan::record::{self, Record};
use serde::{Deserialize, Serialize};

use crate::error::LocalError;
use crate::freshness::Freshness;

/// Larger than any metadata file that core accepts.
const METADATA_LIMIT: u64 = 8 << 20;
const RECORD_LIMIT: u64 = 1 << 20;
const FRESH: &str = "fresh";

/// The state of one installation as one user fetches for it.
#[derive(Debug)]
pub(crate) struct Store {
    dir: Dir,
    metadata: Dir,
    /// What was found damaged and was, or will be, made anew.
    damaged: Mutex<BTreeSet<PathBuf>>,
}

impl Store {
    /// Opens the store for the installation at `install`, making it when it is new.
    pub(crate) fn open(state: &Path, app: &str, install: &Path) -> Result<Store, LocalError> {
        let dir = Dir::open_or_create(dir(state, app, install))?;
        let metadata = match dir.subdir_or_create("metadata") {
            Err(e) if e.kind() == Kind::WrongPath => {
                dir.remove_tree("metadata")?;
                dir.subdir_or_create("metadata")
            }
            opened => opened,
        }?;
        for dir in [&dir, &metadata] {
            // Checks take no lock; best effort, since all that is gained is a few kilobytes.
            let _ = dir.sweep_older(ABANDONED);
        }
        Ok(Store { dir, metadata, damaged: Mutex::default() })
    }

    /// What was found damaged since the last call.
    pub(crate) fn take_damaged(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.damaged.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_damage(&self, path: PathBuf) {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
    }

    /// Where the metadata files lie.
    pub(crate) fn metadata_path(&self) -> &Path {
        self.metadata.path()
    }

    /// A metadata file, if it is there and readable. Core makes names that are plain on any disk.
    pub(crate) fn load(&self, name: &str) -> Option<Vec<u8>> {
        let read = self.metadata.read(name, METADATA_LIMIT);
        if read.as_ref().map_or(true, |read| read.as_deref().is_some_and(|b| version(b).is_none()))
        {
            self.note_damage(self.metadata.path().join(name));
        }
        read.ok().flatten()
    }

    /// A metadata file as a repository would serve it, where all but roots stand with their version
    /// before their name. Whether it is the version that was asked for is for whoever reads it.
    pub(crate) fn served(&self, name: &str) -> Option<Vec<u8>> {
        let read = |name: &str| self.metadata.read(name, METADATA_LIMIT).ok().flatten();
        read(name).or_else(|| {
            let (number, plain) = name.split_once('.')?;
            let number: u64 = number.parse().ok()?;
            // That there is no such root means that there is no newer one.
            read(plain).filter(|bytes| plain != "root.json" || version(bytes) == Some(number))
        })
    }

    /// Replaces a metadata file. Other bytes of the same version took the place of damaged ones.
    pub(crate) fn save(&self, name: &str, bytes: &[u8]) -> Result<(), LocalError> {
        let before = self.metadata.read(name, METADATA_LIMIT).ok().flatten();
        if before.is_some_and(|before| before != bytes && version(&before) == version(bytes)) {
            self.note_damage(self.metadata.path().join(name));
        }
        replace(&self.metadata, name, bytes)
    }

    /// Entry by entry the higher of the two copies. Where one of them is damaged or missing, both
    /// are written anew, so that the next damage finds two again.
    ///
    /// # Errors
    /// [`LocalError::Newer`] when a later version of Exuvia wrote them.
    pub(crate) fn floors(&self) -> Result<Floors, LocalError> {
        let read = self.read_floors()?;
        if read.readable == 1 {
            self.save_floors(&read.floors)?;
        }
        Ok(read.floors)
    }

    /// Raises both copies, one after the other, so that one is whole at any moment. Another process
    /// may have raised them since they were read, and what it learnt holds too.
    pub(crate) fn save_floors(&self, floors: &Floors) -> Result<(), LocalError> {
        let turn = in_place_of_no_file(&self.dir, "floors.lock", || {
            Lock::exclusive(&self.dir, "floors.lock", PATIENCE)
        })?;
        let _turn = turn.ok_or(LocalError::Busy)?;
        let bytes = exuvia_plan::floors::write(&Floors::merge(floors, &self.read_floors()?.floors));
        replace(&self.dir, "floors.a", &bytes)?;
        replace(&self.dir, "floors.b", &bytes)
    }

    fn read_floors(&self) -> Result<exuvia_plan::floors::Read, LocalError> {
        let read = |name: &str| {
            let read = self.dir.read(name, RECORD_LIMIT);
            let path = self.dir.path().join(name);
            match read {
                // No file can be read: as damaged as an empty one.
                Err(_) => (Some(Vec::new()), path),
                Ok(bytes) => (bytes, path),
            }
        };
        let copies = ["floors.a", "floors.b"].map(read);
        for (bytes, path) in &copies {
            let alone = exuvia_plan::floors::read(bytes.as_deref(), None);
            if alone.is_ok_and(|alone| alone.damaged > 0) {
                self.note_damage(path.clone());
            }
        }
        let [(a, path), (b, _)] = copies;
        exuvia_plan::floors::read(a.as_deref(), b.as_deref())
            .map_err(|source| LocalError::State { path, source })
    }

    /// The validator of the stored timestamp.
    pub(crate) fn tag(&self) -> Option<Tag> {
        self.read_record("timestamp.etag")
    }

    pub(crate) fn save_tag(&self, tag: &Tag) -> Result<(), LocalError> {
        replace(&self.dir, "timestamp.etag", &record::encode(tag))
    }

    /// Payloads that are not worth another try.
    pub(crate) fn failed(&self) -> BTreeSet<Digest> {
        self.read_record::<Failed>("failed").unwrap_or_default().targets
    }

    /// Adds a payload that led nowhere although its bytes were right.
    pub(crate) fn remember_failed(&self, target: Digest) -> Result<(), LocalError> {
        self.change_failed(|failed| failed.give_up(target))
    }

    /// A payload of which nothing came in this run, from a mirror that gave its metadata. The third
    /// time it is not worth another try.
    pub(crate) fn remember_in_vain(&self, target: Digest) -> Result<(), LocalError> {
        self.change_failed(|failed| {
            let times = failed.in_vain.entry(target).or_default();
            *times += 1;
            if *times >= IN_VAIN {
                failed.give_up(target);
            }
        })
    }

    fn change_failed(&self, change: impl FnOnce(&mut Failed)) -> Result<(), LocalError> {
        let mut failed: Failed = self.read_record("failed").unwrap_or_default();
        if failed.targets.len() + failed.in_vain.len() >= ENTRIES {
            failed = Failed::default();
        }
        change(&mut failed);
        replace(&self.dir, "failed", &record::encode(&failed))
    }

    /// Bundles that the user does not want.
    pub(crate) fn skipped(&self) -> BTreeSet<Digest> {
        self.read_record::<Skipped>("skipped").unwrap_or_default().bundles
    }

    /// Adds a bundle that the user does not want.
    pub(crate) fn remember_skipped(&self, bundle: Digest) -> Result<(), LocalError> {
        let mut bundles = self.skipped();
        if bundles.len() >= ENTRIES {
            bundles.clear();
        }
        bundles.insert(bundle);
        replace(&self.dir, "skipped", &record::encode(&Skipped { bundles }))
    }

    /// What tells this installation apart in rollouts: made once at random, never sent anywhere. One
    /// that cannot be kept is another one each time, which costs nothing but the order of updates.
    pub(crate) fn install_id(&self) -> InstallId {
        if let Some(id) = self.read_record::<Identity>("install-id").and_then(|known| known.id()) {
            return id;
        }
        let id = InstallId(random());
        let _ = replace(&self.dir, "install-id", &record::encode(&Identity::of(id)));
        id
    }

    /// The right to download and stage for this installation. What outlives a run that was dropped,
    /// the write of its last bytes, is waited for.
    pub(crate) fn lock(&self) -> Result<Lock, LocalError> {
        self.lock_within(LAST_WRITE)?.ok_or(LocalError::Busy)
    }

    /// As [`lock`](Store::lock), if nobody has it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, LocalError> {
        self.lock_within(Duration::ZERO)
    }

    fn lock_within(&self, patience: Duration) -> Result<Option<Lock>, LocalError> {
        in_place_of_no_file(&self.dir, "lock", || Lock::exclusive(&self.dir, "lock", patience))
    }

    /// How fresh what is known was at the last check.
    pub(crate) fn freshness(&self) -> Option<Freshness> {
        self.read_record(FRESH)
    }

    /// As [`freshness`](Self::freshness), of a store that need not be there: makes none.
    pub(crate) fn look_at_freshness(state: &Path, app: &str, install: &Path) -> Option<Freshness> {
        let dir = Dir::open(dir(state, app, install)).ok()?;
        record::decode(&dir.read(FRESH, RECORD_LIMIT).ok()??).ok()
    }

    pub(crate) fn save_freshness(&self, freshness: &Freshness) -> Result<(), LocalError> {
        replace(&self.dir, FRESH, &record::encode(freshness))
    }

    fn read_record<R: Record>(&self, name: &str) -> Option<R> {
        record::decode(&self.dir.read(name, RECORD_LIMIT).ok().flatten()?).ok()
    }
}

/// What a mirror called the stored timestamp. It counts only while those very bytes are stored, so
/// that no crash between the two files can make an old timestamp look current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub(crate) mirror: String,
    pub(crate) timestamp: Digest,
    pub(crate) validator: String,
}

impl Record for Tag {
    const NAME: &'static str = "exuvia-etag";
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Failed {
    targets: BTreeSet<Digest>,
    /// How often nothing came of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    in_vain: BTreeMap<Digest, u32>,
}

impl Failed {
    fn give_up(&mut self, target: Digest) {
        self.in_vain.remove(&target);
        self.targets.insert(target);
    }
}

impl Record for Failed {
    const NAME: &'static str = "exuvia-failed";
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Skipped {
    bundles: BTreeSet<Digest>,
}

impl Record for Skipped {
    const NAME: &'static str = "exuvia-skipped";
}

#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    id: String,
}

impl Record for Identity {
    const NAME: &'static str = "exuvia-install";
}

impl Identity {
    fn of(id: InstallId) -> Self {
        Self { id: format!("{:032x}", u128::from_be_bytes(id.0)) }
    }

    fn id(&self) -> Option<InstallId> {
        let number = u128::from_str_radix(&self.id, 16).ok()?;
        (self.id.len() == 32).then_some(InstallId(number.to_be_bytes()))
    }
}

/// Random enough to spread installations evenly, which is all that is asked of it: the standard
/// library seeds its hashers from the system.
fn random() -> [u8; 16] {
    let half = || RandomState::new().build_hasher().finish().to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    bytes
}

/// Where things of an installation lie, below the state or the cache directory.
pub(crate) fn dir(state: &Path, app: &str, install: &Path) -> PathBuf {
    state.join("exuvia").join(app).join(exuvia_plan::files::key(install))
}

/// The version in some metadata, if it is metadata at all.
fn version(bytes: &[u8]) -> Option<u64> {
    Envelope::parse(bytes).ok()?.signed["version"].as_u64()
}

fn replace(dir: &Dir, name: &str, bytes: &[u8]) -> Result<(), LocalError> {
    in_place_of_no_file(dir, name, || dir.write(name, bytes))
}

/// Does something with a file, once more where something that is no file stands in its way: nothing
/// of ours is lost with that.
fn in_place_of_no_file<T>(
    dir: &Dir,
    name: &str,
    act: impl Fn() -> Result<T, exuvia_durable::Error>,
) -> Result<T, LocalError> {
    match act() {
        Err(e) if matches!(e.kind(), Kind::WrongPath | Kind::Exists) => {
            dir.remove_tree(name)?;
            Ok(act()?)
        }
        done => Ok(done?),
    }
}

/// How long another process may take to write its floors.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the last write of a run that was dropped may take.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Older than any write that is still under way.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Far more than a repository lists; a list that grew past it is begun again.
const ENTRIES: usize = 1024;
/// In how many runs nothing may come of a delta.
const IN_VAIN: u32 = 3;

#[cfg(test)]
mod tests;
