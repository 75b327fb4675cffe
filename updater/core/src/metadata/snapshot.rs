//! Snapshot: which versions of all targets metadata belong together (TUF §4.4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MetaFile, Role, SPEC_VERSION, positive};
use crate::Time;

/// One consistent state of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Always `snapshot`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The specification it was written by.
    pub spec_version: String,
    /// The version, 1 or more.
    #[serde(deserialize_with = "positive")]
    pub version: u64,
    /// When it stops being usable.
    pub expires: Time,
    /// Metadata files by name, `ROLE.json`.
    pub meta: BTreeMap<String, MetaFile>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Snapshot {
    /// A snapshot of metadata files.
    pub fn new(version: u64, expires: Time, meta: BTreeMap<String, MetaFile>) -> Self {
        Self {
            kind: Self::NAME.to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires,
            meta,
            extra: Map::new(),
        }
    }

    /// What it says about a role's metadata.
    pub fn role(&self, name: &str) -> Option<&MetaFile> {
        self.meta.get(&format!("{name}.json"))
    }

    /// The roles it lists, with what it says about them.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &MetaFile)> {
        self.meta.iter().filter_map(|(file, meta)| Some((file.strip_suffix(".json")?, meta)))
    }
}

impl Role for Snapshot {
    const NAME: &'static str = "snapshot";

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}
