//! Floors: versions and times that never go down (formats §7).
//!
//! Metadata files prove that a version existed, but a file can be lost or torn, and a client that
//! then starts from nothing can be rolled back without noticing. So the versions are also kept
//! here. Each floor is bound to the keys it was learnt under: when the root names other timestamp
//! or snapshot keys, floors learnt under the old ones do not count, which is TUF's recovery from
//! fast-forward attacks (5.3.11) without a deletion that a crash could miss.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{Digest, Time};

/// How many roles are kept, so that a record stays within its 256 KiB.
const MAX_ROLES: usize = 1_024;

/// The longest role name that is kept, in bytes.
const MAX_NAME: usize = 128;

/// What may never go down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floors {
    /// Lowest acceptable versions of timestamp, snapshot and targets roles, by role name.
    pub roles: BTreeMap<String, Floor>,
    /// Lowest acceptable version of the root; 0 when none is known.
    pub root: u64,
    /// Lowest version of the application that may be offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Version>,
    /// "Now" is never taken to be earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// The lowest acceptable version of one role's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// The version.
    pub version: u64,
    /// The keys it was learnt under, see [`Root::floor_keys`](crate::metadata::Root::floor_keys).
    pub keys: Digest,
}

impl Floors {
    /// The floor of a role under these keys; 0 when none counts.
    pub fn of(&self, role: &str, keys: Digest) -> u64 {
        self.roles.get(role).filter(|floor| floor.keys == keys).map_or(0, |floor| floor.version)
    }

    /// The floors that count under these keys.
    pub(crate) fn under(&self, keys: Digest) -> impl Iterator<Item = (&str, u64)> {
        self.roles
            .iter()
            .filter(move |(_, floor)| floor.keys == keys)
            .map(|(role, floor)| (role.as_str(), floor.version))
    }

    /// Raises a role's floor. Floors of other keys are dropped: they no longer count, and a floor
    /// under the keys of today must not be mistaken for one of theirs. At most 1,024 roles with
    /// names up to 128 bytes are kept; further ones are guarded by the snapshot alone.
    pub fn raise_role(&mut self, role: &str, version: u64, keys: Digest) {
        self.roles.retain(|_, floor| floor.keys == keys);
        if let Some(floor) = self.roles.get_mut(role) {
            floor.version = floor.version.max(version);
        } else if self.roles.len() < MAX_ROLES && role.len() <= MAX_NAME {
            self.roles.insert(role.to_owned(), Floor { version, keys });
        }
    }

    /// Raises the floor of the root.
    pub fn raise_root(&mut self, version: u64) {
        self.root = self.root.max(version);
    }

    /// Raises the application's floor: when a release is committed, not before.
    pub fn raise_application(&mut self, version: &Version) {
        raise(&mut self.application, version.clone());
    }

    /// Raises the earliest "now": to the published time of a committed release.
    pub fn raise_time(&mut self, time: Time) {
        raise(&mut self.time, time);
    }

    /// One out of two copies, entry by entry the higher. `first` is the copy that is written
    /// first: where two entries were learnt under different keys, that of the higher root counts,
    /// and of two equal roots that of `first`, which is never the older one. Entries of keys that it
    /// has left behind are left out.
    #[must_use]
    pub fn merge(first: &Self, second: &Self) -> Self {
        let (newer, older) =
            if second.root > first.root { (second, first) } else { (first, second) };
        let mut merged = newer.clone();
        let counts = |floor: &Floor| {
            newer.roles.is_empty() || newer.roles.values().any(|known| known.keys == floor.keys)
        };
        for (role, floor) in older.roles.iter().filter(|(_, floor)| counts(floor)) {
            if let Some(entry) = merged.roles.get_mut(role) {
                if entry.keys == floor.keys {
                    entry.version = entry.version.max(floor.version);
                }
            } else if merged.roles.len() < MAX_ROLES {
                merged.roles.insert(role.clone(), *floor);
            }
        }
        if let Some(version) = &older.application {
            merged.raise_application(version);
        }
        if let Some(time) = older.time {
            merged.raise_time(time);
        }
        merged
    }

    /// Where the metadata's floors stand relative to the keys of the current root.
    pub(crate) fn standing(&self, keys: Digest) -> Standing {
        if self.roles.values().any(|floor| floor.keys == keys) {
            Standing::Known
        } else if self.roles.is_empty() {
            Standing::Empty
        } else {
            Standing::OfOtherKeys
        }
    }
}

/// What the floors say about the metadata that was stored beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Floors of these keys exist: stored metadata can be at most as new as they are.
    Known,
    /// Nothing was ever learnt, or it was lost: stored metadata is all there is.
    Empty,
    /// Everything was learnt under other keys: stored metadata belongs to them (5.3.11).
    OfOtherKeys,
}

fn raise<T: Ord>(floor: &mut Option<T>, value: T) {
    if floor.as_ref().is_none_or(|floor| *floor < value) {
        *floor = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn floors(root: u64, roles: &[(&str, u64, &str)]) -> Floors {
        let roles = roles
            .iter()
            .map(|&(role, version, by)| (role.to_owned(), Floor { version, keys: keys(by) }))
            .collect();
        Floors { roles, root, ..Floors::default() }
    }

    #[test]
    fn floors_only_rise() {
        let mut floors = floors(3, &[("timestamp", 7, "k")]);
        floors.raise_role("timestamp", 6, keys("k"));
        floors.raise_root(2);
        assert_eq!((floors.of("timestamp", keys("k")), floors.root), (7, 3));
        floors.raise_role("timestamp", 8, keys("k"));
        floors.raise_root(4);
        assert_eq!((floors.of("timestamp", keys("k")), floors.root), (8, 4));
    }

    #[test]
    fn application_and_time_only_rise() {
        let mut floors = Floors::default();
        for version in ["1.2.0", "1.10.0", "1.9.0"] {
            floors.raise_application(&version.parse().unwrap());
        }
        for unix in [5, 9, 7] {
            floors.raise_time(Time::from_unix(unix));
        }
        assert_eq!(floors.application, Some(Version::new(1, 10, 0)));
        assert_eq!(floors.time, Some(Time::from_unix(9)));
    }

    #[test]
    fn a_floor_of_other_keys_does_not_count_and_goes_when_a_new_one_comes() {
        let mut floors = floors(1, &[("timestamp", 99, "old"), ("gone", 5, "old")]);
        assert_eq!(floors.of("timestamp", keys("new")), 0);
        assert_eq!(floors.standing(keys("new")), Standing::OfOtherKeys);
        floors.raise_role("timestamp", 1, keys("new"));
        assert_eq!(floors, self::floors(1, &[("timestamp", 1, "new")]));
        assert_eq!(floors.standing(keys("new")), Standing::Known);
    }

    #[test]
    fn merge_takes_the_higher_of_each_entry() {
        let a = floors(2, &[("timestamp", 9, "k"), ("snapshot", 1, "k")]);
        let b = floors(2, &[("timestamp", 8, "k"), ("snapshot", 2, "k"), ("targets", 3, "k")]);
        let high = floors(2, &[("timestamp", 9, "k"), ("snapshot", 2, "k"), ("targets", 3, "k")]);
        assert_eq!(Floors::merge(&a, &b), high);
        assert_eq!(Floors::merge(&b, &a), high);
    }

    #[test]
    fn a_crash_between_the_copies_loses_no_floor_of_new_keys() {
        let written = floors(3, &[("timestamp", 1, "new")]);
        let stale = floors(3, &[("timestamp", 99, "old"), ("targets", 5, "old")]);
        assert_eq!(Floors::merge(&written, &stale), written);
        // The other copy is newer only when its root is.
        let newer = floors(4, &[("timestamp", 1, "new")]);
        assert_eq!(Floors::merge(&stale, &newer).of("timestamp", keys("new")), 1);
    }

    #[test]
    fn a_record_stays_small() {
        let mut floors = Floors::default();
        floors.raise_role(&"x".repeat(129), 1, keys("k"));
        assert_eq!(floors.roles.len(), 0);
        for n in 0..2_000 {
            floors.raise_role(&format!("{n:0128}"), 1, keys("k"));
        }
        floors.raise_role(&format!("{:0128}", 0), 2, keys("k"));
        assert_eq!(floors.of(&format!("{:0128}", 0), keys("k")), 2);
        assert!(serde_json::to_vec(&floors).unwrap().len() < 256 * 1024);
    }

    #[test]
    fn the_json_form_is_the_one_of_the_formats() {
        let json = format!(
            r#"{{"roles":{{"timestamp":{{"version":7,"keys":"{}"}}}},"root":3,"application":"1.2.0","time":"2026-11-23T18:00:00Z"}}"#,
            keys("k")
        );
        let floors: Floors = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&floors).unwrap(), json);
        assert!(serde_json::from_str::<Floors>(r#"{"roles":{},"root":0,"x":1}"#).is_err());
    }
}
