//! What is done about an offer: one total function of the policy, the situation and the offer.

use std::fmt;

use semver::Version;

use super::{Metered, Mode, Moment, Policy};
use crate::surroundings::Surroundings;

/// How things are on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// The local day and hour.
    pub(crate) moment: Moment,
    /// Whether somebody asked for this very run: hours and costs do not matter then.
    pub(crate) asked: bool,
    /// What a download would cost.
    pub(crate) surroundings: Surroundings,
}

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered<'a> {
    /// Its version.
    pub(crate) version: &'a Version,
    /// The publisher asks that it be installed without delay.
    pub(crate) critical: bool,
    /// For how many seconds it has been known here.
    pub(crate) known_for: i64,
    /// Whether it lies ready: nothing is to be downloaded.
    pub(crate) staged: bool,
}

/// What the agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Download, stage and switch.
    Install,
    /// Download and stage.
    Download,
    /// Say so.
    Tell,
}

/// What the policy comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This may be done now.
    Go(Act),
    /// Nothing, for this reason.
    Held(Reason),
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Updates are switched off.
    Off,
    /// The installed version is held.
    Hold,
    /// The version is not one of those that are pinned.
    Pinned,
    /// These are quiet hours.
    QuietHours,
    /// No maintenance window is open.
    OutsideWindows,
    /// The network is paid for by what is received.
    Metered,
    /// The battery is low.
    Battery,
}

impl Reason {
    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Off => "off",
            Reason::Hold => "hold",
            Reason::Pinned => "pinned",
            Reason::QuietHours => "quiet-hours",
            Reason::OutsideWindows => "outside-windows",
            Reason::Metered => "metered",
            Reason::Battery => "battery",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Off => "the policy switches updates off",
            Reason::Hold => "the policy holds the installed version",
            Reason::Pinned => "the policy pins other versions",
            Reason::QuietHours => "these are quiet hours",
            Reason::OutsideWindows => "no maintenance window is open",
            Reason::Metered => "the network is metered",
            Reason::Battery => "the battery is low",
        })
    }
}

impl Policy {
    /// What may be done about an offer. Hold and pin stand above everything, also above a user who
    /// asks; a critical release that has waited for its deadline does not mind hours and costs.
    pub(crate) fn decide(&self, situation: Situation, offered: Offered<'_>) -> Decision {
        if self.hold.value {
            return Decision::Held(Reason::Hold);
        }
        if self.pin.value.as_ref().is_some_and(|pin| !pin.matches(offered.version)) {
            return Decision::Held(Reason::Pinned);
        }
        if situation.asked {
            return Decision::Go(Act::Install);
        }
        let act = match self.mode.value {
            Mode::Off => return Decision::Held(Reason::Off),
            Mode::Automatic => Act::Install,
            Mode::Download => Act::Download,
            Mode::Notify => Act::Tell,
        };
        let overdue = self.is_overdue(offered.critical, offered.known_for);
        let costs = match act == Act::Tell || offered.staged {
            true => None,
            false => self.forbids_downloading(situation.surroundings),
        };
        match self.closed(situation.moment).or(costs) {
            Some(reason) if !overdue => Decision::Held(reason),
            _ => Decision::Go(act),
        }
    }

    fn forbids_downloading(&self, surroundings: Surroundings) -> Option<Reason> {
        let low = |found| self.battery.value.is_above(found);
        match surroundings {
            Surroundings { metered: true, .. } if self.metered.value == Metered::Avoid => {
                Some(Reason::Metered)
            }
            Surroundings { battery: Some(found), .. } if low(found) => Some(Reason::Battery),
            _ => None,
        }
    }

    /// Why not even to ask whether there is something, unless somebody wants to know. A critical
    /// release that is `overdue` does not mind the hour.
    pub(crate) fn forbids_asking(&self, moment: Moment, overdue: bool) -> Option<Reason> {
        match (self.mode.value, self.hold.value) {
            (Mode::Off, _) => Some(Reason::Off),
            (_, true) => Some(Reason::Hold),
            _ => self.closed(moment).filter(|_| !overdue),
        }
    }

    /// Whether a critical release that has been known for so long has waited for its deadline.
    pub(crate) fn is_overdue(&self, critical: bool, known_for: i64) -> bool {
        let deadline = self.critical_deadline.value.filter(|_| critical);
        deadline.is_some_and(|deadline| known_for >= deadline.seconds())
    }

    /// After how many minutes something may happen, and for how many then; `None` if never.
    pub(crate) fn opens_in(&self, moment: Moment) -> Option<(u16, u16)> {
        let open = |after: u16| self.closed(moment.later(after)).is_none();
        let opens = (0..=WEEK).find(|after| open(*after))?;
        let closes = (opens..=opens + WEEK).find(|after| !open(*after));
        Some((opens, closes.map_or(WEEK, |closes| closes - opens)))
    }

    fn closed(&self, moment: Moment) -> Option<Reason> {
        if self.quiet.value.iter().any(|hours| hours.contain(moment)) {
            return Some(Reason::QuietHours);
        }
        let windows = &self.windows.value;
        let open = windows.is_empty() || windows.iter().any(|hours| hours.contain(moment));
        (!open).then_some(Reason::OutsideWindows)
    }
}

/// Minutes of a week.
const WEEK: u16 = 7 * 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Author, Rules};

    fn policy(text: &str) -> Policy {
        let rules: Rules = toml::from_str(text).unwrap();
        Policy::settle(&[(Author::User, rules)])
    }

    /// Tuesday, half past ten at night.
    const NIGHT: Moment = Moment { weekday: 1, minute: 22 * 60 + 30 };

    #[test]
    fn closed_hours_tell_when_they_open_and_for_how_long() {
        let table = [
            ("", Some((0, WEEK))),
            ("quiet = [\"22:00-07:00\"]", Some((510, 900))),
            ("windows = [\"tue 22:00-23:00\"]", Some((0, 30))),
            ("windows = [\"mon 22:00-22:20\"]", Some((6 * 1_440 - 30, 20))),
            ("quiet = [\"22:00-07:00\"]\nwindows = [\"23:00-06:00\"]", None),
        ];
        for (text, expected) in table {
            assert_eq!(policy(text).opens_in(NIGHT), expected, "{text}");
        }
    }

    #[test]
    fn nobody_is_asked_while_nothing_may_happen() {
        let table = [
            ("", false, None),
            ("mode = \"off\"", true, Some(Reason::Off)),
            ("mode = \"notify\"", false, None),
            ("hold = true", true, Some(Reason::Hold)),
            ("quiet = [\"22:00-07:00\"]", false, Some(Reason::QuietHours)),
            ("quiet = [\"22:00-07:00\"]", true, None),
        ];
        for (text, overdue, expected) in table {
            assert_eq!(policy(text).forbids_asking(NIGHT, overdue), expected, "{text} {overdue}");
        }
    }

    #[test]
    fn what_a_download_costs_has_its_say() {
        let (go, held) = (Decision::Go, Decision::Held);
        let deadline = "critical-deadline = \"1d\"";
        // policy, metered, battery, asked, staged, what comes of it
        let table = [
            ("", true, None, false, false, held(Reason::Metered)),
            ("", true, None, true, false, go(Act::Install)),
            ("", true, None, false, true, go(Act::Install)),
            ("metered = \"allow\"", true, None, false, false, go(Act::Install)),
            ("mode = \"notify\"", true, Some(1.0), false, false, go(Act::Tell)),
            ("mode = \"download\"", true, None, false, false, held(Reason::Metered)),
            ("", false, Some(19.9), false, false, held(Reason::Battery)),
            ("", false, Some(20.0), false, false, go(Act::Install)),
            ("battery = 0", false, Some(0.0), false, false, go(Act::Install)),
            ("battery = 100", false, Some(99.0), false, false, held(Reason::Battery)),
            (deadline, true, Some(1.0), false, false, go(Act::Install)),
        ];
        let version = Version::new(1, 5, 2);
        for (text, metered, battery, asked, staged, expected) in table {
            let surroundings = Surroundings { metered, battery };
            let situation = Situation { moment: NIGHT, asked, surroundings };
            let offered = Offered { version: &version, critical: true, known_for: 90_000, staged };
            let found = policy(text).decide(situation, offered);
            assert_eq!(found, expected, "{text} {surroundings:?} asked={asked} staged={staged}");
        }
    }

    #[test]
    fn every_setting_has_its_say() {
        let quiet = "quiet = [\"22:00-07:00\"]\ncritical-deadline = \"3d\"";
        let (go, held) = (Decision::Go, Decision::Held);
        // policy, asked, critical, days known, what comes of it
        let table = [
            ("", false, false, 0, go(Act::Install)),
            ("mode = \"download\"", false, false, 0, go(Act::Download)),
            ("mode = \"notify\"", false, true, 9, go(Act::Tell)),
            ("mode = \"off\"", false, true, 9, held(Reason::Off)),
            ("mode = \"off\"", true, false, 0, go(Act::Install)),
            ("mode = \"notify\"", true, false, 0, go(Act::Install)),
            ("hold = true", false, true, 9, held(Reason::Hold)),
            ("hold = true", true, true, 9, held(Reason::Hold)),
            ("pin = \"~1.4\"", false, false, 0, held(Reason::Pinned)),
            ("pin = \"~1.4\"", true, true, 9, held(Reason::Pinned)),
            ("pin = \"~1.5\"", false, false, 0, go(Act::Install)),
            (quiet, false, false, 9, held(Reason::QuietHours)),
            (quiet, true, false, 0, go(Act::Install)),
            (quiet, false, true, 2, held(Reason::QuietHours)),
            (quiet, false, true, 3, go(Act::Install)),
            ("quiet = [\"wed 22:00-07:00\"]", false, false, 0, go(Act::Install)),
            ("windows = [\"sun 02:00-05:00\"]", false, false, 0, held(Reason::OutsideWindows)),
            ("windows = [\"tue 22:00-23:00\"]", false, false, 0, go(Act::Install)),
            ("windows = []", false, false, 0, go(Act::Install)),
            // Without a deadline nothing is ever overdue.
            ("quiet = [\"22:00-07:00\"]", false, true, 365, held(Reason::QuietHours)),
        ];
        let version = Version::new(1, 5, 2);
        for (text, asked, critical, days, expected) in table {
            let surroundings = Surroundings::default();
            let situation = Situation { moment: NIGHT, asked, surroundings };
            let known_for = days * 86_400;
            let offered = Offered { version: &version, critical, known_for, staged: false };
            let found = policy(text).decide(situation, offered);
            assert_eq!(found, expected, "{text} asked={asked} critical={critical} days={days}");
        }
    }
}
