//! Hours of the week: `22:00-07:00`, `mon-fri 12:00-13:00`, `sat,sun 00:00-24:00`. Local time.

use serde::{Deserialize, Serialize};

/// A point in the local week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// 0 is Monday.
    pub(crate) weekday: usize,
    /// Minutes since midnight.
    pub(crate) minute: u16,
}

impl Moment {
    /// So many minutes later, in a week without a change of the clocks.
    pub(crate) fn later(self, minutes: u16) -> Moment {
        let day = 24 * 60;
        let whole = u32::from(self.minute) + u32::from(minutes);
        let minute = u16::try_from(whole % day).unwrap_or(0);
        Moment { weekday: (self.weekday + (whole / day) as usize) % 7, minute }
    }
}

/// A stretch of time on some days of the week. One that ends before it begins goes past midnight
/// and belongs to the day on which it begins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Hours {
    days: [bool; 7],
    from: u16,
    to: u16,
    text: String,
}

impl Hours {
    /// Whether a moment is in it: its first minute is, its last is not.
    pub(crate) fn contain(&self, moment: Moment) -> bool {
        let (today, minute) = (moment.weekday % 7, moment.minute);
        if self.from < self.to {
            return self.days[today] && (self.from..self.to).contains(&minute);
        }
        let yesterday = (today + 6) % 7;
        (self.days[today] && minute >= self.from) || (self.days[yesterday] && minute < self.to)
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Hours, String> {
        let bad = || format!("{text:?} is not as 22:00-07:00 or mon-fri 12:00-13:00");
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, hours) = match words[..] {
            [hours] => ([true; 7], hours),
            [days, hours] => (week(days).ok_or_else(bad)?, hours),
            _ => return Err(bad()),
        };
        let (from, to) = hours.split_once('-').ok_or_else(bad)?;
        let (from, to) = clock(from).zip(clock(to)).ok_or_else(bad)?;
        if from == to || usize::from(from) == DAY {
            return Err(bad());
        }
        Ok(Hours { days, from, to, text })
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> String {
        hours.text
    }
}

/// `mon`, `mon-fri`, `sat,sun`; a range may go over the end of the week.
fn week(text: &str) -> Option<[bool; 7]> {
    let number = |name| NAMES.iter().position(|known| *known == name);
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        let length = (last + 7 - first) % 7;
        (0..=length).for_each(|day| days[(first + day) % 7] = true);
    }
    Some(days)
}

/// `00:00` to `24:00`, in minutes.
fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let whole = hour * 60 + minute;
    (minute < 60 && usize::from(whole) <= DAY).then_some(whole)
}

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes of a day.
const DAY: usize = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Hours {
        Hours::try_from(text.to_owned()).unwrap()
    }

    fn at(weekday: usize, hour: u16, minute: u16) -> Moment {
        Moment { weekday, minute: hour * 60 + minute }
    }

    #[test]
    fn the_first_minute_is_in_and_the_last_is_not() {
        let lunch = hours("mon-fri 12:00-13:00");
        for (moment, inside) in [
            (at(0, 11, 59), false),
            (at(0, 12, 0), true),
            (at(4, 12, 59), true),
            (at(4, 13, 0), false),
            (at(5, 12, 30), false),
        ] {
            assert_eq!(lunch.contain(moment), inside, "{moment:?}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = hours("fri 22:00-07:00");
        for (moment, inside) in [
            (at(4, 21, 59), false),
            (at(4, 22, 0), true),
            (at(4, 6, 0), false),
            (at(5, 6, 59), true),
            (at(5, 7, 0), false),
            (at(5, 23, 0), false),
        ] {
            assert_eq!(night.contain(moment), inside, "{moment:?}");
        }
        assert!(hours("sun 23:00-01:00").contain(at(0, 0, 30)));
        assert!(hours("22:00-07:00").contain(at(2, 3, 0)));
    }

    #[test]
    fn days_are_listed_or_span_the_weekend() {
        let days = |text: &str| hours(&format!("{text} 00:00-24:00")).days.map(u8::from);
        assert_eq!(days("sat,sun"), [0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(days("fri-mon"), [1, 0, 0, 0, 1, 1, 1]);
        assert_eq!(days("tue"), [0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_stretch_of_time_is_refused() {
        for bad in [
            "",
            "22-7",
            "22:00",
            "25:00-26:00",
            "12:60-13:00",
            "12:00-12:00",
            "24:00-01:00",
            "monday 12:00-13:00",
            "mon 12:00-13:00 x",
            "1:00-2:00",
            "+1:00-02:00",
            "mon, 01:00-02:00",
        ] {
            assert!(Hours::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
