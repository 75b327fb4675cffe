//! A repository in memory that is itself a mirror.
//!
//! [`Sim`] publishes with the publisher's own code, serves what it published through
//! [`Fetch`](exuvia::Fetch), writes down what was asked for, and lets a test lie: replace or drop
//! files, put old ones back, cut bodies, sign nonsense with the real keys ([`forge`]). Time is a value
//! of the simulation; no test sleeps for it.

mod fetch;
pub mod forge;
mod keys;
mod serve;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use exuvia_bundle::{Item, MemoryTree, Tree};
use exuvia_core::release::{BundleFacts, Facts, Requires};
use exuvia_core::{App, Channel, Digest, Kind, Platform, Time};
use exuvia_repo::{
    Changes, Expiry, Founding, Keys, NewDelta, NewRelease, Payload, Repository, Signer,
};
use semver::Version;
use serde_json::{Map, json};

pub use fetch::{Asked, Trouble};
use keys::keyring;
pub use keys::{ROLES, key};
pub use serve::Front;

/// Name of the simulated application, and of its executable.
pub const APP: &str = "notes";
/// Its channel.
pub const CHANNEL: &str = "stable";

/// A simulated repository. Clones share it: one goes into the updater, one stays with the test.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<State>>);

struct State {
    repository: Repository,
    now: Time,
    /// What the mirror serves: the published files, and what a test made of them.
    served: BTreeMap<String, Vec<u8>>,
    trees: Vec<(Facts, MemoryTree)>,
    troubles: BTreeMap<String, Trouble>,
    asked: Vec<Asked>,
    /// Bytes of bodies handed out.
    sent: Arc<AtomicU64>,
    /// From how many of the newest earlier versions deltas are made.
    deltas: usize,
    /// What was announced for each channel and platform: versions and the digests of their bundles.
    announced: BTreeMap<(String, String), Vec<(String, Digest)>>,
}

impl Sim {
    /// A repository of [`APP`] with an empty role for this machine's platform.
    pub fn new() -> Sim {
        Sim::at("2026-11-23T18:00:00Z".parse().unwrap())
    }

    /// As [`Sim::new`], founded at this time.
    pub fn at(now: Time) -> Sim {
        let any = |role: &str| Keys::any_of([key(role).public()]);
        let founding = Founding {
            root: any("root"),
            targets: any("targets"),
            snapshot: any("snapshot"),
            timestamp: any("timestamp"),
        };
        let app: App = APP.parse().unwrap();
        let (mut repository, changes) =
            Repository::init(app, &founding, Expiry::default(), &keyring(), now).unwrap();
        let (channel, platform) = (CHANNEL.parse().unwrap(), platform());
        let more =
            repository.add_platform(&channel, &platform, &any("channel"), &keyring(), now).unwrap();
        let mut state = State {
            repository,
            now,
            served: BTreeMap::new(),
            trees: Vec::new(),
            troubles: BTreeMap::new(),
            asked: Vec::new(),
            sent: Arc::default(),
            deltas: usize::MAX,
            announced: BTreeMap::new(),
        };
        state.serve(changes);
        state.serve(more);
        Sim(Arc::new(Mutex::new(state)))
    }

    /// The application's `exuvia.json`: the first root, a health rule, the way to qualify.
    pub fn config(&self, health: &str, qualify: serde_json::Value) -> String {
        let root: serde_json::Value =
            serde_json::from_slice(&self.lock().served["metadata/1.root.json"]).unwrap();
        json!({
            "exuvia": 1, "app": APP, "channel": CHANNEL, "mirrors": ["https://sim.invalid/"],
            "root": root, "health": health, "qualify": qualify,
        })
        .to_string()
    }

    /// Publishes a version with deltas from every earlier one.
    pub fn publish(&self, version: &str, tree: &MemoryTree) -> Facts {
        self.publish_with(version, tree, |_| {})
    }

    /// As [`Sim::publish`]; the facts may be changed before they are signed.
    pub fn publish_with(
        &self,
        version: &str,
        tree: &MemoryTree,
        change: impl FnOnce(&mut Facts),
    ) -> Facts {
        let mut state = self.lock();
        let mut bundle = Vec::new();
        let written = exuvia_bundle::pack(tree, &mut bundle).unwrap();
        let digest = Digest::from_bytes(*written.digest.as_bytes());
        let mut facts = facts(version, state.now);
        facts.bundle =
            BundleFacts { digest, length: written.length, files: tree.manifest().files() };
        change(&mut facts);

        let full = zstd::encode_all(&bundle[..], 3).unwrap();
        let patches: Vec<(NewDelta, Vec<u8>)> = state
            .trees
            .iter()
            .rev()
            .take(state.deltas)
            .map(|(old, from)| delta(old, from, tree))
            .collect();
        let new = NewRelease {
            facts: facts.clone(),
            full: payload(&full),
            deltas: patches.iter().map(|(delta, _)| delta.clone()).collect(),
            adding: false,
        };
        let now = state.now;
        let released = state.repository.release(&new, &keyring(), now).unwrap();
        state.served.insert(released.full, full);
        for (path, (_, patch)) in released.deltas.into_iter().zip(patches) {
            state.served.insert(path, patch);
        }
        state.serve(released.changes);
        state.trees.push((facts.clone(), tree.clone()));
        facts
    }

    /// From now on a release gets a delta from the version before it and no other.
    pub fn deltas_from_the_last_only(&self) {
        self.lock().deltas = 1;
    }

    /// The version published last, and its tree.
    pub fn newest(&self) -> (String, MemoryTree) {
        let state = self.lock();
        let (facts, tree) = state.trees.last().unwrap();
        (facts.version.to_string(), tree.clone())
    }

    /// Signs the timestamp again (and what else is due), as the publisher does weekly.
    pub fn refresh(&self) {
        let mut state = self.lock();
        let now = state.now;
        let refreshed = state.repository.refresh(&keyring(), now).unwrap();
        state.serve(refreshed.changes);
    }

    /// The time of the simulation.
    pub fn now(&self) -> Time {
        self.lock().now
    }

    /// Lets days pass.
    pub fn pass_days(&self, days: i64) {
        let mut state = self.lock();
        state.now = state.now.plus_days(days);
    }

    /// All that the mirror serves.
    pub fn served(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().served.clone()
    }

    /// Writes all that is served into a folder, for a server of another kind.
    pub fn write_to(&self, folder: &Path) {
        for (path, bytes) in self.served() {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// Serves exactly these files from now on: an old state, somebody else's, a mixture.
    pub fn serve_instead(&self, files: BTreeMap<String, Vec<u8>>) {
        self.lock().served = files;
    }

    /// Serves other bytes under a path.
    pub fn replace(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.lock().served.insert(path.to_owned(), bytes.into());
    }

    /// Serves nothing under a path.
    pub fn drop_file(&self, path: &str) {
        let dropped = self.lock().served.remove(path);
        assert!(dropped.is_some(), "{path} is not served anyway");
    }

    /// Changes one byte in the middle of a file.
    pub fn flip(&self, path: &str) {
        let mut state = self.lock();
        let bytes = state.served.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }

    /// The only served path that contains all of `parts`.
    pub fn path_of(&self, parts: &[&str]) -> String {
        let state = self.lock();
        let mut found = state.served.keys().filter(|path| parts.iter().all(|p| path.contains(p)));
        let path = found.next().unwrap_or_else(|| panic!("nothing served is like {parts:?}"));
        assert!(found.next().is_none(), "more than one is like {parts:?}");
        path.clone()
    }

    /// From now on something is wrong with a path.
    pub fn trouble(&self, path: &str, trouble: Trouble) {
        self.lock().troubles.insert(path.to_owned(), trouble);
    }

    /// Nothing is wrong with any path any more.
    pub fn heal(&self) {
        self.lock().troubles.clear();
    }

    /// What was asked for since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.lock().asked)
    }

    /// Bytes of bodies handed out since the last call.
    pub fn sent(&self) -> u64 {
        self.lock().sent.swap(0, Ordering::SeqCst)
    }

    /// Bytes of bodies handed out; the count goes on.
    pub fn sent_so_far(&self) -> u64 {
        self.lock().sent.load(Ordering::SeqCst)
    }

    /// Publishes a version of which there are only facts, as long as nobody downloads it; with deltas
    /// from the three before it. One that the channel has on another platform already is added to it.
    pub fn announce(&self, version: &str, channel: &str, platform: &str) {
        let mut state = self.lock();
        let made_up = |what: &str| {
            let sha256 = Digest::of(format!("{what} {version} {channel} {platform}").as_bytes());
            Payload { length: 60_000_000, sha256 }
        };
        let mut facts = facts(version, state.now);
        (facts.channel, facts.platform) = (channel.parse().unwrap(), platform.parse().unwrap());
        let digest = made_up("bundle").sha256;
        facts.bundle = BundleFacts { digest, length: 200_000_000, files: 100 };
        let same = |versions: &Vec<(String, Digest)>| versions.last().unwrap().0 == version;
        let adding = state.announced.iter().any(|((c, _), all)| c == channel && same(all));
        let earlier = state.announced.entry((channel.to_owned(), platform.to_owned())).or_default();
        let delta = |(base, from): &(String, Digest)| NewDelta {
            from: *from,
            format: exuvia_delta::FORMAT.to_owned(),
            payload: made_up(&format!("delta from {base}")),
        };
        let deltas = earlier.iter().rev().take(3).map(delta).collect();
        earlier.push((version.to_owned(), digest));
        let new = NewRelease { facts, full: made_up("full"), deltas, adding };
        let now = state.now;
        let released = state.repository.release(&new, &keyring(), now).unwrap();
        state.serve(released.changes);
    }

    /// Drops the metadata that newer versions took the place of, roots apart: a publisher's state is
    /// copied at every change, and thousands of changes would take hours.
    pub fn drop_old_metadata(&self) {
        let mut state = self.lock();
        let versioned = |path: &str| -> Option<(u64, String)> {
            let (version, role) = path.strip_prefix("metadata/")?.split_once('.')?;
            Some((version.parse().ok().filter(|_| role != "root.json")?, role.to_owned()))
        };
        let mut newest: BTreeMap<String, u64> = BTreeMap::new();
        for (version, role) in state.served.keys().filter_map(|path| versioned(path)) {
            let known = newest.entry(role).or_default();
            *known = version.max(*known);
        }
        state.served.retain(|path, _| {
            versioned(path).is_none_or(|(version, role)| newest[&role] == version)
        });
        let metadata = state.served.iter().filter(|(path, _)| path.starts_with("metadata/"));
        let files = metadata.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        state.repository =
            Repository::parse(APP.parse().unwrap(), Expiry::default(), files).unwrap();
    }

    /// Adds another platform's role to the repository.
    pub fn add_platform(&self, platform: &str) {
        self.add_role(CHANNEL, platform);
    }

    /// Adds the role of a channel and a platform to the repository.
    pub fn add_role(&self, channel: &str, platform: &str) {
        let mut state = self.lock();
        let (channel, platform) = (channel.parse().unwrap(), platform.parse().unwrap());
        let (keys, now) = (Keys::any_of([key("channel").public()]), state.now);
        let changes =
            state.repository.add_platform(&channel, &platform, &keys, &keyring(), now).unwrap();
        state.serve(changes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn serve(&mut self, changes: Changes) {
        for file in changes.files {
            self.served.insert(file.path, file.bytes);
        }
    }
}

/// This machine's platform.
pub fn platform() -> Platform {
    Platform::new(std::env::consts::OS, std::env::consts::ARCH).unwrap()
}

/// Facts of a release of which everything optional is absent.
pub fn facts(version: &str, published: Time) -> Facts {
    Facts {
        facts: 1,
        app: APP.parse().unwrap(),
        version: Version::parse(version).unwrap(),
        channel: CHANNEL.parse::<Channel>().unwrap(),
        platform: platform(),
        kind: Kind::Folder,
        published,
        executable: APP.to_owned(),
        bundle: BundleFacts { digest: Digest::of(b""), length: 0, files: 0 },
        notes: BTreeMap::new(),
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
        extra: Map::new(),
    }
}

/// A small application: an executable script that says its version, and some data.
pub fn app_tree(version: &str, script: &str) -> MemoryTree {
    let data: Vec<u8> = (0..40_000u32).flat_map(|i| (i / 3).to_le_bytes()).collect();
    let file = |executable, bytes: Vec<u8>| Item::File { executable, bytes };
    MemoryTree::new([
        (APP, file(true, script.as_bytes().to_vec())),
        ("share/data", file(false, data)),
        ("share/version", file(false, version.as_bytes().to_vec())),
        ("share/latest", Item::Link { target: "version".to_owned() }),
    ])
    .unwrap()
}

fn payload(bytes: &[u8]) -> Payload {
    Payload { length: bytes.len() as u64, sha256: Digest::of(bytes) }
}

fn delta(old: &Facts, from: &MemoryTree, to: &MemoryTree) -> (NewDelta, Vec<u8>) {
    let mut patch = Vec::new();
    let options = exuvia_delta::Options::default();
    exuvia_delta::make(from, to, &mut patch, &options, &mut |_| {}).unwrap();
    let format = exuvia_delta::FORMAT.to_owned();
    (NewDelta { from: old.bundle.digest, format, payload: payload(&patch) }, patch)
}

/// Paths that were asked for, without repetition.
pub fn paths(asked: &[Asked]) -> BTreeSet<&str> {
    asked.iter().map(|asked| asked.path.as_str()).collect()
}
