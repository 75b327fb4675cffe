//! The four kinds of TUF metadata as data (TUF §4).
//!
//! These types prove nothing and anyone may build them; what was verified is told by the types of
//! [`verify`](crate::verify). Fields that a version does not know are kept, so that a publisher who
//! reads, changes and signs again loses nothing.

mod root;
mod snapshot;
mod succinct;
mod targets;
mod timestamp;

use std::collections::BTreeMap;

pub use root::{Roles, Root};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
pub use snapshot::Snapshot;
pub use succinct::SuccinctRoles;
pub use targets::{DelegatedRole, Delegations, Scope, TargetFile, Targets};
pub use timestamp::Timestamp;

use crate::Time;
use crate::json::{self, JsonError};
use crate::keys::{KeyId, PublicKey, Signature};

/// The version of the TUF specification that is written.
pub const SPEC_VERSION: &str = "1.0.34";

/// What all kinds of metadata have in common.
pub trait Role: DeserializeOwned {
    /// The value of `_type`, and the name of the top-level role.
    const NAME: &'static str;

    /// The version of this metadata, 1 or more.
    fn version(&self) -> u64;

    /// When it stops being usable.
    fn expires(&self) -> Time;
}

/// Signed metadata as it travels: the signed value and the signatures of its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What is signed, as it was received: signatures are checked over it, and the model is read
    /// from it.
    pub signed: Value,
    /// The signatures.
    pub signatures: Vec<Signature>,
}

impl Envelope {
    /// Reads strictly.
    ///
    /// # Errors
    /// Not strict JSON, or not of this shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let value = json::parse(bytes)?;
        // A model is read from arrays of its fields too, which are no metadata.
        let signatures = value.get("signatures").and_then(Value::as_array);
        if !signatures.is_some_and(|all| all.iter().all(Value::is_object)) {
            return Err(JsonError::Shape { problem: "no object with signatures".to_owned() });
        }
        json::shape(&value)
    }

    /// An envelope that nobody has signed yet.
    ///
    /// # Errors
    /// The role has no JSON form, such as an unknown field that is not an integer.
    pub fn unsigned(role: &impl Serialize) -> Result<Self, JsonError> {
        let signed = serde_json::to_value(role)
            .map_err(|error| JsonError::Shape { problem: error.to_string() })?;
        json::canonical(&signed)?;
        Ok(Self { signed, signatures: Vec::new() })
    }

    /// The bytes that signatures are made and checked over.
    ///
    /// # Errors
    /// The value has no canonical form; never for what was parsed.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, JsonError> {
        json::canonical(&self.signed)
    }
}

/// Who may sign a role: a threshold of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The keys, by id.
    pub keyids: Vec<KeyId>,
    /// How many of them must sign, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub threshold: u64,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a parent says about a metadata file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaFile {
    /// The version it must have.
    #[serde(deserialize_with = "positive")]
    pub version: u64,
    /// Its length in bytes, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Hex digests by algorithm, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<BTreeMap<String, String>>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl MetaFile {
    /// A file of which only the version is stated.
    pub fn of_version(version: u64) -> Self {
        Self { version, length: None, hashes: None, extra: Map::new() }
    }
}

/// The keys that a role's signatures are looked up in, with those that count.
#[derive(Debug, Clone, Copy)]
pub struct Authority<'a> {
    /// Keys by declared id.
    pub keys: &'a BTreeMap<KeyId, PublicKey>,
    /// The ids that count.
    pub keyids: &'a [KeyId],
    /// How many different keys must sign.
    pub threshold: u64,
}

/// Versions and thresholds: integers from 1 on.
fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(std::num::NonZeroU64::deserialize(deserializer)?.get())
}
