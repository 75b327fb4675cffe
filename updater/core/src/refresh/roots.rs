//! 5.3: the chain of roots.

use super::{Ground, Judge, Stage, Store};
use crate::errand::within;
use crate::error::Error;
use crate::floors::Standing;
use crate::machine::Answer;
use crate::metadata::{Role, Root};
use crate::verify::{Unverified, Verified};

impl Stage {
    /// 5.3.2, 5.3.3: after version N, version N+1 is asked for.
    pub(super) fn next_root(trusted: Verified<Root>) -> Self {
        let file = format!("{}.root.json", trusted.version.saturating_add(1));
        Self::NextRoot { trusted, file }
    }
}

impl Judge {
    /// One root further, or the end of the chain.
    pub(super) fn next_root(
        &mut self,
        trusted: &Verified<Root>,
        answer: Answer<'_>,
    ) -> Result<Stage, Error> {
        let bytes = match answer {
            // 5.3.3. Not available, or more than the most that are followed: go to 5.3.10.
            Answer::Missing => return self.last_root(trusted),
            Answer::Bytes(_) if self.roots_left == 0 => return self.last_root(trusted),
            Answer::Bytes(bytes) => within(Root::NAME, bytes, self.limits.root)?,
            Answer::NotModified | Answer::Done => return Err(Error::UnexpectedAnswer),
        };
        // 5.3.4, 5.3.5. Signed by the keys of N and of N+1, and of version N+1 exactly.
        // 5.3.6. Its expiry does not matter yet.
        let root = Unverified::<Root>::new(Root::NAME, bytes).succeed(trusted)?;
        // 5.3.7, 5.3.8. Trust it; persist every single one.
        self.roots_left -= 1;
        self.floors.raise_root(root.version);
        self.outbox.floors(&self.floors);
        self.outbox.file(Root::NAME, bytes);
        // 5.3.9. Repeat.
        Ok(Stage::next_root(root))
    }

    fn last_root(&self, trusted: &Verified<Root>) -> Result<Stage, Error> {
        // 5.3.10. Of all roots, only the last one must be in date. The floor tells when a root that
        // was trusted before is being kept from us.
        let root = trusted.clone().current(self.floors.root, self.now)?;
        // 5.3.11. Other timestamp or snapshot keys: what is stored belongs to the old ones.
        let keys = root.floor_keys();
        let store = match self.floors.standing(keys) {
            Standing::Known => Store::OfTheseKeys,
            Standing::Empty if keys == self.started_under => Store::OfTheseKeys,
            Standing::Empty | Standing::OfOtherKeys => Store::OfOtherKeys,
        };
        // 5.3.12. Consistent snapshots are as this root says, which `ground` carries along.
        let ground = Ground { root, keys, store };
        Ok(match store {
            Store::OfTheseKeys => Stage::StoredTimestamp(ground),
            Store::OfOtherKeys => Stage::Timestamp(ground, None),
        })
    }
}
