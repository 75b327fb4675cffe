//! The steps of an update, as types that consume each other.
//!
//! Each step takes the lock, finishes whatever was cut off, checks that the journal still says what
//! the type claims, then goes journal, step, journal.

use crate::error::Error;
use crate::held::{Held, Note};
use crate::install::Install;
use crate::qualify::{self, QualifySkipped};
use exuvia_core::Time;
use exuvia_plan::history::Event;
use exuvia_plan::{Consent, Phase, Reach, Recovery, ReleaseRef, recover};
use std::time::Duration;

/// A verified release that lies beside the installed one, flushed.
#[derive(Debug)]
pub struct Staged {
    install: Install,
    next: ReleaseRef,
}

/// A staged release whose program was started and answered, as far as the layout asks for it.
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
        let (current, previous, consent) = staged_in(held.recovered(now)?, &next)?;
        let phase = |qualified| Phase::Staged {
            current: current.clone(),
            previous: previous.clone(),
            next: next.clone(),
            qualified,
            consent,
        };
        let skipped = match qualify::run(&install, &next, &phase(false)) {
            Ok(skipped) => skipped,
            Err(why) => {
                held.refuse(&next, &phase(false), &why.to_string(), now)?;
                return Err(Error::Unqualified { version: next.version, why });
            }
        };
        held.journal(&phase(true))?;
        drop(held);
        Ok(Qualified { install, next, skipped })
    }

    /// Drops the staged release: its tree is removed.
    ///
    /// # Errors
    /// As any step.
    pub fn discard(self, now: Time) -> Result<(), Error> {
        discard(&self.install, &self.next, now)
    }
}

impl Qualified {
    /// The other way to make it: the journal says that it was qualified before.
    pub(crate) fn in_journal(install: &Install, next: ReleaseRef) -> Qualified {
        Qualified { install: install.clone(), next, skipped: None }
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
        let (current, previous, _) = staged_in(held.recovered(now)?, &self.next)?;
        let next = self.next.clone();
        held.journal(&Phase::Staged { current, previous, next, qualified: true, consent })
    }

    /// Makes the stable path lead to the release.
    ///
    /// # Errors
    /// As any step; the old version stands, or [`Install::recover`] finds out how far it came.
    pub fn swap(self, now: Time) -> Result<Trial, Error> {
        let held = self.install.lock(PATIENCE)?;
        held.swap(&self.next, now)?;
        drop(held);
        Ok(Trial { install: self.install, to: self.next })
    }

    /// Drops the staged release: its tree is removed.
    ///
    /// # Errors
    /// As any step.
    pub fn discard(self, now: Time) -> Result<(), Error> {
        discard(&self.install, &self.next, now)
    }
}

impl Trial {
    /// The release on trial.
    pub fn release(&self) -> &ReleaseRef {
        &self.to
    }

    /// The release is healthy.
    ///
    /// # Errors
    /// [`Error::Phase`] if the trial has ended otherwise meanwhile. Else as any step.
    pub fn confirm(self, now: Time) -> Result<Committed, Error> {
        let held = self.install.lock(PATIENCE)?;
        match held.recovered(now)? {
            Phase::Trial { from, to } if to.digest == self.to.digest => held.commit(from, to, now),
            found => Err(needs("trial", &found)),
        }
    }

    /// The release is not healthy: goes back, and remembers it as bad.
    ///
    /// # Errors
    /// As [`Trial::confirm`].
    pub fn revert(self, reason: &str, now: Time) -> Result<Reverted, Error> {
        let held = self.install.lock(PATIENCE)?;
        match held.recovered(now)? {
            Phase::Trial { from, to } if to.digest == self.to.digest => {
                held.go_back(to, from, reason, Event::Reverted, now)
            }
            found => Err(needs("trial", &found)),
        }
    }
}

impl Committed {
    /// The release that is installed now.
    pub fn release(&self) -> &ReleaseRef {
        &self.current
    }
}

impl Reverted {
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
            Phase::Trial { to, .. } => Some(Trial { install: self.clone(), to }),
            _ => None,
        })
    }

    /// Goes back to the previous version because somebody asks. The release that is left is
    /// remembered, so that no silent update brings it back at once.
    ///
    /// # Errors
    /// [`Error::NoPrevious`]; [`Error::Unsafe`] if the installed release's `safe_from` forbids it;
    /// [`Error::Phase`] during a trial, which [`Trial::revert`] ends. Else as any step.
    pub fn rollback(&self, now: Time) -> Result<Reverted, Error> {
        let held = self.lock(PATIENCE)?;
        let (current, previous) = match held.recovered(now)? {
            Phase::Settled { current, previous } | Phase::Staged { current, previous, .. } => {
                (current, previous)
            }
            found => return Err(needs("settled", &found)),
        };
        let previous = previous.ok_or(Error::NoPrevious)?;
        match &current.safe_from {
            Some(safe_from) if previous.version < *safe_from => {
                Err(Error::Unsafe { to: previous.version, safe_from: safe_from.clone() })
            }
            _ => held.go_back(current, previous, ROLLED_BACK, Event::RolledBack, now),
        }
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
        let from = Some(&phase.installed().version);
        let (to, reason) = (Some(&reach.phase.installed().version), Some(phase.name()));
        self.note(Note { event: Event::Recovered, from, to, reason }, now);
        Ok(reach.phase)
    }

    fn reach(&self, phase: &Phase, reach: &Reach, now: Time) -> Result<(), Error> {
        if let Some(to) = &reach.point {
            self.point(to, phase)?;
        }
        self.tidy_aside()?;
        if let Some((bad, reason)) = &reach.remember {
            self.remember(bad, reason, now)?;
        }
        if let Phase::Trial { to, .. } = &reach.phase
            && self.install().starts(to.digest)?.is_none()
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
        self.prune(phase);
        Ok(())
    }

    /// Journal, pointer, journal.
    pub(crate) fn swap(&self, next: &ReleaseRef, now: Time) -> Result<(), Error> {
        let found = self.recovered(now)?;
        let Phase::Staged { qualified: true, .. } = found else {
            return Err(needs("staged", &found));
        };
        let (from, previous, _) = staged_in(found, next)?;
        let to = next.clone();
        let swapping = Phase::Swapping { from: from.clone(), to: to.clone(), previous };
        self.journal(&swapping)?;
        self.begin_count(&to)?;
        self.point(&to, &swapping)?;
        self.journal(&Phase::Trial { from: from.clone(), to })?;
        let (from, to) = (Some(&from.version), Some(&next.version));
        self.note(Note { event: Event::Swapped, from, to, reason: None }, now);
        Ok(())
    }

    pub(crate) fn commit(
        &self,
        from: ReleaseRef,
        to: ReleaseRef,
        now: Time,
    ) -> Result<Committed, Error> {
        let versions = (from.version.clone(), to.version.clone());
        let settled = Phase::Settled { current: to.clone(), previous: Some(from) };
        self.settle(&settled, now)?;
        let (from, to_version) = (Some(&versions.0), Some(&versions.1));
        self.note(Note { event: Event::Committed, from, to: to_version, reason: None }, now);
        Ok(Committed { current: to })
    }

    pub(crate) fn go_back(
        &self,
        from: ReleaseRef,
        to: ReleaseRef,
        reason: &str,
        event: Event,
        now: Time,
    ) -> Result<Reverted, Error> {
        let versions = (from.version.clone(), to.version.clone());
        let reason_line = reason.to_owned();
        let reverting = Phase::Reverting {
            from: from.clone(),
            to: to.clone(),
            reason: reason_line,
            remember: true,
        };
        self.journal(&reverting)?;
        self.point(&to, &reverting)?;
        self.remember(&from, reason, now)?;
        self.settle(&Phase::Settled { current: to.clone(), previous: None }, now)?;
        let (from, to_version) = (Some(&versions.0), Some(&versions.1));
        self.note(Note { event, from, to: to_version, reason: Some(reason) }, now);
        Ok(Reverted { current: to })
    }
}

fn discard(install: &Install, next: &ReleaseRef, now: Time) -> Result<(), Error> {
    let held = install.lock(PATIENCE)?;
    let phase = held.recovered(now)?;
    staged_in(phase.clone(), next)?;
    held.drop_staged(&phase, Event::Discarded, None, now)
}

impl Held<'_> {
    /// Remembers a staged release as bad and drops it.
    fn refuse(&self, next: &ReleaseRef, at: &Phase, why: &str, now: Time) -> Result<(), Error> {
        self.remember(next, why, now)?;
        self.drop_staged(at, Event::Refused, Some(why), now)
    }

    /// Back to `settled`, then the staged tree goes. Does nothing in another phase.
    pub(crate) fn drop_staged(
        &self,
        phase: &Phase,
        event: Event,
        reason: Option<&str>,
        now: Time,
    ) -> Result<(), Error> {
        let Phase::Staged { current, previous, next, .. } = phase else { return Ok(()) };
        let tree = self.install().tree_name(next, phase);
        let (current, previous) = (current.clone(), previous.clone());
        let from = current.version.clone();
        self.settle(&Phase::Settled { current, previous }, now)?;
        self.install().root().remove_tree(tree)?;
        let (from, to) = (Some(&from), Some(&next.version));
        self.note(Note { event, from, to, reason }, now);
        Ok(())
    }
}

/// The parts of `staged`, if it is the release that the caller holds.
fn staged_in(
    phase: Phase,
    expected: &ReleaseRef,
) -> Result<(ReleaseRef, Option<ReleaseRef>, Consent), Error> {
    match phase {
        Phase::Staged { current, previous, next, consent, .. }
            if next.digest == expected.digest =>
        {
            Ok((current, previous, consent))
        }
        found => Err(needs("staged", &found)),
    }
}

pub(crate) fn needs(needs: &'static str, found: &Phase) -> Error {
    Error::Phase { needs, found: found.name() }
}

/// How long a step waits for another process that is changing the installation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
const ROLLED_BACK: &str = "rolled back by hand";
