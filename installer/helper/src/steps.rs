//! The steps of an update, as types that consume each other.
//!
//! Each step takes the lock, finishes whatever was cut off, has the step planned by `exuvia-plan`
//! from what the journal says then, and carries the plan out: journal, step, journal.

use crate::error::Error;
use crate::held::Held;
use crate::install::Install;
use crate::qualify;
use exuvia_core::Time;
use exuvia_plan::history::{Entry, Event};
use exuvia_plan::{Consent, Phase, QualifySkipped, Reach, Recovery, ReleaseRef, Step, recover};
use std::time::Duration;

/// A verified release that lies beside the installed one, flushed. Dropping it leaves it there.
#[derive(Debug)]
pub struct Staged {
    install: Install,
    next: ReleaseRef,
}

/// A staged release whose program was started and answered, as far as the layout asks for it.
/// Dropping it leaves it there.
#[derive(Debug)]
pub struct Qualified {
    install: Install,
    next: ReleaseRef,
    skipped: Option<QualifySkipped>,
}

/// A release that was swapped in and is not yet confirmed.
#[derive(Debug)]
pub struct Trial {
    install: Install,
    to: ReleaseRef,
}

/// A release that proved healthy.
#[derive(Debug)]
pub struct Committed {
    current: ReleaseRef,
}

/// A release that was gone back to.
#[derive(Debug)]
pub struct Reverted {
    current: ReleaseRef,
}

impl Staged {
    /// The one way to make it: the journal says so.
    pub(crate) fn in_journal(install: &Install, next: ReleaseRef) -> Staged {
        Staged { install: install.clone(), next }
    }

    /// The staged release.
    pub fn release(&self) -> &ReleaseRef {
        &self.next
    }

    /// Starts the staged program as the layout's `qualify` says, never as root, for 10 seconds at
    /// most.
    ///
    /// # Errors
    /// [`Error::Unqualified`] if it does not start or answer; the release is then remembered as
    /// bad and its tree removed. Else as any step.
    pub fn qualify(self, now: Time) -> Result<Qualified, Error> {
        let Staged { install, next } = self;
        let held = install.lock(PATIENCE)?;
        let phase = held.recovered(now)?;
        let qualified = phase.qualify(next.digest)?;
        let skipped = match qualify::run(&install, &next, &phase) {
            Ok(skipped) => skipped,
            Err(why) => {
                held.take(phase.discard(next.digest, Some(&why.to_string()), now)?, now)?;
                return Err(Error::Unqualified { version: next.version, why });
            }
        };
        held.journal(&qualified)?;
        drop(held);
        Ok(Qualified::in_journal(&install, next, skipped))
    }

    /// Drops the staged release: its tree is removed.
    ///
    /// # Errors
    /// As any step.
    pub fn discard(self, now: Time) -> Result<(), Error> {
        self.install.step(now, |phase| phase.discard(self.next.digest, None, now)).map(drop)
    }
}

impl Qualified {
    /// The one way to make it: the journal says that it is qualified, now or since before.
    pub(crate) fn in_journal(
        install: &Install,
        next: ReleaseRef,
        skipped: Option<QualifySkipped>,
    ) -> Qualified {
        Qualified { install: install.clone(), next, skipped }
    }

    /// The staged release.
    pub fn release(&self) -> &ReleaseRef {
        &self.next
    }

    /// Why its program was not started, if it was not.
    pub fn skipped(&self) -> Option<QualifySkipped> {
        self.skipped
    }

    /// Writes down whether the release may be swapped in at the next start without asking again.
    ///
    /// # Errors
    /// As any step.
    pub fn consent(&self, consent: Consent, now: Time) -> Result<(), Error> {
        let held = self.install.lock(PATIENCE)?;
        held.journal(&held.recovered(now)?.consent(self.next.digest, consent)?)
    }

    /// Makes the stable path lead to the release.
    ///
    /// # Errors
    /// As any step; the old version stands, or [`Install::recover`] finds out how far it came.
    pub fn swap(self, now: Time) -> Result<Trial, Error> {
        self.install.step(now, |phase| phase.swap(self.next.digest, now))?;
        Ok(Trial::in_journal(&self.install, self.next))
    }

    /// Drops the staged release: its tree is removed.
    ///
    /// # Errors
    /// As any step.
    pub fn discard(self, now: Time) -> Result<(), Error> {
        Staged::in_journal(&self.install, self.next).discard(now)
    }
}

impl Trial {
    /// The one way to make it: the journal says so.
    fn in_journal(install: &Install, to: ReleaseRef) -> Trial {
        Trial { install: install.clone(), to }
    }

    /// The release on trial.
    pub fn release(&self) -> &ReleaseRef {
        &self.to
    }

    /// The release is healthy.
    ///
    /// # Errors
    /// [`Error::Phase`] if the trial has ended otherwise meanwhile. Else as any step.
    pub fn confirm(self, now: Time) -> Result<Committed, Error> {
        self.install.step(now, |phase| phase.commit(self.to.digest, now))?;
        Ok(Committed { current: self.to })
    }

    /// The release is not healthy: goes back, and remembers it as bad.
    ///
    /// # Errors
    /// As [`Trial::confirm`].
    pub fn revert(self, reason: &str, now: Time) -> Result<Reverted, Error> {
        let phase = self.install.step(now, |phase| phase.revert(self.to.digest, reason, now))?;
        Ok(Reverted::in_phase(&phase))
    }
}

impl Committed {
    /// The release that is installed now.
    pub fn release(&self) -> &ReleaseRef {
        &self.current
    }
}

impl Reverted {
    fn in_phase(phase: &Phase) -> Reverted {
        Reverted { current: phase.live().clone() }
    }

    /// The release that is installed again.
    pub fn release(&self) -> &ReleaseRef {
        &self.current
    }
}

impl Install {
    /// The trial that is under way, if one is.
    ///
    /// # Errors
    /// As [`Install::status`].
    pub fn trial(&self) -> Result<Option<Trial>, Error> {
        Ok(match self.phase()? {
            Phase::Trial { to, .. } => Some(Trial::in_journal(self, to)),
            _ => None,
        })
    }

    /// Goes back because somebody asks: from a release on trial to the one it replaced, else to
    /// the previous one. The release that is left is remembered, so that no silent update brings
    /// it back at once.
    ///
    /// # Errors
    /// [`Error::Phase`] if there is nothing to go back to, or if the installed release's
    /// `safe_from` forbids it. Else as any step.
    pub fn rollback(&self, now: Time) -> Result<Reverted, Error> {
        let phase = self.step(now, |phase| phase.roll_back(now))?;
        Ok(Reverted::in_phase(&phase))
    }

    /// Finishes or undoes a step that was cut off, raises the floors to what is installed, and
    /// clears left-overs away. Doing it twice is the same as doing it once.
    ///
    /// # Errors
    /// [`Error::Lost`] if no version is left. Else as any step.
    pub fn recover(&self, now: Time) -> Result<Phase, Error> {
        let held = self.lock(PATIENCE)?;
        let phase = held.recovered(now)?;
        held.settle(&phase, now)?;
        Ok(phase)
    }

    /// One step under the lock, planned from the phase after recovery; gives the phase reached.
    fn step(
        &self,
        now: Time,
        plan: impl FnOnce(&Phase) -> Result<Step, exuvia_plan::StepError>,
    ) -> Result<Phase, Error> {
        let held = self.lock(PATIENCE)?;
        held.take(plan(&held.recovered(now)?)?, now)
    }
}

impl Held<'_> {
    /// The phase after recovery.
    pub(crate) fn recovered(&self, now: Time) -> Result<Phase, Error> {
        let phase = self.install().phase()?;
        let reach = match recover(&phase, &self.install().look(&phase)?) {
            Recovery::Reach(reach) => *reach,
            Recovery::Lost => return Err(Error::Lost { path: self.install().path().to_owned() }),
        };
        if reach.phase == phase && reach.point.is_none() {
            return Ok(phase);
        }
        self.reach(&phase, &reach, now)?;
        let [from, to] = [&phase, &reach.phase].map(|p| Some(p.live().version.clone()));
        let reason = Some(phase.name().to_owned());
        self.note(&Entry { time: now, event: Event::Recovered, from, to, reason });
        Ok(reach.phase)
    }

    /// Carries a planned step out.
    pub(crate) fn take(&self, step: Step, now: Time) -> Result<Phase, Error> {
        self.forget_snapshot(self.install().phase()?.installed())?;
        let announced = match &step.announce {
            Some(phase) => phase.clone(),
            None => self.install().phase()?,
        };
        if let Some(to) = step.descends(&announced) {
            self.lower_floor(to, now)?;
        }
        self.journal(&announced)?;
        if let Phase::Trial { to, .. } = &step.reach.phase {
            self.begin_count(to)?;
        }
        self.reach(&announced, &step.reach, now)?;
        self.note(&step.entry);
        Ok(step.reach.phase)
    }

    fn reach(&self, from: &Phase, reach: &Reach, now: Time) -> Result<(), Error> {
        if let Some(to) = &reach.point {
            self.point(to, from)?;
        }
        self.tidy_aside()?;
        if let Some((bad, reason)) = &reach.remember {
            self.remember(bad, reason, now)?;
        }
        if let Phase::Trial { to, .. } = &reach.phase
            && self.install().count(to.digest)?.is_none()
        {
            self.begin_count(to)?;
        }
        self.settle(&reach.phase, now)
    }

    /// Writes the phase; after `settled` comes what may only come then.
    pub(crate) fn settle(&self, phase: &Phase, now: Time) -> Result<(), Error> {
        self.journal(phase)?;
        if let Phase::Settled { current, .. } = phase {
            self.raise_floors(current, now)?;
            self.drop_counts()?;
            self.note_executable(current)?;
        }
        // Makes the lock file, which users who may not write here could not.
        drop(self.install().running(phase.live()));
        self.prune(phase, now);
        Ok(())
    }
}

/// How long a step waits for another process that is changing the installation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
