//! The steps of an update, planned: what the journal says first, what is done then, and what the
//! history says afterwards. The helper carries a plan out and decides nothing.

use crate::history::{Entry, Event};
use crate::journal::{Consent, Phase, ReleaseRef};
use crate::recover::Reach;
use exuvia_core::{Digest, Time};
use semver::Version;

/// A planned step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// The phase that announces the step, if it can be cut off.
    pub announce: Option<Phase>,
    /// What is done.
    pub reach: Reach,
    /// The line for the history.
    pub entry: Entry,
}

impl Step {
    /// The release that this step commits, if its version is lower than that of the one it replaces:
    /// it supersedes that one, and the floor follows it down (docs/adr/0012).
    pub fn descends(&self, before: &Phase) -> Option<&ReleaseRef> {
        match (before, &self.reach.phase) {
            (Phase::Trial { from, to, .. }, Phase::Settled { current, .. }) => {
                let lower = to.version.cmp_precedence(&from.version).is_lt();
                (lower && current.digest == to.digest).then_some(current)
            }
            _ => None,
        }
    }
}

/// Why a step is not possible now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// Another phase is needed.
    #[error("{}", situation(found))]
    Phase {
        /// The phase that the installation is in, as the journal names it.
        found: &'static str,
    },
    /// There is no version to go back to.
    #[error("no previous version is kept")]
    NoPrevious,
    /// The version that is kept was withdrawn: the installed release took its place.
    #[error("the version kept, {to}, was withdrawn by its publisher")]
    Withdrawn {
        /// The version kept.
        to: Version,
    },
    /// The installed release forbids going back that far.
    #[error("the installed release can only be rolled back to {safe_from} or later, not to {to}")]
    Unsafe {
        /// The version kept.
        to: Version,
        /// The oldest version allowed.
        safe_from: Version,
    },
    /// The version kept could not read the data that the installed one has written.
    #[error(
        "only {readable_from} or later can read the data of the installed release, {to} cannot"
    )]
    Unreadable {
        /// The version kept.
        to: Version,
        /// The oldest version that can.
        readable_from: Version,
    },
}

fn situation(found: &str) -> &'static str {
    match found {
        "settled" => "there is no new version to do this with",
        "staged" => "a new version lies ready and has not been switched to yet",
        "trial" => "a new version is on trial until it has been started and found healthy",
        _ => "a switch between versions was interrupted",
    }
}

impl Phase {
    /// A received release lies beside the installed one. What was staged before is given up, and
    /// so is the previous release if `replaces_previous`.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless settled or staged.
    pub fn stage(
        &self,
        next: &ReleaseRef,
        replaces_previous: bool,
        now: Time,
    ) -> Result<Step, StepError> {
        let (current, previous) = self.at_rest()?;
        let previous = previous.filter(|_| !replaces_previous).cloned();
        let entry = entry(Event::Staged, Some(current), next, None, now);
        let (current, next) = (current.clone(), next.clone());
        let (qualified, consent) = (false, Consent::None);
        let staged = Phase::Staged { current, previous, next, qualified, consent };
        Ok(Step { announce: None, reach: to_phase(staged), entry })
    }

    /// The release that is installed and the one kept for a rollback, when nothing is on trial.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless settled or staged.
    pub fn at_rest(&self) -> Result<(&ReleaseRef, Option<&ReleaseRef>), StepError> {
        match self {
            Phase::Settled { current, previous } | Phase::Staged { current, previous, .. } => {
                Ok((current, previous.as_ref()))
            }
            _ => Err(self.unfit()),
        }
    }

    /// The staged release answered.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless this release is staged.
    pub fn qualify(&self, release: Digest) -> Result<Phase, StepError> {
        self.restaged(release, |qualified, _| *qualified = true)
    }

    /// The staged release may be swapped in, or not any more.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless this release is staged.
    pub fn consent(&self, release: Digest, given: Consent) -> Result<Phase, StepError> {
        self.restaged(release, |_, consent| *consent = given)
    }

    fn restaged(
        &self,
        release: Digest,
        change: impl FnOnce(&mut bool, &mut Consent),
    ) -> Result<Phase, StepError> {
        let mut phase = self.clone();
        match &mut phase {
            Phase::Staged { next, qualified, consent, .. } if next.digest == release => {
                change(qualified, consent);
                Ok(phase)
            }
            _ => Err(self.unfit()),
        }
    }

    /// The staged release goes; with a reason it is remembered as bad.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless this release is staged.
    pub fn discard(
        &self,
        release: Digest,
        bad: Option<&str>,
        now: Time,
    ) -> Result<Step, StepError> {
        match self {
            Phase::Staged { current, previous, next, .. } if next.digest == release => {
                let event = if bad.is_some() { Event::Refused } else { Event::Discarded };
                let entry = entry(event, Some(current), next, bad, now);
                let (current, previous) = (current.clone(), previous.clone());
                let mut reach = to_phase(Phase::Settled { current, previous });
                reach.remember = bad.map(|why| (next.clone(), why.to_owned()));
                Ok(Step { announce: None, reach, entry })
            }
            _ => Err(self.unfit()),
        }
    }

    /// The staged and qualified release takes the installed one's place.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless this release is staged and qualified.
    pub fn swap(&self, release: Digest, now: Time) -> Result<Step, StepError> {
        match self {
            Phase::Staged { current, previous, next, qualified: true, .. }
                if next.digest == release =>
            {
                let (from, to, previous) = (current.clone(), next.clone(), previous.clone());
                let entry = entry(Event::Swapped, Some(&from), &to, None, now);
                let trial =
                    Phase::Trial { from: from.clone(), to: to.clone(), previous: previous.clone() };
                let reach = Reach { point: Some(to.clone()), ..to_phase(trial) };
                Ok(Step { announce: Some(Phase::Swapping { from, to, previous }), reach, entry })
            }
            _ => Err(self.unfit()),
        }
    }

    /// The release on trial is healthy.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless this release is on trial.
    pub fn commit(&self, release: Digest, now: Time) -> Result<Step, StepError> {
        match self {
            Phase::Trial { from, to, .. } if to.digest == release => {
                let entry = entry(Event::Committed, Some(from), to, None, now);
                let (current, previous) = (to.clone(), Some(from.clone()));
                let reach = to_phase(Phase::Settled { current, previous });
                Ok(Step { announce: None, reach, entry })
            }
            _ => Err(self.unfit()),
        }
    }

    /// The release on trial did not hold.
    ///
    /// # Errors
    /// [`StepError::Phase`] unless this release is on trial.
    pub fn revert(&self, release: Digest, reason: &str, now: Time) -> Result<Step, StepError> {
        match self {
            Phase::Trial { from, to, previous } if to.digest == release => {
                Ok(go_back(to, from, previous.as_ref(), reason, Event::Reverted, now))
            }
            _ => Err(self.unfit()),
        }
    }

    /// Somebody wants the version before: of a release on trial the one it replaced, else the
    /// previous one.
    ///
    /// # Errors
    /// [`StepError::NoPrevious`], [`StepError::Withdrawn`], [`StepError::Unsafe`],
    /// [`StepError::Unreadable`].
    pub fn roll_back(&self, now: Time) -> Result<Step, StepError> {
        let (from, to, previous) = match self {
            Phase::Trial { from, to, previous } => (to, from, previous.as_ref()),
            _ => {
                let (current, previous) = self.at_rest()?;
                let previous = previous.ok_or(StepError::NoPrevious)?;
                // Only a release that supersedes leads down.
                if previous.version.cmp_precedence(&current.version).is_gt() {
                    return Err(StepError::Withdrawn { to: previous.version.clone() });
                }
                let beyond = |oldest: &Option<Version>| {
                    let older = |oldest: &Version| previous.version.cmp_precedence(oldest).is_lt();
                    oldest.clone().filter(older)
                };
                let to = previous.version.clone();
                if let Some(safe_from) = beyond(&current.safe_from) {
                    return Err(StepError::Unsafe { to, safe_from });
                }
                if let Some(readable_from) = beyond(&current.readable_from) {
                    return Err(StepError::Unreadable { to, readable_from });
                }
                (current, previous, None)
            }
        };
        Ok(go_back(from, to, previous, "rolled back by hand", Event::RolledBack, now))
    }

    fn unfit(&self) -> StepError {
        StepError::Phase { found: self.name() }
    }
}

fn go_back(
    from: &ReleaseRef,
    to: &ReleaseRef,
    previous: Option<&ReleaseRef>,
    reason: &str,
    event: Event,
    now: Time,
) -> Step {
    let entry = entry(event, Some(from), to, Some(reason), now);
    let previous = previous.cloned();
    let reach = Reach {
        point: Some(to.clone()),
        remember: Some((from.clone(), reason.to_owned())),
        phase: Phase::Settled { current: to.clone(), previous: previous.clone() },
    };
    let (from, to, reason) = (from.clone(), to.clone(), reason.to_owned());
    let reverting = Phase::Reverting { from, to, previous, reason, remember: true };
    Step { announce: Some(reverting), reach, entry }
}

fn to_phase(phase: Phase) -> Reach {
    Reach { point: None, remember: None, phase }
}

fn entry(
    event: Event,
    from: Option<&ReleaseRef>,
    to: &ReleaseRef,
    reason: Option<&str>,
    time: Time,
) -> Entry {
    let version = |release: &ReleaseRef| release.version.clone();
    Entry {
        time,
        event,
        from: from.map(version),
        to: Some(version(to)),
        reason: reason.map(str::to_owned),
    }
}
