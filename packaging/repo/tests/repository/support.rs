//! A publisher in memory, for tests.

use std::collections::BTreeMap;

use exuvia_core::release::{BundleFacts, FACTS_VERSION, Facts, Requires};
use exuvia_core::{Channel, Digest, Kind, Platform, Time};
use exuvia_repo::{
    Changes, Error, Expiry, Founding, Keyring, Keys, LocalKey, NewRelease, Payload, Released,
    Repository, Signer as _,
};
use serde_json::Map;

pub(crate) const FORMAT: &str = "exuvia-delta-3";

pub(crate) struct Publisher {
    pub(crate) repository: Repository,
    pub(crate) keys: Keyring,
    /// All that was ever written, as a directory would hold it.
    pub(crate) disk: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn day(days: i64) -> Time {
    Time::from_unix(1_800_000_000).plus_days(days)
}

pub(crate) fn key(seed: u8) -> LocalKey {
    LocalKey::from_seed(&[seed; 32])
}

pub(crate) fn stable() -> Channel {
    "stable".parse().unwrap()
}

pub(crate) fn linux() -> Platform {
    "linux-x86_64".parse().unwrap()
}

pub(crate) fn windows() -> Platform {
    "windows-x86_64".parse().unwrap()
}

pub(crate) fn founding() -> Founding {
    Founding {
        root: Keys::any_of([key(1).public(), key(2).public()]),
        targets: Keys::any_of([key(3).public()]),
        snapshot: Keys::any_of([key(4).public()]),
        timestamp: Keys::any_of([key(5).public()]),
    }
}

/// The keys with these seeds: 1 and 2 root, 3 targets, 4 snapshot, 5 timestamp, 6 channels.
pub(crate) fn keys(seeds: impl IntoIterator<Item = u8>) -> Keyring {
    seeds.into_iter().fold(Keyring::new(), |ring, seed| ring.with(key(seed)))
}

impl Publisher {
    /// With the channel `stable` for Linux and Windows.
    pub(crate) fn new() -> Self {
        let keys = keys(1..=6);
        let (repository, changes) = Repository::init(
            "notes".parse().unwrap(),
            &founding(),
            Expiry::default(),
            &keys,
            day(0),
        )
        .unwrap();
        let mut publisher = Self { repository, keys, disk: BTreeMap::new() };
        changes.write_to(&mut publisher.disk);
        for platform in [linux(), windows()] {
            let of = Keys::any_of([key(6).public()]);
            let changes = publisher
                .repository
                .add_platform(&stable(), &platform, &of, &publisher.keys, day(0))
                .unwrap();
            changes.write_to(&mut publisher.disk);
        }
        publisher
    }

    pub(crate) fn release(&mut self, new: &NewRelease, now: Time) -> Result<Released, Error> {
        let released = self.repository.release(new, &self.keys, now)?;
        released.changes.write_to(&mut self.disk);
        Ok(released)
    }

    pub(crate) fn parse(&self) -> Result<Repository, Error> {
        Repository::parse("notes".parse().unwrap(), Expiry::default(), self.disk.clone())
    }

    pub(crate) fn root(&self) -> &[u8] {
        &self.disk["metadata/1.root.json"]
    }
}

pub(crate) fn facts(version: &str, content: &str) -> Facts {
    Facts {
        facts: FACTS_VERSION,
        app: "notes".parse().unwrap(),
        version: version.parse().unwrap(),
        channel: stable(),
        platform: linux(),
        kind: Kind::Folder,
        published: day(0),
        executable: "notes".to_owned(),
        bundle: BundleFacts { digest: Digest::of(content.as_bytes()), length: 10_240, files: 3 },
        notes: BTreeMap::new(),
        notes_targets: BTreeMap::new(),
        requires: Requires::default(),
        critical: false,
        gated: None,
        data: None,
        supersedes: Vec::new(),
        safe_from: None,
        crit: Vec::new(),
        reads: vec![FORMAT.to_owned()],
        delta: None,
        extra: Map::new(),
    }
}

/// A release whose content is its version.
pub(crate) fn release(version: &str) -> NewRelease {
    of(facts(version, version))
}

pub(crate) fn of(facts: Facts) -> NewRelease {
    let full = payload(&format!("full {} {}", facts.platform, facts.bundle.digest));
    NewRelease { facts, full, deltas: Vec::new(), adding: false }
}

pub(crate) fn payload(content: &str) -> Payload {
    Payload { length: content.len() as u64, sha256: Digest::of(content.as_bytes()) }
}

pub(crate) fn paths(changes: &Changes) -> Vec<&str> {
    changes.files.iter().map(|file| file.path.as_str()).collect()
}
