//! A publisher with a repository in memory, and a machine with the application installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia::{Builder, FirstInstall, Limits, Time, Updater};
use exuvia_bundle::{Item, MemoryTree, Tree, pack};
use exuvia_core::metadata::{Envelope, Root};
use exuvia_core::release::{BundleFacts, Facts, Requires};
use exuvia_core::{App, Channel, Digest, Kind, Platform};
use exuvia_repo::{
    Expiry, Founding, Keyring, Keys, LocalKey, NewDelta, NewRelease, Payload, Repository, Signer,
};
use tempfile::TempDir;

use crate::mirror::Mirror;

const DAY: i64 = 24 * 60 * 60;
const START: i64 = 1_780_000_000;

/// Everything a test needs: who publishes, who serves, and what is installed.
pub(crate) struct World {
    pub(crate) files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub(crate) mirror: Mirror,
    pub(crate) dir: TempDir,
    /// From which version deltas are released as they should not be: signed, and good for nothing.
    pub(crate) spoils_deltas_from: Option<&'static str>,
    keyring: Keyring,
    repository: Repository,
    config: String,
    clock: Arc<AtomicI64>,
    trees: BTreeMap<String, MemoryTree>,
}

impl World {
    /// A repository with version 1.0.0, and that version installed.
    pub(crate) async fn new() -> World {
        let mut world = World::empty();
        world.release("1.0.0", &[]);
        world.install().await;
        world.mirror.take_log();
        world
    }

    fn empty() -> World {
        let keys: Vec<LocalKey> = (1..=5).map(|n| LocalKey::from_seed(&[n; 32])).collect();
        let of = |n: usize| Keys::any_of([keys[n].public().clone()]);
        let founding = Founding { root: of(0), targets: of(1), snapshot: of(2), timestamp: of(3) };
        let channel_keys = of(4);
        let keyring = keys.into_iter().fold(Keyring::new(), Keyring::with);
        let (now, app) = (Time::from_unix(START), "notes".parse::<App>().unwrap());
        let (mut repository, _) =
            Repository::init(app, &founding, Expiry::default(), &keyring, now).unwrap();
        repository.add_platform(&channel(), &platform(), &channel_keys, &keyring, now).unwrap();
        let root: serde_json::Value =
            serde_json::from_slice(repository.first_root().unwrap()).unwrap();
        let config = serde_json::json!({
            "exuvia": 1, "app": "notes", "channel": "stable", "root": root,
            "mirrors": ["https://updates.invalid/"], "qualify": false,
        });
        let files = Arc::new(Mutex::new(repository.files().clone()));
        World {
            mirror: Mirror::new("memory:a", files.clone()),
            files,
            dir: TempDir::new().unwrap(),
            spoils_deltas_from: None,
            keyring,
            repository,
            config: config.to_string(),
            clock: Arc::new(AtomicI64::new(START)),
            trees: BTreeMap::new(),
        }
    }

    /// Publishes a version, with deltas from others.
    pub(crate) fn release(&mut self, version: &str, deltas_from: &[&str]) {
        self.release_with(version, deltas_from, |_| {});
    }

    pub(crate) fn release_with(
        &mut self,
        version: &str,
        deltas_from: &[&str],
        change: impl FnOnce(&mut Facts),
    ) {
        let tree = application(version);
        let mut stream = Vec::new();
        let written = pack(&tree, &mut stream).unwrap();
        let mut payloads = vec![zstd::encode_all(&stream[..], 3).unwrap()];
        let mut deltas = Vec::new();
        for from in deltas_from {
            let spoils = self.spoils_deltas_from == Some(*from);
            let (mut patch, options) = (Vec::new(), exuvia_delta::Options::default());
            let old = &self.trees[*from];
            exuvia_delta::make(old, &tree, &mut patch, &options, &mut |_| {}).unwrap();
            let base = pack(old, std::io::sink()).unwrap().digest;
            let from = Digest::from_bytes(*base.as_bytes());
            if spoils {
                let middle = patch.len() / 2;
                patch[middle] ^= 1;
            }
            let format = exuvia_delta::FORMAT.to_owned();
            deltas.push(NewDelta { from, format, payload: payload(&patch) });
            payloads.push(patch);
        }
        let mut facts = Facts {
            facts: 1,
            app: "notes".parse().unwrap(),
            version: version.parse().unwrap(),
            channel: channel(),
            platform: platform(),
            kind: Kind::Folder,
            published: self.now(),
            executable: "notes".to_owned(),
            bundle: BundleFacts {
                digest: Digest::from_bytes(*written.digest.as_bytes()),
                length: written.length,
                files: tree.manifest().files(),
            },
            notes: BTreeMap::from([("en".to_owned(), format!("Notes of {version}"))]),
            notes_targets: BTreeMap::new(),
            requires: Requires::default(),
            critical: false,
            gated: None,
            data: None,
            supersedes: Vec::new(),
            safe_from: None,
            crit: Vec::new(),
            reads: vec![exuvia_delta::FORMAT.to_owned()],
            delta: None,
            extra: serde_json::Map::new(),
        };
        change(&mut facts);
        let new = NewRelease { facts, full: payload(&payloads[0]), deltas, adding: false };
        let released = self.repository.release(&new, &self.keyring, self.now()).unwrap();
        let mut files = self.files.lock().unwrap();
        files.extend(std::iter::once(released.full).chain(released.deltas).zip(payloads));
        released.changes.write_to(&mut files);
        drop(files);
        self.trees.insert(version.to_owned(), tree);
    }

    /// Signs the timestamp anew.
    pub(crate) fn refresh(&mut self) {
        let refreshed = self.repository.refresh(&self.keyring, self.now()).unwrap();
        refreshed.changes.write_to(&mut self.files.lock().unwrap());
    }

    /// Publishes a new root that names another timestamp key, and signs the timestamp with it.
    pub(crate) fn rotate_timestamp_key(&mut self, seed: u8) {
        let (root_key, key) = (LocalKey::from_seed(&[1; 32]), LocalKey::from_seed(&[seed; 32]));
        let mut files = self.repository.files().clone();
        let newest = self.root_version();
        let bytes = &files[&format!("metadata/{newest}.root.json")];
        let mut root: Root =
            serde_json::from_value(Envelope::parse(bytes).unwrap().signed).unwrap();
        root.version += 1;
        root.keys.insert(key.public().id(), key.public().clone());
        root.roles.timestamp.keyids = vec![key.public().id()];
        let mut envelope = Envelope::unsigned(&root).unwrap();
        envelope.signatures.push(root_key.sign(&envelope.signed_bytes().unwrap()).unwrap());
        let path = format!("metadata/{}.root.json", root.version);
        let bytes = serde_json::to_vec(&envelope).unwrap();
        files.insert(path.clone(), bytes.clone());
        self.files.lock().unwrap().insert(path, bytes);
        let app = "notes".parse().unwrap();
        self.repository = Repository::parse(app, Expiry::default(), files).unwrap();
        self.keyring.add(key);
        self.refresh();
    }

    /// From now on the application comes with the newest root.
    pub(crate) fn embed_newest_root(&mut self) {
        let newest = format!("metadata/{}.root.json", self.root_version());
        let mut config: serde_json::Value = serde_json::from_str(&self.config).unwrap();
        config["root"] = serde_json::from_slice(&self.repository.files()[&newest]).unwrap();
        self.config = config.to_string();
    }

    fn root_version(&self) -> usize {
        self.repository.files().keys().filter(|path| path.ends_with(".root.json")).count()
    }

    pub(crate) fn pass_days(&self, days: i64) {
        self.clock.fetch_add(days * DAY, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_unix(self.clock.load(Ordering::SeqCst))
    }

    pub(crate) fn app_dir(&self) -> PathBuf {
        self.dir.path().join("app")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// A builder for the installation, without any mirror yet.
    pub(crate) fn bare_builder(&self) -> Builder {
        let clock = self.clock.clone();
        let mut limits = Limits::default();
        limits.pause = Duration::from_millis(5);
        Updater::builder(&self.config)
            .install(self.app_dir())
            .state_dir(self.dir.path().join("state"))
            .cache_dir(self.cache())
            .limits(limits)
            .clock(move || Time::from_unix(clock.load(Ordering::SeqCst)))
    }

    pub(crate) fn builder(&self) -> Builder {
        self.bare_builder().fetch(self.mirror.clone())
    }

    pub(crate) fn updater(&self) -> Updater {
        self.builder().build().unwrap()
    }

    async fn install(&self) {
        let launcher = self.dir.path().join("launcher");
        std::fs::write(&launcher, "#!/bin/sh\n").unwrap();
        let first = FirstInstall { layout: None, version: None, launcher: Some(launcher) };
        let installed = self.updater().first_install(first, &mut |_| {}).await.unwrap();
        assert_eq!(installed.version.to_string(), "1.0.0");
    }

    /// What the installation's `current` holds.
    pub(crate) fn installed_text(&self) -> String {
        std::fs::read_to_string(self.app_dir().join("current/version.txt")).unwrap()
    }

    /// The remote paths of files whose name contains `part`.
    pub(crate) fn paths(&self, part: &str) -> Vec<String> {
        let files = self.files.lock().unwrap();
        files.keys().filter(|path| path.contains(part)).cloned().collect()
    }

    /// Flips a byte in the middle of a served file.
    pub(crate) fn damage(&self, path: &str) {
        let mut files = self.files.lock().unwrap();
        let bytes = files.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }
}

/// The digest of a version's bundle, published or not.
pub(crate) fn bundle(version: &str) -> Digest {
    let written = pack(&application(version), &mut std::io::sink()).unwrap();
    Digest::from_bytes(*written.digest.as_bytes())
}

/// A tree with a large file that hardly changes, and a small one that does.
fn application(version: &str) -> MemoryTree {
    let mut noise = Vec::with_capacity(3 << 20);
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    while noise.len() < 3 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise[1000..1000 + version.len()].copy_from_slice(version.as_bytes());
    let file = |executable, bytes: &[u8]| Item::File { executable, bytes: bytes.to_vec() };
    MemoryTree::new([
        ("notes", file(true, b"#!/bin/sh\nexit 0\n")),
        ("version.txt", file(false, version.as_bytes())),
        ("data/large.bin", file(false, &noise)),
    ])
    .unwrap()
}

fn payload(bytes: &[u8]) -> Payload {
    Payload { length: bytes.len() as u64, sha256: Digest::of(bytes) }
}

fn channel() -> Channel {
    "stable".parse().unwrap()
}

fn platform() -> Platform {
    Platform::new(std::env::consts::OS, std::env::consts::ARCH).unwrap()
}
