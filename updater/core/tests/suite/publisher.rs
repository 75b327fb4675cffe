//! A publisher in memory: changes metadata at will, right or wrong, and signs it.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use exuvia_core::keys::{PublicKey, Signature};
use exuvia_core::metadata::{
    DelegatedRole, Envelope, MetaFile, RoleKeys, Roles, Root, Scope, Snapshot, TargetFile, Targets,
    Timestamp,
};
use exuvia_core::{Digest, Time};
use serde::Serialize;
use serde_json::{Map, Value};

/// The "now" of tests, unless they say otherwise.
pub(crate) fn now() -> Time {
    time("2026-06-01T00:00:00Z")
}

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// An Ed25519 key made of a number.
#[derive(Clone)]
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::ed25519(self.0.verifying_key().as_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature::new(self.public().id(), &self.0.sign(message).to_bytes())
    }
}

/// Metadata signed by some keys, as bytes.
pub(crate) fn signed(role: &impl Serialize, signers: &[Signer]) -> Vec<u8> {
    let mut envelope = Envelope::unsigned(role).unwrap();
    let message = envelope.signed_bytes().unwrap();
    envelope.signatures = signers.iter().map(|signer| signer.sign(&message)).collect();
    serde_json::to_vec(&envelope).unwrap()
}

/// Bytes of metadata, changed after they were signed.
pub(crate) fn tampered(bytes: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::from_slice(bytes).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

fn keys_of(signers: &[Signer], threshold: u64) -> RoleKeys {
    let keyids = signers.iter().map(|signer| signer.public().id()).collect();
    RoleKeys { keyids, threshold, extra: Map::new() }
}

/// A repository and everything needed to change it. What is served is `files`.
pub(crate) struct Publisher {
    pub(crate) root: Root,
    pub(crate) timestamp: Timestamp,
    pub(crate) snapshot: Snapshot,
    /// Targets metadata by role, with the top-level `targets`.
    pub(crate) targets: BTreeMap<String, Targets>,
    pub(crate) signers: BTreeMap<String, Vec<Signer>>,
    /// Whether parents state lengths and hashes.
    pub(crate) hashes: bool,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Who signed the last root that was published.
    root_signers: Vec<Signer>,
}

impl Publisher {
    /// A repository with one key and version 1 of each top-level role.
    pub(crate) fn new() -> Self {
        let expires = time("2027-01-01T00:00:00Z");
        let roles = ["root", "timestamp", "snapshot", "targets"];
        let signers: BTreeMap<_, _> = (1..)
            .zip(roles)
            .map(|(seed, role)| (role.to_owned(), vec![Signer::new(seed)]))
            .collect();
        let role = |name: &str| keys_of(&signers[name], 1);
        let roles = Roles {
            root: role("root"),
            timestamp: role("timestamp"),
            snapshot: role("snapshot"),
            targets: role("targets"),
            extra: Map::new(),
        };
        let keys = signers.values().flatten().map(|s| (s.public().id(), s.public())).collect();
        let mut publisher = Self {
            root: Root { version: 0, ..Root::new(expires, keys, roles) },
            timestamp: Timestamp::new(0, expires, MetaFile::of_version(1)),
            snapshot: Snapshot::new(0, expires, BTreeMap::new()),
            targets: BTreeMap::from([("targets".to_owned(), Targets::new(0, expires))]),
            root_signers: signers["root"].clone(),
            signers,
            hashes: false,
            files: BTreeMap::new(),
        };
        publisher.publish_root();
        publisher.publish(&["targets"]);
        publisher
    }

    /// The root of version 1, as an application embeds it.
    pub(crate) fn first_root(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }

    /// The next root, signed by the keys of the last one and its own.
    pub(crate) fn publish_root(&mut self) {
        self.root.version += 1;
        let mut signers = self.signers["root"].clone();
        let old = std::mem::replace(&mut self.root_signers, signers.clone());
        let is_new = |signer: &Signer| !signers.iter().any(|s| s.public() == signer.public());
        let old: Vec<_> = old.into_iter().filter(is_new).collect();
        signers.extend(old);
        self.serve_root(&signers);
    }

    /// Serves the root as it is, signed by these keys.
    pub(crate) fn serve_root(&mut self, signers: &[Signer]) {
        let file = format!("{}.root.json", self.root.version);
        self.files.insert(file, signed(&self.root, signers));
    }

    /// Replaces the keys of a top-level role; publish a root to make it so.
    pub(crate) fn rotate(&mut self, role: &str, seeds: &[u8], threshold: u64) {
        let signers: Vec<_> = seeds.iter().map(|&seed| Signer::new(seed)).collect();
        for signer in &signers {
            self.root.keys.insert(signer.public().id(), signer.public());
        }
        let keys = keys_of(&signers, threshold);
        let roles = &mut self.root.roles;
        *match role {
            "root" => &mut roles.root,
            "timestamp" => &mut roles.timestamp,
            "snapshot" => &mut roles.snapshot,
            _ => &mut roles.targets,
        } = keys;
        self.signers.insert(role.to_owned(), signers);
    }

    /// New versions of these targets roles, of the snapshot and of the timestamp.
    pub(crate) fn publish(&mut self, roles: &[&str]) {
        for role in roles {
            self.targets.get_mut(*role).unwrap().version += 1;
            self.serve_targets(role);
        }
        self.publish_snapshot();
    }

    /// Serves a targets role as it is.
    pub(crate) fn serve_targets(&mut self, role: &str) {
        let targets = &self.targets[role];
        let bytes = signed(targets, &self.signers[role]);
        self.serve(role, targets.version, bytes);
    }

    /// A new snapshot of what is served, and a timestamp for it.
    pub(crate) fn publish_snapshot(&mut self) {
        for (role, targets) in &self.targets {
            let meta = self.meta(role, targets.version);
            self.snapshot.meta.insert(format!("{role}.json"), meta);
        }
        self.snapshot.version += 1;
        self.serve_snapshot();
        self.publish_timestamp();
    }

    /// Serves the snapshot as it is.
    pub(crate) fn serve_snapshot(&mut self) {
        let bytes = signed(&self.snapshot, &self.signers["snapshot"]);
        self.serve("snapshot", self.snapshot.version, bytes);
    }

    /// A new timestamp for the snapshot that is served.
    pub(crate) fn publish_timestamp(&mut self) {
        self.timestamp.meta.snapshot = self.meta("snapshot", self.snapshot.version);
        self.timestamp.version += 1;
        self.serve_timestamp();
    }

    /// Serves the timestamp as it is.
    pub(crate) fn serve_timestamp(&mut self) {
        let bytes = signed(&self.timestamp, &self.signers["timestamp"]);
        self.files.insert("timestamp.json".to_owned(), bytes);
    }

    fn serve(&mut self, role: &str, version: u64, bytes: Vec<u8>) {
        self.files.insert(self.file(role, version), bytes);
    }

    fn file(&self, role: &str, version: u64) -> String {
        if self.root.consistent_snapshot {
            format!("{version}.{role}.json")
        } else {
            format!("{role}.json")
        }
    }

    fn meta(&self, role: &str, version: u64) -> MetaFile {
        let bytes = self.files.get(&self.file(role, version)).filter(|_| self.hashes);
        MetaFile {
            length: bytes.map(|bytes| bytes.len() as u64),
            hashes: bytes.map(|bytes| sha256(bytes)),
            ..MetaFile::of_version(version)
        }
    }

    pub(crate) fn top(&mut self) -> &mut Targets {
        self.targets.get_mut("targets").unwrap()
    }

    /// Makes one role trust another, which gets a key of its own unless it has one.
    pub(crate) fn delegate(&mut self, from: &str, to: &str, patterns: &[&str], terminating: bool) {
        let paths = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        self.delegate_scope(from, to, Scope::Paths(paths), terminating);
    }

    pub(crate) fn delegate_scope(&mut self, from: &str, to: &str, scope: Scope, terminating: bool) {
        let seed = 100 + self.signers.len() as u8;
        let signers =
            self.signers.entry(to.to_owned()).or_insert_with(|| vec![Signer::new(seed)]).clone();
        let RoleKeys { keyids, threshold, .. } = keys_of(&signers, 1);
        let role = DelegatedRole {
            name: to.to_owned(),
            keyids,
            threshold,
            terminating,
            scope,
            extra: Map::new(),
        };
        let expires = self.snapshot.expires;
        self.targets.entry(to.to_owned()).or_insert_with(|| Targets::new(0, expires));
        let delegations = self.targets.get_mut(from).unwrap().delegations.get_or_insert_default();
        delegations.roles.push(role);
        delegations.keys.extend(signers.iter().map(|s| (s.public().id(), s.public())));
    }

    /// Adds a role that nobody lists by name, such as a succinct bin.
    pub(crate) fn add_role(&mut self, name: &str, signers: Vec<Signer>) {
        let expires = self.snapshot.expires;
        self.targets.insert(name.to_owned(), Targets::new(0, expires));
        self.signers.insert(name.to_owned(), signers);
    }

    /// Adds a target to a role.
    pub(crate) fn add(&mut self, role: &str, path: &str, content: &[u8], custom: Option<Value>) {
        let file = TargetFile {
            length: content.len() as u64,
            hashes: sha256(content),
            custom,
            extra: Map::new(),
        };
        self.targets.get_mut(role).unwrap().targets.insert(path.to_owned(), file);
    }

    /// New versions of all targets roles, of the snapshot and of the timestamp.
    pub(crate) fn publish_all(&mut self) {
        let roles: Vec<_> = self.targets.keys().cloned().collect();
        self.publish(&roles.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> BTreeMap<String, String> {
    BTreeMap::from([("sha256".to_owned(), Digest::of(bytes).to_string())])
}

/// The version of some metadata in bytes.
pub(crate) fn version_in(bytes: &[u8]) -> u64 {
    Envelope::parse(bytes).unwrap().signed["version"].as_u64().unwrap()
}
