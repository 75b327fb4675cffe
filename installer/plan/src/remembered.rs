//! Releases that failed on this machine, by digest.

use crate::record::Record;
use exuvia_core::{Digest, Time};
use semver::Version;
use serde::{Deserialize, Serialize};

/// The remembered failures, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// One entry per release.
    pub bad: Vec<Bad>,
}

/// One release that failed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bad {
    /// Digest of its bundle.
    pub digest: Digest,
    /// Its version.
    pub version: Version,
    /// What went wrong the last time.
    pub reason: String,
    /// When it failed the last time: a critical release is offered again some days after.
    pub since: Time,
    /// How often it failed.
    pub times: u32,
}

impl Remembered {
    /// The entry of a release.
    pub fn find(&self, digest: Digest) -> Option<&Bad> {
        self.bad.iter().find(|bad| bad.digest == digest)
    }

    /// Adds a failure; the oldest entries make room beyond 64.
    pub fn add(&mut self, digest: Digest, version: &Version, reason: &str, now: Time) {
        let times = self.find(digest).map_or(0, |bad| bad.times).saturating_add(1);
        self.bad.retain(|bad| bad.digest != digest);
        let reason = reason.to_owned();
        self.bad.push(Bad { digest, version: version.clone(), reason, since: now, times });
        let surplus = self.bad.len().saturating_sub(MAX_ENTRIES);
        self.bad.drain(..surplus);
    }

    /// Drops the entry of a release, for one that proved itself after all.
    pub fn forget(&mut self, digest: Digest) {
        self.bad.retain(|bad| bad.digest != digest);
    }
}

impl Record for Remembered {
    const NAME: &'static str = "exuvia-remembered";
}

const MAX_ENTRIES: usize = 64;
