//! 5.5: the snapshot.

use super::{Ground, Judge, Stage, Store};
use crate::errand::{Errand, Received};
use crate::error::Error;
use crate::machine::Answer;
use crate::metadata::{Role, Snapshot, Targets, Timestamp};
use crate::verify::{Current, Unverified, Verified};

impl Judge {
    /// The snapshot that the timestamp names, out of the store or the repository.
    pub(super) fn snapshot(
        &mut self,
        ground: &Ground,
        timestamp: &Current<Timestamp>,
        stored: Option<&Verified<Snapshot>>,
        errand: &Errand,
        answer: Answer<'_>,
    ) -> Result<Stage, Error> {
        let by = ground.root.authority(&ground.root.roles.snapshot);
        let bytes = match errand.received(answer)? {
            Received::Fetched(bytes) => bytes,
            Received::Stored(bytes) => {
                // What is stored may be what is named, or else what 5.5.5 compares with.
                let named = bytes
                    .and_then(|bytes| errand.verify(bytes, by).ok())
                    .and_then(|verified| self.judge_snapshot(ground, None, verified).ok())
                    .and_then(|snapshot| self.trust_snapshot(ground, timestamp, snapshot).ok());
                if let Some(next) = named {
                    return Ok(next);
                }
                let stored = bytes
                    .filter(|_| ground.store == Store::OfTheseKeys)
                    .and_then(|bytes| Unverified::new(Snapshot::NAME, bytes).verify(by).ok());
                let (ground, timestamp) = (ground.clone(), timestamp.clone());
                return Ok(Stage::Snapshot {
                    ground,
                    timestamp,
                    stored,
                    errand: errand.after_store(),
                });
            }
        };
        // 5.5.2, 5.5.3, 5.5.4. Hashes, signatures, and the version that the timestamp states.
        let verified = errand.verify(bytes, by)?;
        let snapshot = self.judge_snapshot(ground, stored, verified)?;
        let next = self.trust_snapshot(ground, timestamp, snapshot)?;
        // 5.5.7. Persist.
        self.outbox.file(Snapshot::NAME, bytes);
        Ok(next)
    }

    fn judge_snapshot(
        &self,
        ground: &Ground,
        stored: Option<&Verified<Snapshot>>,
        snapshot: Verified<Snapshot>,
    ) -> Result<Current<Snapshot>, Error> {
        // 5.5.5. No role goes back or is dropped, compared with the floors and what is stored.
        let floors = self
            .floors
            .under(ground.keys)
            .filter(|(role, _)| ![Timestamp::NAME, Snapshot::NAME].contains(role));
        let stored_roles = stored.into_iter().flat_map(|stored| stored.roles());
        let known = floors.chain(stored_roles.map(|(role, meta)| (role, meta.version)));
        for (role, floor) in known {
            let listed =
                snapshot.role(role).ok_or_else(|| Error::Dropped { role: role.to_owned() })?;
            if listed.version < floor {
                let (role, found) = (role.to_owned(), listed.version);
                return Err(Error::Rollback { role, floor, found });
            }
        }
        // 5.5.6. It is in date, and itself not older than the one in the store.
        let floor = self.floors.of(Snapshot::NAME, ground.keys);
        let floor = stored.map_or(floor, |stored| stored.version.max(floor));
        snapshot.current(floor, self.now)
    }

    /// Raises the floors and turns to the top-level targets.
    fn trust_snapshot(
        &mut self,
        ground: &Ground,
        timestamp: &Current<Timestamp>,
        snapshot: Current<Snapshot>,
    ) -> Result<Stage, Error> {
        let named = snapshot
            .role(Targets::NAME)
            .ok_or_else(|| Error::NotListed { role: Targets::NAME.to_owned() })?;
        // 5.6.1. At most the stated length, under the stated version's name.
        let consistent = ground.root.consistent_snapshot;
        let errand = Errand::new(Targets::NAME, named, consistent, self.limits.targets);
        for (role, meta) in snapshot.roles() {
            if ![Timestamp::NAME, Snapshot::NAME].contains(&role) {
                self.floors.raise_role(role, meta.version, ground.keys);
            }
        }
        self.outbox.floors(&self.floors);
        let (ground, timestamp) = (ground.clone(), timestamp.clone());
        Ok(Stage::Targets { ground, timestamp, snapshot, errand })
    }
}
