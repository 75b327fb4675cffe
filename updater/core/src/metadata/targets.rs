//! Targets: what may be downloaded, and who else may say so (TUF §4.5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::{Authority, Role, SPEC_VERSION, SuccinctRoles, positive};
use crate::Time;
use crate::keys::{KeyId, PublicKey};

/// The targets of the top-level role or of a delegated one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Always `targets`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The specification it was written by.
    pub spec_version: String,
    /// The version, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub version: u64,
    /// When it stops being usable.
    pub expires: Time,
    /// Files by target path.
    pub targets: BTreeMap<String, TargetFile>,
    /// Other roles that may speak about some paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Targets {
    /// Targets metadata without targets or delegations.
    pub fn new(version: u64, expires: Time) -> Self {
        Self {
            kind: Self::NAME.to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires,
            targets: BTreeMap::new(),
            delegations: None,
            extra: Map::new(),
        }
    }
}

impl Role for Targets {
    const NAME: &'static str = "targets";

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}

/// What is known about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetFile {
    /// Length in bytes.
    pub length: u64,
    /// Hex digests by algorithm.
    pub hashes: BTreeMap<String, String>,
    /// The publisher's own words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Roles that are trusted with a part of the paths: listed one by one, or as succinct bins (TAP 15).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Delegations {
    /// Keys by declared id.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// The roles, in order of trust; no name occurs twice. Empty where there are bins.
    pub roles: Vec<DelegatedRole>,
    /// Bins that share all paths between them.
    pub succinct_roles: Option<SuccinctRoles>,
    /// Fields that this version does not know.
    pub extra: Map<String, Value>,
}

/// Delegations as they are written: one of `roles` and `succinct_roles`.
#[derive(Serialize, Deserialize)]
struct Fields {
    keys: BTreeMap<KeyId, PublicKey>,
    #[serde(default, deserialize_with = "unique", skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<DelegatedRole>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    succinct_roles: Option<SuccinctRoles>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl TryFrom<Fields> for Delegations {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { keys, roles, succinct_roles, extra } = fields;
        if roles.is_some() == succinct_roles.is_some() {
            return Err("delegations have one of `roles` and `succinct_roles`");
        }
        Ok(Self { keys, roles: roles.unwrap_or_default(), succinct_roles, extra })
    }
}

impl From<Delegations> for Fields {
    fn from(delegations: Delegations) -> Self {
        let Delegations { keys, roles, succinct_roles, extra } = delegations;
        let roles = (succinct_roles.is_none() || !roles.is_empty()).then_some(roles);
        Self { keys, roles, succinct_roles, extra }
    }
}

/// A role that another one trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedRole {
    /// Its name, which names its metadata file.
    pub name: String,
    /// The keys, by id.
    pub keyids: Vec<KeyId>,
    /// How many of them must sign, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub threshold: u64,
    /// Whether roles after this one are not asked about its paths.
    pub terminating: bool,
    /// The paths it may speak about.
    #[serde(flatten)]
    pub scope: Scope,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The paths that a delegation is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Patterns: `*` and `?` match within a segment of the path.
    #[serde(rename = "paths")]
    Paths(Vec<String>),
    /// Beginnings of the hex SHA-256 of the path.
    #[serde(rename = "path_hash_prefixes")]
    HashPrefixes(Vec<String>),
}

impl Delegations {
    /// The keys of one of its roles.
    pub fn authority<'a>(&'a self, role: &'a DelegatedRole) -> Authority<'a> {
        Authority { keys: &self.keys, keyids: &role.keyids, threshold: role.threshold }
    }
}

/// Names that a delegated role may not have: its file would stand where a top-level one does, also
/// where file names ignore case.
const RESERVED: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];

fn unique<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<DelegatedRole>>, D::Error> {
    let roles = Vec::<DelegatedRole>::deserialize(deserializer)?;
    let mut names = BTreeSet::new();
    for role in &roles {
        if !names.insert(&role.name) {
            return Err(de::Error::custom(format_args!("role {:?} is delegated twice", role.name)));
        }
        // Nor may it be such a name with a version before it, `2.root`.
        let plain = match role.name.split_once('.') {
            Some((version, name)) if version.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &role.name,
        };
        if RESERVED.iter().any(|reserved| plain.eq_ignore_ascii_case(reserved)) {
            return Err(de::Error::custom(format_args!("role name {:?} is reserved", role.name)));
        }
        if role.extra.contains_key("paths") || role.extra.contains_key("path_hash_prefixes") {
            return Err(de::Error::custom(format_args!("role {:?} has two scopes", role.name)));
        }
    }
    Ok(Some(roles))
}
