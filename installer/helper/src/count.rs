//! Counting the starts of a release on trial, by whoever may write here.

use crate::clock::now;
use crate::error::Error;
use crate::install::Install;
use crate::launch::Start;
use crate::steps::PATIENCE;
use crate::watch::keep_running;
use exuvia_durable::Lock;
use exuvia_plan::trial::{self, Admission, Count, End, admit};
use exuvia_plan::{Phase, ReleaseRef};

/// What a start leads to that somebody else makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing is on trial: what is installed is started, unwatched.
    Plain,
    /// The release on trial is started; this is the count with it.
    Counted(Count),
    /// All starts are used up, and the release is spared.
    Spared,
}

/// A start of the release on trial, with the count that includes it and the run lock.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) to: ReleaseRef,
    pub(crate) count: Count,
    pub(crate) phase: Phase,
    pub(crate) running: Option<Lock>,
}

impl Install {
    /// What a start does first, for somebody who may not write here: recovers a step that was cut
    /// off, swaps if that was agreed for now, and counts the start of a release on trial. Three are
    /// the most: then it is gone back from, unless it is `spared`.
    ///
    /// # Errors
    /// As any step.
    pub fn begin_start(&self, spared: bool) -> Result<Begun, Error> {
        if let Start::Plain(_) = self.prepare_start()? {
            return Ok(Begun::Plain);
        }
        let used_up = |count| matches!(admit(count), Admission::Exhausted);
        if let Phase::Trial { to, .. } = self.phase()?
            && spared
            && self.count(to.digest)?.is_some_and(used_up)
        {
            return Ok(Begun::Spared);
        }
        let counted = self.count_start()?;
        Ok(counted.map_or(Begun::Plain, |counted| Begun::Counted(counted.count)))
    }

    /// Gives a start of the release on trial back, which somebody else made and which ended so.
    ///
    /// # Errors
    /// As any step.
    pub fn end_start(&self, end: End) -> Result<(), Error> {
        let held = self.lock(PATIENCE)?;
        match held.recovered(now())? {
            Phase::Trial { to, .. } => held.give_back(&to, end),
            _ => Ok(()),
        }
    }

    /// Counts a start of the release on trial; `None` when there is none, when its starts are used
    /// up and it was switched back, or when they are used up by instances that still run: those are
    /// not lost, and their own watchers judge them.
    pub(crate) fn count_start(&self) -> Result<Option<Counted>, Error> {
        let held = self.lock(PATIENCE)?;
        let phase = held.recovered(now())?;
        let Phase::Trial { to, .. } = &phase else { return Ok(None) };
        match admit(self.count(to.digest)?.unwrap_or_default()) {
            Admission::Start { counted: count } => {
                held.count(to, count)?;
                // Before the lock is released: the next one to count has to see that this one runs.
                let running = keep_running(self, to);
                Ok(Some(Counted { to: to.clone(), count, phase, running }))
            }
            Admission::Exhausted => {
                if held.not_running(&to.version)?.is_some() {
                    held.take(phase.revert(to.digest, trial::EXHAUSTED, now())?, now())?;
                }
                Ok(None)
            }
        }
    }
}
