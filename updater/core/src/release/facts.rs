//! The model of release facts, byte for byte formats §3.

use std::collections::BTreeMap;
use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::names::{App, Channel, Kind, Platform};
use crate::{Digest, Time};

/// The version of the facts that this crate reads and writes.
pub const FACTS_VERSION: u64 = 1;

/// How long a gated release is held at most, unless it says otherwise.
pub const DEFAULT_MAX_DAYS: u32 = 14;

/// The fields that this version understands, which `crit` may name.
pub const UNDERSTOOD: [&str; 20] = [
    "facts",
    "app",
    "version",
    "channel",
    "platform",
    "kind",
    "published",
    "executable",
    "bundle",
    "notes",
    "notes_targets",
    "requires",
    "critical",
    "gated",
    "data",
    "supersedes",
    "safe_from",
    "crit",
    "reads",
    "delta",
];

const MAX_BYTES: usize = 64 * 1024;
const MAX_VERSION_BYTES: usize = 64;
const MAX_LANGUAGES: usize = 16;
const MAX_NOTES_BYTES: usize = 8 * 1024;
const MAX_ENTRIES: usize = 64;

/// What a publisher says about one target: the value of `exuvia` in its `custom`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version of this format, [`FACTS_VERSION`].
    pub facts: u64,
    /// The application.
    pub app: App,
    /// The application's version.
    pub version: Version,
    /// The channel it is published in.
    pub channel: Channel,
    /// The platform it runs on.
    pub platform: Platform,
    /// The shape of what is installed.
    pub kind: Kind,
    /// When it was published first.
    pub published: Time,
    /// The program that is started: a path inside the bundle.
    pub executable: String,
    /// The tree that results, for full and delta targets alike.
    pub bundle: BundleFacts,
    /// Release notes in Markdown by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
    /// Paths of targets that hold longer notes, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes_targets: BTreeMap<String, String>,
    /// What must be there already.
    #[serde(default, skip_serializing_if = "Requires::is_empty")]
    pub requires: Requires,
    /// Whether it ignores gates, and comes again after it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
    /// Whether a rollout may hold it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated: Option<Gated>,
    /// The contract about the application's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFacts>,
    /// Bundles that it replaces although their version may be higher.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<Digest>,
    /// The oldest version that a manual rollback may reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_from: Option<Version>,
    /// Fields that must be understood, or the release is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
    /// The delta formats that this version can apply.
    pub reads: Vec<String>,
    /// Present when the target is a delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaFacts>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The tree that a release consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleFacts {
    /// SHA-256 of the bundle, which names the release.
    pub digest: Digest,
    /// Length of the uncompressed bundle in bytes.
    pub length: u64,
    /// Number of files in it.
    pub files: u64,
}

/// What a release needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requires {
    /// The lowest kernel (Linux) or system version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The lowest version that may update straight to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Requires {
    /// Whether nothing is required.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A rollout may hold the release back, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gated {
    /// Days after `published` from which nothing holds it back any more.
    #[serde(default = "default_max_days")]
    pub max_days: u32,
}

fn default_max_days() -> u32 {
    DEFAULT_MAX_DAYS
}

/// What a version does to the application's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// A counter of the application's own.
    pub schema: u64,
    /// The oldest version that can read data written by this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readable_from: Option<Version>,
}

/// What a delta leads from and to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaFacts {
    /// The format of the delta.
    pub format: String,
    /// The bundle it applies to.
    pub from: Digest,
    /// The bundle that results: the one in [`Facts::bundle`].
    pub to: Digest,
}

/// Why facts cannot be used (repository).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactsError {
    /// They are of a later format.
    Newer {
        /// The version of the format.
        found: u64,
    },
    /// They are not of their format.
    Malformed {
        /// What is wrong.
        problem: JsonError,
    },
    /// Something is larger than its limit.
    TooLarge {
        /// The field, or `facts` for the whole.
        field: &'static str,
        /// The most bytes or entries allowed.
        limit: usize,
    },
    /// The delta does not lead to the bundle.
    DeltaLeadsElsewhere {
        /// Where it leads.
        to: Digest,
        /// The bundle.
        bundle: Digest,
    },
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { found } => {
                write!(f, "release facts are of version {found}, which needs a newer updater")
            }
            Self::Malformed { problem } => write!(f, "release facts are malformed: {problem}"),
            Self::TooLarge { field, limit } => {
                write!(f, "release facts: {field} exceeds its limit of {limit}")
            }
            Self::DeltaLeadsElsewhere { to, bundle } => {
                write!(f, "the delta leads to bundle {to} instead of {bundle}")
            }
        }
    }
}

impl std::error::Error for FactsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed { problem } => Some(problem),
            _ => None,
        }
    }
}

impl Facts {
    /// Reads the value of `exuvia`.
    ///
    /// # Errors
    /// Facts of a later format, malformed, beyond the limits of formats §3, or at odds with
    /// themselves. Fields in `crit` that are not understood are no error here, so that the release
    /// can be reported: see [`not_understood`](Self::not_understood).
    pub fn parse(value: &Value) -> Result<Self, FactsError> {
        let malformed = |problem| FactsError::Malformed { problem };
        if let Some(found) = value.get("facts").and_then(Value::as_u64)
            && found > FACTS_VERSION
        {
            return Err(FactsError::Newer { found });
        }
        let bytes = json::canonical(value).map_err(malformed)?.len();
        within("facts", bytes, MAX_BYTES)?;
        let facts: Self = json::shape(value).map_err(malformed)?;
        facts.check()?;
        Ok(facts)
    }

    /// The value of `exuvia`, as [`parse`](Self::parse) reads it.
    ///
    /// # Errors
    /// The facts would not be read back: they break a limit or contradict themselves.
    pub fn to_value(&self) -> Result<Value, FactsError> {
        let value = serde_json::to_value(self).map_err(|error| FactsError::Malformed {
            problem: JsonError::Shape { problem: error.to_string() },
        })?;
        Self::parse(&value)?;
        Ok(value)
    }

    /// The first field in `crit` that this version does not understand.
    pub fn not_understood(&self) -> Option<&str> {
        self.crit.iter().map(String::as_str).find(|field| !UNDERSTOOD.contains(field))
    }

    fn check(&self) -> Result<(), FactsError> {
        within("version", self.version.to_string().len(), MAX_VERSION_BYTES)?;
        within("notes", self.notes.len(), MAX_LANGUAGES)?;
        within("notes_targets", self.notes_targets.len(), MAX_LANGUAGES)?;
        for notes in self.notes.values() {
            within("notes", notes.len(), MAX_NOTES_BYTES)?;
        }
        within("supersedes", self.supersedes.len(), MAX_ENTRIES)?;
        within("crit", self.crit.len(), MAX_ENTRIES)?;
        within("reads", self.reads.len(), MAX_ENTRIES)?;
        match &self.delta {
            Some(delta) if delta.to != self.bundle.digest => {
                let (to, bundle) = (delta.to, self.bundle.digest);
                Err(FactsError::DeltaLeadsElsewhere { to, bundle })
            }
            _ => Ok(()),
        }
    }
}

fn within(field: &'static str, found: usize, limit: usize) -> Result<(), FactsError> {
    if found > limit { Err(FactsError::TooLarge { field, limit }) } else { Ok(()) }
}
