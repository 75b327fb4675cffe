//! The history: one JSON object a line, the last [`KEPT`] of them (formats §7).

use exuvia_core::Time;
use semver::Version;
use serde::{Deserialize, Serialize};

/// How many lines are kept.
pub const KEPT: usize = 1000;

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened.
    pub time: Time,
    /// What happened.
    pub event: Event,
    /// The version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The version after, or the one that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
    /// Why, where it went wrong or somebody decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What happened to an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// First installation.
    Installed,
    /// A release was verified and put beside the installed one.
    Staged,
    /// A staged release did not start as it should.
    Refused,
    /// A staged release was dropped.
    Discarded,
    /// The pointer moved to a new release.
    Swapped,
    /// The new release proved healthy.
    Committed,
    /// The pointer moved back because the new release did not hold.
    Reverted,
    /// The pointer moved back because somebody asked.
    RolledBack,
    /// An interrupted step was finished or undone.
    Recovered,
    /// A tree went, and what lay in it without being ours was carried to where the reason says.
    Carried,
    /// The application put a copy of its user's data aside.
    DataPutAside,
    /// The copy was put back, or could not be for the reason given.
    DataPutBack,
    /// Both copies of the floors were unreadable.
    FloorsLost,
}

/// The file with one more line; lines beyond the newest [`KEPT`] are dropped.
pub fn append(file: &[u8], entry: &Entry) -> Vec<u8> {
    let line = serde_json::to_vec(entry).expect("entries have string keys only");
    let mut lines: Vec<&[u8]> = file.split(|b| *b == b'\n').filter(|l| !l.is_empty()).collect();
    lines.push(&line);
    let surplus = lines.len().saturating_sub(KEPT);
    let mut out = lines[surplus..].join(&b'\n');
    out.push(b'\n');
    out
}

/// The readable lines, oldest first; a damaged line costs only itself.
pub fn read(file: &[u8]) -> Vec<Entry> {
    file.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}
