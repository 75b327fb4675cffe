//! Timestamp: which snapshot is the newest (TUF §4.6).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MetaFile, Role, SPEC_VERSION, positive};
use crate::Time;

/// The small file that every check asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// Always `timestamp`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The specification it was written by.
    pub spec_version: String,
    /// The version, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub version: u64,
    /// When it stops being usable.
    pub expires: Time,
    /// Describes the snapshot.
    pub meta: TimestampMeta,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The one file that a timestamp describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampMeta {
    /// The newest snapshot.
    #[serde(rename = "snapshot.json")]
    pub snapshot: MetaFile,
    /// Files that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Timestamp {
    /// A timestamp that names a snapshot.
    pub fn new(version: u64, expires: Time, snapshot: MetaFile) -> Self {
        Self {
            kind: Self::NAME.to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires,
            meta: TimestampMeta { snapshot, extra: Map::new() },
            extra: Map::new(),
        }
    }
}

impl Role for Timestamp {
    const NAME: &'static str = "timestamp";

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}
