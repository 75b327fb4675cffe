//! Looking after one application, by itself: the road of one update, as far as the policy leads.
//!
//! Rules:
//! - Nothing that runs is ended. A running application gets its new version at its next start.
//! - Nobody is asked for anything that the policy forbids to use.

mod act;

use exuvia::{Check, Held, LocalError, MAX_STARTS, Offer, Phase, Time, Updater, Version};

use crate::failure::Failure;
use crate::fetcher::Fetcher;
use crate::meter::Meter;
use crate::outcome::Outcome;
use crate::platform;
use crate::policy::{Act, Decision, Moment, Offered, Policy, Reason, Situation};
use crate::record::Known;
use crate::schedule::Wait;
use crate::surroundings::Surroundings;
use crate::turns::Turns;

/// What there is to look after, and when.
pub(crate) struct Attention<'a> {
    /// What it is called.
    pub(crate) name: &'a str,
    pub(crate) updater: &'a Updater,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Time,
    /// The same, here.
    pub(crate) moment: Moment,
    /// Between 0 and 1, drawn by lot.
    pub(crate) lot: f64,
    /// Whether nothing is to be done about what is there.
    pub(crate) only_check: bool,
    /// Whether there may be somebody to be asked.
    pub(crate) may_ask: bool,
    /// Where others go on while somebody is asked.
    pub(crate) turns: &'a Turns,
    /// Who fetches, where that is somebody else.
    pub(crate) fetcher: Option<&'a Fetcher>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Attendance {
    pub(crate) outcome: Outcome,
    pub(crate) wait: Wait,
    pub(crate) known: Option<Known>,
}

impl Attention<'_> {
    /// Goes as far as the policy leads; `known` is the release that waited after the last run.
    ///
    /// # Errors
    /// Whatever the updater fails with.
    pub(crate) async fn attend(&self, known: Option<Known>) -> Result<Attendance, Failure> {
        let overdue = known.as_ref().is_some_and(|known| self.is_overdue(known));
        if let Some(reason) = self.policy.forbids_asking(self.moment, overdue) {
            return Ok(self.held(reason, known));
        }
        let mut check = self.check().await?;
        if let Check::Held(Held::OnTrial { next: Some(next), .. }) = &check
            && self.installs(next).await
            && self.makes_room()?
        {
            check = self.check().await?;
        }
        let offer = match check {
            Check::UpToDate => return Ok(done(Outcome::UpToDate, None)),
            Check::Held(held) => {
                let (reason, text) = (held.reason().to_owned(), held.to_string());
                // What is on trial may be critical, and who skipped one version was asked lately.
                let keep = matches!(held, Held::OnTrial { .. } | Held::Skipped { .. });
                let known = known.filter(|_| keep);
                return Ok(done(Outcome::Held { reason, text, version: None }, known));
            }
            Check::Offer(offer) => offer,
        };
        let mut known = self.known(known, &offer);
        let staged = self.is_staged(&offer);
        // Nobody is asked about what costs nothing.
        let surroundings = match staged {
            true => Surroundings::default(),
            false => platform::surroundings().await,
        };
        match self.decide(&known, surroundings, staged) {
            Decision::Held(reason) => Ok(self.held(reason, Some(known))),
            Decision::Go(act) => {
                let outcome = self.act(act, offer, &mut known).await?;
                Ok(done(outcome, Some(known)))
            }
        }
    }

    /// Where somebody else fetches, what it brings is judged here like a mirror's.
    async fn check(&self) -> Result<Check, Failure> {
        if let Some(fetcher) = self.fetcher {
            fetcher.check().await?;
        }
        // Warnings are for the log; the answer says the rest.
        Ok(self.updater.check_with(&mut Meter::new(true)).await?)
    }

    fn decide(&self, known: &Known, surroundings: Surroundings, staged: bool) -> Decision {
        let situation = Situation { moment: self.moment, asked: false, surroundings };
        let (version, critical) = (&known.version, known.critical);
        let known_for = self.seconds_since(known.since);
        self.policy.decide(situation, Offered { version, critical, known_for, staged })
    }

    /// Whether an ordinary release of this version would be installed in this round.
    async fn installs(&self, version: &Version) -> bool {
        let (version, since) = (version.clone(), self.now);
        let known = Known { version, since, critical: false, asked: None };
        let decision = self.decide(&known, platform::surroundings().await, false);
        !self.only_check && decision == Decision::Go(Act::Install)
    }

    /// Goes back from a release that used up its starts and is still on trial, as a critical one may
    /// be where users start it (docs/adr/0019): there is another one to go on to.
    fn makes_room(&self) -> Result<bool, Failure> {
        let install = self.updater.installation()?;
        if install.status().map_err(LocalError::from)?.starts < MAX_STARTS {
            return Ok(false);
        }
        install.begin_start(false).map_err(LocalError::from)?;
        Ok(install.trial().map_err(LocalError::from)?.is_none())
    }

    /// Whether an earlier run has downloaded it.
    fn is_staged(&self, offer: &Offer) -> bool {
        let digest = offer.facts().bundle.digest;
        let phase = self.updater.status().map(|status| status.phase);
        matches!(phase, Ok(Phase::Staged { next, .. }) if next.digest == digest)
    }

    /// A release is known since it was offered first.
    fn known(&self, before: Option<Known>, offer: &Offer) -> Known {
        let (version, critical) = (offer.version().clone(), offer.is_critical());
        let asked = before.as_ref().and_then(|known| known.asked);
        let same = before.filter(|known| known.version == version && known.since <= self.now);
        Known { since: same.map_or(self.now, |known| known.since), version, critical, asked }
    }

    fn is_overdue(&self, known: &Known) -> bool {
        self.policy.is_overdue(known.critical, self.seconds_since(known.since))
    }

    fn seconds_since(&self, time: Time) -> i64 {
        self.now.as_unix().saturating_sub(time.as_unix())
    }

    fn held(&self, reason: Reason, known: Option<Known>) -> Attendance {
        let wait = match reason {
            Reason::QuietHours | Reason::OutsideWindows => self.until_open(),
            Reason::Metered | Reason::Battery => Wait::Soon,
            Reason::Off | Reason::Hold | Reason::Pinned => Wait::Interval,
        };
        let version = known.as_ref().map(|known| known.version.clone());
        Attendance { outcome: Outcome::held(reason, version), wait, known }
    }

    /// Some time in the first half hour, or in the first half of a stretch that is shorter than that.
    fn until_open(&self) -> Wait {
        let Some((opens, lasts)) = self.policy.opens_in(self.moment) else { return Wait::Interval };
        let spread = f64::from(lasts.min(60)) / 2.0 * 60.0 * self.lot;
        let seconds = i64::from(opens) * 60 + spread as i64;
        Wait::Until(Time::from_unix(self.now.as_unix().saturating_add(seconds)))
    }
}

fn done(outcome: Outcome, known: Option<Known>) -> Attendance {
    let wait = match outcome {
        // Whoever starts it next may have no right to switch: then the next round does.
        Outcome::OnQuit { .. } => Wait::Soon,
        _ => Wait::Interval,
    };
    Attendance { outcome, wait, known }
}
