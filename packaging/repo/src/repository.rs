use std::collections::BTreeMap;

use exuvia_core::json::JsonError;
use exuvia_core::metadata::{
    Authority, Envelope, MetaFile, Role, RoleKeys, Roles, Root, Snapshot, TargetFile, Targets,
    Timestamp,
};
use exuvia_core::names::{App, Channel, Platform};
use exuvia_core::release::Facts;
use exuvia_core::{Digest, Time};
use serde::de::DeserializeOwned;
use serde_json::Map;

use crate::bins;
use crate::release::Payload;
use crate::{Error, Expiry};

/// The metadata of one application's repository, in memory.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(crate) app: App,
    pub(crate) expiry: Expiry,
    pub(crate) root: Root,
    pub(crate) timestamp: Timestamp,
    pub(crate) snapshot: Snapshot,
    pub(crate) targets: Targets,
    /// The delegated roles by name, bins among them.
    pub(crate) roles: BTreeMap<String, Targets>,
    /// Every metadata file there is, old versions too, by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// A target that a role lists.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Path in the metadata, `CHANNEL/PLATFORM/NAME`.
    pub path: String,
    /// Path under the repository's base address, `targets/CHANNEL/PLATFORM/DIGEST.NAME`.
    pub remote_path: String,
    /// Length and digest of its file.
    pub payload: Payload,
    /// What it says of itself.
    pub facts: Facts,
}

/// The name of the role that signs for a channel and platform.
pub fn role_name(channel: &Channel, platform: &Platform) -> String {
    format!("{channel}-{platform}")
}

impl Repository {
    /// Reads the state from the files below a repository's base: the newest root, and what
    /// `metadata/timestamp.json` reaches. Other files are kept but do not count.
    ///
    /// Signatures are not judged here: every change, and [`crate::verify`], does that as a client.
    ///
    /// # Errors
    /// A file that is missing, damaged or not of the version that its parent names.
    pub fn parse(
        app: App,
        expiry: Expiry,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, Error> {
        let root: Root = read(&files, &newest_root(&files)?)?;
        let timestamp: Timestamp = read(&files, TIMESTAMP)?;
        let snapshot: Snapshot = read_named(&files, "snapshot", timestamp.meta.snapshot.version)?;
        let version = |role: &str| {
            let unnamed = || Error::NotInSnapshot { role: role.to_owned() };
            snapshot.role(role).map(|meta| meta.version).ok_or_else(unnamed)
        };
        let targets: Targets = read_named(&files, "targets", version("targets")?)?;
        let mut roles = BTreeMap::new();
        for role in targets.delegations.iter().flat_map(|delegations| &delegations.roles) {
            let metadata: Targets = read_named(&files, &role.name, version(&role.name)?)?;
            for bin in bins::names_of(&role.name, &metadata)? {
                let metadata = read_named(&files, &bin, version(&bin)?)?;
                roles.insert(bin, metadata);
            }
            roles.insert(role.name.clone(), metadata);
        }
        Ok(Self { app, expiry, root, timestamp, snapshot, targets, roles, files })
    }

    /// A repository that has not been founded yet.
    pub fn empty(app: App, expiry: Expiry) -> Self {
        let none = || RoleKeys { keyids: Vec::new(), threshold: 1, extra: Map::new() };
        let roles = Roles {
            root: none(),
            targets: none(),
            snapshot: none(),
            timestamp: none(),
            extra: Map::new(),
        };
        let never = Time::from_unix(0);
        // Versions and expiries are set when a role is signed; the first version is 1.
        let mut root = Root::new(never, BTreeMap::new(), roles);
        root.version = 0;
        Self {
            app,
            expiry,
            root,
            timestamp: Timestamp::new(0, never, MetaFile::of_version(0)),
            snapshot: Snapshot::new(0, never, BTreeMap::new()),
            targets: Targets::new(0, never),
            roles: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Whether it has not been founded yet.
    pub fn is_empty(&self) -> bool {
        self.root.version == 0
    }

    /// The application that the repository serves.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Every metadata file by its path below the base address, old versions too.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The paths of the metadata that a client can reach: every root, and what the timestamp
    /// names; in the order in which they may be published, `metadata/timestamp.json` last.
    pub fn reachable(&self) -> Vec<String> {
        let mut paths: Vec<String> =
            (1..=self.root.version).map(|version| path("root", version)).collect();
        paths.retain(|path| self.files.contains_key(path));
        paths.extend(self.roles.iter().map(|(name, role)| path(name, role.version)));
        paths.push(path("targets", self.targets.version));
        paths.push(path("snapshot", self.snapshot.version));
        paths.push(TIMESTAMP.to_owned());
        paths
    }

    /// The first root that the repository still holds, which is what its first clients embed.
    ///
    /// # Errors
    /// No root is there.
    pub fn first_root(&self) -> Result<&[u8], Error> {
        let first = (1..=self.root.version).find_map(|v| self.files.get(&path("root", v)));
        first.map(Vec::as_slice).ok_or_else(|| Error::Missing { path: path("root", 1) })
    }

    /// The version of the timestamp.
    pub fn timestamp_version(&self) -> u64 {
        self.timestamp.version
    }

    /// The channels and platforms that have a role.
    pub fn platforms(&self) -> Vec<(Channel, Platform)> {
        self.roles
            .keys()
            .filter_map(|name| {
                let (channel, platform) = name.split_once('-')?;
                Some((channel.parse().ok()?, platform.parse().ok()?))
            })
            .collect()
    }

    /// The keys that may sign a role, top-level or delegated, and how many must.
    ///
    /// # Errors
    /// [`Error::UnknownRole`].
    pub fn authority(&self, role: &str) -> Result<Authority<'_>, Error> {
        let roles = &self.root.roles;
        let top_level = match role {
            "root" => Some(&roles.root),
            "targets" => Some(&roles.targets),
            "snapshot" => Some(&roles.snapshot),
            "timestamp" => Some(&roles.timestamp),
            _ => None,
        };
        let delegated = || {
            let delegations = self.targets.delegations.as_ref()?;
            let role = delegations.roles.iter().find(|delegated| delegated.name == role)?;
            Some(delegations.authority(role))
        };
        top_level
            .map(|keys| self.root.authority(keys))
            .or_else(delegated)
            .or_else(|| self.bin_authority(role))
            .ok_or_else(|| Error::UnknownRole { role: role.to_owned() })
    }

    /// What a channel lists for a platform, by path: full releases and deltas.
    ///
    /// # Errors
    /// [`Error::UnknownRole`]; [`Error::Facts`] when the role lists something without facts.
    pub fn listed(&self, channel: &Channel, platform: &Platform) -> Result<Vec<Listed>, Error> {
        let name = role_name(channel, platform);
        let list = self.list_of(&name).ok_or(Error::UnknownRole { role: name })?;
        list.targets.iter().map(|(path, file)| listed(path, file)).collect()
    }
}

pub(crate) const TIMESTAMP: &str = "metadata/timestamp.json";

pub(crate) fn path(role: &str, version: u64) -> String {
    format!("metadata/{version}.{role}.json")
}

/// `DIR/NAME` with the digest before the name, under `targets/` (TUF 6.2: consistent snapshots).
pub(crate) fn remote_path(target: &str, sha256: Digest) -> String {
    match target.rsplit_once('/') {
        Some((directory, name)) => format!("targets/{directory}/{sha256}.{name}"),
        None => format!("targets/{sha256}.{target}"),
    }
}

fn newest_root(files: &BTreeMap<String, Vec<u8>>) -> Result<String, Error> {
    let version = |path: &String| -> Option<u64> {
        path.strip_prefix("metadata/")?.strip_suffix(".root.json")?.parse().ok()
    };
    let newest = files.keys().filter_map(version).max();
    newest
        .map(|version| path("root", version))
        .ok_or_else(|| Error::Missing { path: path("root", 1) })
}

/// Reads the file of a role that its parent names with a version.
fn read_named<M: Role>(
    files: &BTreeMap<String, Vec<u8>>,
    role: &str,
    version: u64,
) -> Result<M, Error> {
    let path = path(role, version);
    let metadata: M = read(files, &path)?;
    let found = metadata.version();
    if found == version { Ok(metadata) } else { Err(Error::OtherVersion { path, version, found }) }
}

fn read<M: DeserializeOwned>(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<M, Error> {
    let bytes = files.get(path).ok_or_else(|| Error::Missing { path: path.to_owned() })?;
    let damaged = |source| Error::Damaged { path: path.to_owned(), source };
    let envelope = Envelope::parse(bytes).map_err(damaged)?;
    M::deserialize(&envelope.signed)
        .map_err(|error| damaged(JsonError::Shape { problem: error.to_string() }))
}

fn listed(path: &str, file: &TargetFile) -> Result<Listed, Error> {
    let unreadable = || Error::Unreadable { path: path.to_owned() };
    let sha256 = file.hashes.get("sha256").and_then(|hex| hex.parse().ok());
    let sha256: Digest = sha256.ok_or_else(unreadable)?;
    let custom = file.custom.as_ref().and_then(|custom| custom.get("exuvia"));
    let facts = Facts::parse(custom.ok_or_else(unreadable)?)
        .map_err(|source| Error::Facts { path: path.to_owned(), source })?;
    Ok(Listed {
        path: path.to_owned(),
        remote_path: remote_path(path, sha256),
        payload: Payload { length: file.length, sha256 },
        facts,
    })
}
