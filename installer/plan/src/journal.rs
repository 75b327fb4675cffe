//! The journal: which step an installation is in, with everything recovery needs.

use crate::record::Record;
use exuvia_bundle::RelPath;
use exuvia_core::{Digest, Time};
use semver::Version;
use serde::{Deserialize, Serialize};

/// A release as the records name it (formats §7). Two references are the same release exactly
/// when their digests are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRef {
    /// Its version, which also names its directory in the versioned layout.
    pub version: Version,
    /// Digest of its bundle.
    pub digest: Digest,
    /// The program inside the bundle that is started.
    #[serde(with = "path_text")]
    pub executable: RelPath,
    /// When it was published, as signed.
    pub published: Time,
    /// The oldest version that a manual rollback from this release may reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_from: Option<Version>,
    /// The application's own data schema counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u64>,
    /// The oldest version that can read data written by this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readable_from: Option<Version>,
}

/// Whether a staged release may be swapped in without asking again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Nobody agreed yet.
    #[default]
    None,
    /// At the next start, or once the running version has quit.
    OnQuit,
}

/// The body of the journal: the step that the installation is in. Each variant carries what is
/// needed to finish or undo the step, so recovery reads nothing but this and the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Phase {
    /// Nothing is going on.
    Settled {
        /// The installed release.
        current: ReleaseRef,
        /// The release kept for a manual rollback.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ReleaseRef>,
    },
    /// A verified release lies beside the installed one.
    Staged {
        /// The installed release.
        current: ReleaseRef,
        /// The release kept for a manual rollback.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ReleaseRef>,
        /// The staged release.
        next: ReleaseRef,
        /// Whether its executable was started and answered.
        qualified: bool,
        /// Whether it may be swapped in.
        consent: Consent,
    },
    /// The pointer (or the tree) is about to be moved.
    Swapping {
        /// The installed release.
        from: ReleaseRef,
        /// The release that takes its place.
        to: ReleaseRef,
        /// The release kept for a manual rollback so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ReleaseRef>,
    },
    /// The new release is in place and not yet confirmed.
    Trial {
        /// The release to go back to.
        from: ReleaseRef,
        /// The release on trial.
        to: ReleaseRef,
        /// The release that was kept for a manual rollback, which a revert brings back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ReleaseRef>,
    },
    /// The pointer (or the tree) is about to be moved back.
    Reverting {
        /// The release that is left.
        from: ReleaseRef,
        /// The release gone back to.
        to: ReleaseRef,
        /// The release that is kept for a manual rollback afterwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ReleaseRef>,
        /// Why, in one line.
        reason: String,
        /// Whether the release that is left is remembered as bad.
        remember: bool,
    },
}

impl Phase {
    /// The phase's name as the journal writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Settled { .. } => "settled",
            Phase::Staged { .. } => "staged",
            Phase::Swapping { .. } => "swapping",
            Phase::Trial { .. } => "trial",
            Phase::Reverting { .. } => "reverting",
        }
    }

    /// The release that counts as installed: during a trial still the one to go back to, since
    /// nothing else is proven.
    pub fn installed(&self) -> &ReleaseRef {
        match self {
            Phase::Settled { current, .. } | Phase::Staged { current, .. } => current,
            Phase::Swapping { from, .. } | Phase::Trial { from, .. } => from,
            Phase::Reverting { to, .. } => to,
        }
    }

    /// The release that the stable path leads to, while no step is under way.
    pub fn live(&self) -> &ReleaseRef {
        match self {
            Phase::Trial { to, .. } => to,
            other => other.installed(),
        }
    }

    /// In place, the release that lies beside the live one, while no step is under way.
    pub fn beside(&self) -> Option<&ReleaseRef> {
        match self {
            Phase::Settled { previous, .. } => previous.as_ref(),
            Phase::Staged { next: other, .. }
            | Phase::Swapping { to: other, .. }
            | Phase::Trial { from: other, .. }
            | Phase::Reverting { from: other, .. } => Some(other),
        }
    }

    /// Every release that the journal names; nothing of these may be pruned.
    pub fn releases(&self) -> Vec<&ReleaseRef> {
        match self {
            Phase::Settled { current, previous } => [Some(current), previous.as_ref(), None],
            Phase::Staged { current, previous, next, .. } => {
                [Some(current), previous.as_ref(), Some(next)]
            }
            Phase::Swapping { from, to, previous }
            | Phase::Trial { from, to, previous }
            | Phase::Reverting { from, to, previous, .. } => {
                [Some(from), Some(to), previous.as_ref()]
            }
        }
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Record for Phase {
    const NAME: &'static str = "exuvia-journal";
}

/// Paths as text: the bundle crate does without serde.
pub(crate) mod path_text {
    use exuvia_bundle::RelPath;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(path: &RelPath, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RelPath, D::Error> {
        RelPath::new(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}
