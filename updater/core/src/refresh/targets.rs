//! 5.6.1 to 5.6.6: the top-level targets.

use super::{Ground, Judge, Stage};
use crate::errand::Errand;
use crate::error::Error;
use crate::machine::Answer;
use crate::metadata::{Role, Snapshot, Targets, Timestamp};
use crate::verify::Current;

impl Judge {
    /// The top-level targets that the snapshot names, out of the store or the repository.
    pub(super) fn targets(
        &mut self,
        ground: &Ground,
        timestamp: &Current<Timestamp>,
        snapshot: &Current<Snapshot>,
        errand: &Errand,
        answer: Answer<'_>,
    ) -> Result<Stage, Error> {
        let by = ground.root.authority(&ground.root.roles.targets);
        let floor = self.floors.of(Targets::NAME, ground.keys);
        let found = errand.pursue(answer, by, floor, self.now, &mut self.outbox)?;
        let (ground, timestamp, snapshot) = (ground.clone(), timestamp.clone(), snapshot.clone());
        Ok(match found {
            Some(targets) => Stage::Done { ground, timestamp, snapshot, targets },
            None => Stage::Targets { ground, timestamp, snapshot, errand: errand.after_store() },
        })
    }
}
