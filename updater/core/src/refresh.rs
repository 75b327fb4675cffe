//! From a trusted root to the newest trusted metadata: TUF 5.1 to 5.6, without I/O.
//!
//! Rules that hold here:
//! - There is one "now" for the whole refresh (5.1), never earlier than the floors' time.
//! - What the store has is never trusted more than what is fetched: it is verified again, and a
//!   damaged file is an absent one. Floors hold even when files are gone.
//! - Floors are flushed before the metadata that raised them is saved.
//! - Stored metadata learnt under other timestamp or snapshot keys is absent (5.3.11).

mod roots;
mod snapshot;
mod targets;
mod timestamp;

use self::timestamp::StoredTimestamp;
use crate::errand::{Errand, Outbox};
use crate::error::Error;
use crate::floors::Floors;
use crate::machine::{Answer, Machine, Want};
use crate::metadata::{Role, Root, Snapshot, Targets, Timestamp};
use crate::trusted::Trusted;
use crate::verify::{Current, Unverified, Verified};
use crate::{Digest, Time};

/// How much of a repository is read (formats §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one root.
    pub root: u64,
    /// Bytes of a timestamp.
    pub timestamp: u64,
    /// Bytes of a snapshot, unless the timestamp states fewer.
    pub snapshot: u64,
    /// Bytes of one targets role, unless the snapshot states fewer.
    pub targets: u64,
    /// New roots followed in one refresh.
    pub roots: u32,
    /// Delegated roles visited in one search.
    pub roles: usize,
    /// Characters compared with the patterns of delegations in one search.
    pub patterns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root: 512 * 1024,
            timestamp: 16 * 1024,
            snapshot: 2 * 1024 * 1024,
            targets: 5 * 1024 * 1024,
            roots: 256,
            roles: 64,
            patterns: 50_000_000,
        }
    }
}

/// What a refresh starts from.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// The root built into the application.
    pub embedded: &'a [u8],
    /// The newest root in the store, if there is one.
    pub stored: Option<&'a [u8]>,
    /// The floors, merged of their copies.
    pub floors: Floors,
    /// The time at which everything is judged.
    pub now: Time,
    /// How much is read.
    pub limits: Limits,
}

/// A refresh on its way. Drive it as a [`Machine`], then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Refresh {
    judge: Judge,
    stage: Stage,
}

/// What answers are judged by. Its methods take an answer to the next stage; one that fails changes
/// nothing, so that another mirror may be asked.
#[derive(Debug)]
struct Judge {
    limits: Limits,
    now: Time,
    floors: Floors,
    /// The key sets of the root that the refresh started from.
    started_under: Digest,
    roots_left: u32,
    outbox: Outbox,
}

/// What is being obtained, with the proofs it rests on.
#[derive(Debug)]
enum Stage {
    NextRoot {
        trusted: Verified<Root>,
        file: String,
    },
    StoredTimestamp(Ground),
    Timestamp(Ground, Option<StoredTimestamp>),
    Snapshot {
        ground: Ground,
        timestamp: Current<Timestamp>,
        /// The snapshot in the store, as what 5.5.5 compares with.
        stored: Option<Verified<Snapshot>>,
        errand: Errand,
    },
    Targets {
        ground: Ground,
        timestamp: Current<Timestamp>,
        snapshot: Current<Snapshot>,
        errand: Errand,
    },
    Done {
        ground: Ground,
        timestamp: Current<Timestamp>,
        snapshot: Current<Snapshot>,
        targets: Current<Targets>,
    },
}

/// The end of the root chain, on which all other roles stand.
#[derive(Debug, Clone)]
struct Ground {
    root: Current<Root>,
    /// Names its timestamp and snapshot keys.
    keys: Digest,
    store: Store,
}

/// Whether what is stored was learnt under the timestamp and snapshot keys of today (5.3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    OfTheseKeys,
    OfOtherKeys,
}

impl Refresh {
    /// Loads the trusted root (5.2): the stored one where it is newer than the embedded one.
    ///
    /// # Errors
    /// The embedded root is no root that its own keys signed (repository).
    pub fn new(start: Start<'_>) -> Result<Self, Error> {
        let Start { embedded, stored, mut floors, now, limits } = start;
        // 5.2. Expiry does not matter here. A damaged stored root is absent: its successors are
        // fetched again, and the floor tells whether they reach as far.
        let embedded = Unverified::<Root>::new(Root::NAME, embedded).trust_by_origin()?;
        let root = stored
            .and_then(|bytes| Unverified::<Root>::new(Root::NAME, bytes).trust_by_origin().ok())
            .filter(|stored| stored.version > embedded.version)
            .unwrap_or(embedded);
        let outbox = Outbox::new(floors.clone());
        floors.raise_root(root.version);
        // 5.1. The fixed update start time.
        let now = floors.time.map_or(now, |time| now.max(time));
        let (started_under, roots_left) = (root.floor_keys(), limits.roots);
        let judge = Judge { limits, now, floors, started_under, roots_left, outbox };
        Ok(Self { judge, stage: Stage::next_root(root) })
    }

    /// The verified state of the repository.
    ///
    /// # Errors
    /// [`Error::Unfinished`]: something is still wanted.
    pub fn finish(self) -> Result<Trusted, Error> {
        let Stage::Done { ground, timestamp, snapshot, targets } = self.stage else {
            return Err(Error::Unfinished);
        };
        let Judge { limits, now, floors, outbox, .. } = self.judge;
        if !outbox.is_empty() {
            return Err(Error::Unfinished);
        }
        Ok(Trusted { root: ground.root, timestamp, snapshot, targets, floors, now, limits })
    }
}

impl Machine for Refresh {
    fn wants(&self) -> Want<'_> {
        if let Some(write) = self.judge.outbox.want() {
            return write;
        }
        let limits = &self.judge.limits;
        match &self.stage {
            Stage::NextRoot { file, .. } => {
                Want::Fetch { name: file, limit: limits.root, conditional: false }
            }
            Stage::StoredTimestamp(_) => Want::Load { name: timestamp::FILE },
            Stage::Timestamp(_, stored) => Want::Fetch {
                name: timestamp::FILE,
                limit: limits.timestamp,
                conditional: stored.as_ref().is_some_and(|stored| stored.usable),
            },
            Stage::Snapshot { errand, .. } | Stage::Targets { errand, .. } => errand.want(),
            Stage::Done { .. } => Want::Nothing,
        }
    }

    fn accept(&mut self, answer: Answer<'_>) -> Result<(), Error> {
        let Some(answer) = self.judge.outbox.accept(answer)? else { return Ok(()) };
        let judge = &mut self.judge;
        self.stage = match &self.stage {
            Stage::NextRoot { trusted, .. } => judge.next_root(trusted, answer)?,
            Stage::StoredTimestamp(ground) => judge.stored_timestamp(ground, answer)?,
            Stage::Timestamp(ground, stored) => judge.timestamp(ground, stored.as_ref(), answer)?,
            Stage::Snapshot { ground, timestamp, stored, errand } => {
                judge.snapshot(ground, timestamp, stored.as_ref(), errand, answer)?
            }
            Stage::Targets { ground, timestamp, snapshot, errand } => {
                judge.targets(ground, timestamp, snapshot, errand, answer)?
            }
            Stage::Done { .. } => return Err(Error::UnexpectedAnswer),
        };
        Ok(())
    }
}
