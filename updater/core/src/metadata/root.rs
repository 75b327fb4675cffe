//! Root: which keys sign which top-level role (TUF §4.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Authority, Role, RoleKeys, SPEC_VERSION, positive};
use crate::keys::{KeyId, PublicKey};
use crate::{Digest, Time};

/// The root of trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Always `root`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The specification it was written by.
    pub spec_version: String,
    /// Whether metadata and targets are published under names of their own per version.
    #[serde(default)]
    pub consistent_snapshot: bool,
    /// The version, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub version: u64,
    /// When it stops being usable.
    pub expires: Time,
    /// All keys by declared id.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// Who signs what.
    pub roles: Roles,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The four top-level roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Signs root metadata.
    pub root: RoleKeys,
    /// Signs the timestamp.
    pub timestamp: RoleKeys,
    /// Signs the snapshot.
    pub snapshot: RoleKeys,
    /// Signs the top-level targets.
    pub targets: RoleKeys,
    /// Roles that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Root {
    /// A root of version 1 with consistent snapshots.
    pub fn new(expires: Time, keys: BTreeMap<KeyId, PublicKey>, roles: Roles) -> Self {
        Self {
            kind: Self::NAME.to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            consistent_snapshot: true,
            version: 1,
            expires,
            keys,
            roles,
            extra: Map::new(),
        }
    }

    /// The keys of one of its roles, such as `root.authority(&root.roles.snapshot)`.
    pub fn authority<'a>(&'a self, role: &'a RoleKeys) -> Authority<'a> {
        Authority { keys: &self.keys, keyids: &role.keyids, threshold: role.threshold }
    }

    /// Names the key sets under which floors are learnt (formats §7): SHA-256 of the sorted key ids
    /// and thresholds of timestamp and snapshot.
    pub fn floor_keys(&self) -> Digest {
        let line = |name: &str, role: &RoleKeys| {
            let mut ids: Vec<_> = role.keyids.iter().map(KeyId::as_str).collect();
            ids.sort_unstable();
            ids.dedup();
            format!("{name}:{}:{}\n", role.threshold, ids.join(","))
        };
        let timestamp = line("timestamp", &self.roles.timestamp);
        Digest::of([timestamp, line("snapshot", &self.roles.snapshot)].concat().as_bytes())
    }
}

impl Role for Root {
    const NAME: &'static str = "root";

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}
