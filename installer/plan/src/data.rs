//! The user's data across a change of its schema (docs/adr/0022): put aside before the new version is
//! started for the first time, put back when the old one is to go on with it.

use crate::journal::Phase;
use crate::policy::{PolicyError, are_arguments};
use exuvia_core::Digest;
use serde::{Deserialize, Serialize};

/// With which arguments the application looks after its user's data (formats §6). Without any it is
/// not asked to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct DataHooks {
    /// Puts a copy aside.
    pub snapshot: Vec<String>,
    /// Puts the copy back.
    pub restore: Vec<String>,
}

impl DataHooks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.snapshot.is_empty()
    }
}

/// What is to be done about the data before a start, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Care {
    /// The data is that of a version that was left: the copy is put back.
    pub restore: bool,
    /// The version that is started next may change the data: a copy is put aside.
    pub snapshot: bool,
}

/// Decides by the release that the last copy was made for, and by what the journal says. While that
/// release is on trial, or once it is installed, the copy stays where it is.
pub fn care(made_for: Option<Digest>, phase: &Phase) -> Care {
    let is_other = |release: Digest| made_for.is_some_and(|made_for| made_for != release);
    match phase {
        Phase::Trial { from, to, .. } => Care {
            restore: is_other(to.digest),
            snapshot: made_for != Some(to.digest) && from.schema != to.schema,
        },
        other => Care { restore: is_other(other.live().digest), snapshot: false },
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    snapshot: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    restore: Vec<String>,
}

impl TryFrom<Raw> for DataHooks {
    type Error = PolicyError;

    fn try_from(Raw { snapshot, restore }: Raw) -> Result<Self, PolicyError> {
        match are_arguments(&snapshot) && (restore.is_empty() || are_arguments(&restore)) {
            true => Ok(DataHooks { snapshot, restore }),
            false => Err(PolicyError::Data),
        }
    }
}

impl From<DataHooks> for Raw {
    fn from(DataHooks { snapshot, restore }: DataHooks) -> Raw {
        Raw { snapshot, restore }
    }
}
