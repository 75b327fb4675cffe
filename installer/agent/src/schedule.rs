//! When an application is due. Pure: what was, and a time, come in.
//!
//! Rules:
//! - What is kept is when the last run was and why to wait, not when the next one is due: so a policy
//!   that changes counts at once, and a clock that was set wrong delays nothing once it is right.
//! - While something fails there are five minutes at least between two runs.

use exuvia::Time;
use serde::{Deserialize, Serialize};

/// Why to wait, and so for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wait {
    /// Nothing is wrong: as long as the policy says.
    Interval,
    /// Something is in the way that passes: an hour, or less if the policy says so.
    Soon,
    /// Another updater is at work: a few minutes.
    Moment,
    /// Until the hour at which something may happen.
    Until(Time),
    /// It failed so often in a row; a server may have asked to be left alone for so many seconds.
    Failed {
        /// How often.
        times: u32,
        /// Seconds asked for.
        at_least: u32,
    },
}

/// The last run of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    /// When it was, by this machine's clock.
    pub(crate) at: Time,
    /// Why to wait after it.
    pub(crate) wait: Wait,
    /// Drawn by lot, so that machines which begin together do not stay together.
    pub(crate) lot: u16,
}

impl Last {
    /// For how many seconds more to wait; 0 is now.
    pub(crate) fn remaining(&self, interval: i64, now: Time) -> i64 {
        let since = now.as_unix().saturating_sub(self.at.as_unix());
        // The last run lies ahead: the clock was wrong then, or is now.
        if since < -SLACK {
            return 0;
        }
        self.length(interval).saturating_sub(since).max(0)
    }

    /// As [`remaining`](Last::remaining), now that the network is there.
    pub(crate) fn remaining_with_network(&self, interval: i64, now: Time) -> i64 {
        let at_once = Last { wait: Wait::Moment, ..*self };
        self.remaining(interval, now).min(at_once.remaining(interval, now))
    }

    /// How often it failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        match self.wait {
            Wait::Failed { times, .. } => times,
            _ => 0,
        }
    }

    fn length(&self, interval: i64) -> i64 {
        match self.wait {
            Wait::Interval => self.around(interval),
            Wait::Soon => self.around(interval.min(HOUR)),
            Wait::Moment => SHORTEST,
            Wait::Until(time) => time.as_unix().saturating_sub(self.at.as_unix()).min(WEEK),
            Wait::Failed { times, at_least } => {
                let doubled = SHORTEST.saturating_mul(1 << times.saturating_sub(1).min(20));
                let most = interval.clamp(SHORTEST, DAY);
                let length = doubled.min(most);
                (length + self.share_of(length / 2)).max(i64::from(at_least).min(DAY))
            }
        }
        .max(SHORTEST)
    }

    /// A tenth more or less, as the lot says.
    fn around(&self, length: i64) -> i64 {
        length - length / 10 + self.share_of(length / 5)
    }

    fn share_of(&self, length: i64) -> i64 {
        length.saturating_mul(i64::from(self.lot)) / i64::from(u16::MAX)
    }
}

/// Clocks that are put right by a little do this.
const SLACK: i64 = 60;
const SHORTEST: i64 = 300;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Hours come again after a week.
const WEEK: i64 = 8 * DAY;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;
    const YEARS: i64 = 10 * 365 * DAY;

    fn last(wait: Wait) -> Last {
        Last { at: Time::from_unix(NOW), wait, lot: u16::MAX / 2 }
    }

    fn failed(times: u32, at_least: u32) -> Wait {
        Wait::Failed { times, at_least }
    }

    #[test]
    fn each_reason_has_its_length() {
        let until = |seconds| Wait::Until(Time::from_unix(NOW + seconds));
        // wait, interval, seconds until due (the lot is in the middle)
        let table = [
            (Wait::Interval, DAY, DAY),
            (Wait::Interval, 300, 300),
            (Wait::Soon, DAY, HOUR),
            (Wait::Soon, 600, 600),
            (Wait::Moment, DAY, 300),
            (until(5 * HOUR), DAY, 5 * HOUR),
            (until(-5), DAY, 300),
            (until(YEARS), DAY, WEEK),
            (failed(1, 0), DAY, 375),
            (failed(2, 0), DAY, 750),
            (failed(3, 0), DAY, 1_500),
            (failed(40, 0), DAY, DAY + DAY / 4),
            (failed(u32::MAX, 0), 300, 375),
            (failed(1, 7_200), DAY, 7_200),
            (failed(1, u32::MAX), 300, DAY),
        ];
        for (wait, interval, expected) in table {
            let found = last(wait).remaining(interval, Time::from_unix(NOW));
            assert!((found - expected).abs() <= 1, "{wait:?} {interval}: {found}, not {expected}");
        }
    }

    #[test]
    fn a_clock_that_is_set_leads_to_one_run_and_no_more() {
        // seconds by which the clock moves, due
        let table = [(-YEARS, true), (-3_601, true), (-30, false), (60, false), (YEARS, true)];
        for wait in [Wait::Interval, Wait::Soon, failed(9, 0)] {
            for (moved, due) in table {
                let now = Time::from_unix(NOW + moved);
                let found = last(wait).remaining(DAY, now);
                assert_eq!(found == 0, due, "{wait:?} {moved}: {found}");
                // The run that follows is by the new clock, and so is the next wait.
                let next = Last { at: now, ..last(wait) };
                assert!(next.remaining(DAY, now) >= SHORTEST, "{wait:?} {moved}");
            }
        }
    }

    #[test]
    fn a_week_of_failures_is_at_most_one_run_in_five_minutes_and_one_a_day_in_the_end() {
        let (mut now, mut times, mut runs) = (NOW, 0, Vec::new());
        while now < NOW + 7 * DAY {
            times += 1;
            let at = Time::from_unix(now);
            let wait = Last { at, wait: failed(times, 0), lot: 0 }.remaining(DAY, at);
            assert!(wait >= SHORTEST);
            runs.push(wait);
            now += wait;
        }
        assert!(runs.len() < 20, "{runs:?}");
        assert_eq!(runs.last(), Some(&DAY));
    }

    #[test]
    fn machines_that_begin_together_are_spread_over_a_fifth_of_the_interval() {
        let due = |lot| Last { lot, ..last(Wait::Interval) }.remaining(DAY, Time::from_unix(NOW));
        assert_eq!((due(0), due(u16::MAX)), (DAY * 9 / 10, DAY * 11 / 10));
    }

    #[test]
    fn a_network_that_comes_back_shortens_the_wait_to_five_minutes_since_the_last_run() {
        let last = last(failed(9, 0));
        let after = |seconds| last.remaining_with_network(DAY, Time::from_unix(NOW + seconds));
        assert_eq!((after(0), after(200), after(300), after(9_000)), (300, 100, 0, 0));
    }
}
