//! 5.4: the timestamp.

use super::{Ground, Judge, Stage};
use crate::errand::{Errand, within};
use crate::error::Error;
use crate::floors::Standing;
use crate::machine::Answer;
use crate::metadata::{Role, Snapshot, Timestamp};
use crate::verify::{Current, Unverified, Verified};

/// The timestamp's file, in the store and in the repository.
pub(super) const FILE: &str = "timestamp.json";

/// The timestamp in the store.
#[derive(Debug)]
pub(super) struct StoredTimestamp {
    verified: Verified<Timestamp>,
    /// Whether it would do as it is: only then may "not modified" be an answer.
    pub(super) usable: bool,
}

impl Judge {
    /// The stored timestamp: a floor, even expired, and what an equal version is discarded for.
    pub(super) fn stored_timestamp(
        &mut self,
        ground: &Ground,
        answer: Answer<'_>,
    ) -> Result<Stage, Error> {
        let bytes = match answer {
            Answer::Bytes(bytes) => Some(bytes),
            Answer::Missing => None,
            Answer::NotModified | Answer::Done => return Err(Error::UnexpectedAnswer),
        };
        let stored = bytes
            .and_then(|bytes| verify(ground, bytes).ok())
            .and_then(|verified| self.learn(ground, verified));
        Ok(Stage::Timestamp(ground.clone(), stored))
    }

    /// Floors are flushed before a timestamp is saved. So where floors are known, a stored one that
    /// is above them was saved under other keys, some of which still count, and is absent (5.3.11).
    /// Where none are known, it is the floor.
    fn learn(&mut self, ground: &Ground, verified: Verified<Timestamp>) -> Option<StoredTimestamp> {
        let (version, snapshot) = (verified.version, verified.meta.snapshot.version);
        if self.floors.standing(ground.keys) == Standing::Known {
            let known = |role: &str| self.floors.of(role, ground.keys);
            if version > known(Timestamp::NAME) || snapshot > known(Snapshot::NAME) {
                return None;
            }
        } else {
            self.floors.raise_role(Timestamp::NAME, version, ground.keys);
            self.floors.raise_role(Snapshot::NAME, snapshot, ground.keys);
        }
        let usable = self.judge_timestamp(ground, verified.clone()).is_ok();
        Some(StoredTimestamp { verified, usable })
    }

    /// The fetched timestamp.
    pub(super) fn timestamp(
        &mut self,
        ground: &Ground,
        stored: Option<&StoredTimestamp>,
        answer: Answer<'_>,
    ) -> Result<Stage, Error> {
        let (verified, new) = match (answer, stored) {
            (Answer::NotModified, Some(stored)) if stored.usable => (stored.verified.clone(), None),
            (Answer::NotModified | Answer::Done, _) => return Err(Error::UnexpectedAnswer),
            (Answer::Missing, _) => return Err(Error::Missing { file: FILE.to_owned() }),
            (Answer::Bytes(bytes), stored) => {
                // 5.4.1, 5.4.2. At most so many bytes, signed by a threshold of keys.
                let bytes = within(Timestamp::NAME, bytes, self.limits.timestamp)?;
                let fetched = verify(ground, bytes)?;
                match stored.map(|stored| &stored.verified) {
                    // 5.4.3.1. An equal version is discarded quietly.
                    Some(stored) if stored.version == fetched.version => (stored.clone(), None),
                    _ => (fetched, Some(bytes)),
                }
            }
        };
        let timestamp = self.judge_timestamp(ground, verified)?;
        // 5.4.5. Persist: the floors first.
        let named = &timestamp.meta.snapshot;
        self.floors.raise_role(Timestamp::NAME, timestamp.version, ground.keys);
        self.floors.raise_role(Snapshot::NAME, named.version, ground.keys);
        self.outbox.floors(&self.floors);
        if let Some(bytes) = new {
            self.outbox.file(Timestamp::NAME, bytes);
        }
        // 5.5.1. The snapshot it names.
        let consistent = ground.root.consistent_snapshot;
        let errand = Errand::new(Snapshot::NAME, named, consistent, self.limits.snapshot);
        Ok(Stage::Snapshot { ground: ground.clone(), timestamp, stored: None, errand })
    }

    fn judge_timestamp(
        &self,
        ground: &Ground,
        timestamp: Verified<Timestamp>,
    ) -> Result<Current<Timestamp>, Error> {
        let (role, found) = (Snapshot::NAME, timestamp.meta.snapshot.version);
        // 5.4.3.1. Its version does not go back.
        // 5.4.4. It is in date.
        let floor = self.floors.of(Timestamp::NAME, ground.keys);
        let current = timestamp.current(floor, self.now)?;
        // 5.4.3.2. The version of the snapshot it names does not go back.
        let floor = self.floors.of(role, ground.keys);
        if found < floor {
            return Err(Error::Rollback { role: role.to_owned(), floor, found });
        }
        Ok(current)
    }
}

fn verify(ground: &Ground, bytes: &[u8]) -> Result<Verified<Timestamp>, Error> {
    let by = ground.root.authority(&ground.root.roles.timestamp);
    Unverified::new(Timestamp::NAME, bytes).verify(by)
}
