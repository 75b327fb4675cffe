//! Points in time. The core never asks a clock: "now" is an argument.

use std::fmt;
use std::str::FromStr;

use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time in UTC; as text, RFC 3339.
///
/// Fractions of a second and offsets are understood when reading (other publishers write them) and
/// count in comparisons. Written are whole seconds with a `Z`. What remains of the year 9999 after its
/// 30th of December counts as that day, the end of all time here.
///
/// ```
/// use exuvia_core::Time;
/// let time: Time = "2026-11-23T19:00:00.250+01:00".parse()?;
/// assert_eq!(time.to_string(), "2026-11-23T18:00:00Z");
/// # Ok::<(), exuvia_core::time::NotATime>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

impl Time {
    /// From seconds since 1970, clamped to the years -9999 to 9999.
    pub fn from_unix(seconds: i64) -> Self {
        let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_second(seconds).unwrap_or(end))
    }

    /// Whole seconds since 1970.
    pub fn as_unix(&self) -> i64 {
        self.0.as_second()
    }

    /// This time and `days` of 24 hours, clamped to the years -9999 to 9999.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_unix(self.as_unix().saturating_add(days.saturating_mul(86_400)))
            .with_fraction_of(self)
    }

    fn with_fraction_of(self, other: Self) -> Self {
        let fraction = SignedDuration::from_nanos(i64::from(other.0.subsec_nanosecond()));
        Self(self.0.checked_add(fraction).unwrap_or(self.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Timestamp::from_second(self.0.as_second()).unwrap_or(self.0);
        fmt::Display::fmt(&whole, f)
    }
}

/// The text is not a time of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATime;

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time of RFC 3339, such as 2026-11-23T18:00:00Z")
    }
}

impl std::error::Error for NotATime {}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        text.parse().ok().or_else(|| at_the_end(text)).map(Self).ok_or(NotATime)
    }
}

/// Others write "never" as the last second of the year 9999, for which there is no [`Timestamp`]: that
/// one leaves room for any offset.
fn at_the_end(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    let is_time = pieces.time().is_some() && pieces.offset().is_some();
    (is_time && pieces.date().year() == 9999).then_some(Timestamp::MAX)
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn offsets_and_fractions_are_one_instant() {
        assert_eq!(time("2026-01-01T02:00:00+02:00"), time("2026-01-01T00:00:00Z"));
        assert!(time("2026-01-01T00:00:00.000001Z") > time("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn whole_seconds_are_written() {
        assert_eq!(Time::from_unix(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(time("2026-01-01T00:00:00.9Z").to_string(), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn days_are_added_and_clamped() {
        assert_eq!(time("2026-02-28T12:00:00.5Z").plus_days(1), time("2026-03-01T12:00:00.5Z"));
        assert_eq!(time("2026-01-01T00:00:00Z").plus_days(i64::MAX), Time::from_unix(i64::MAX));
    }

    #[test]
    fn the_last_days_of_the_last_year_are_its_end() {
        let end = time("9999-12-31T23:59:59Z");
        assert_eq!(end, Time::from_unix(i64::MAX));
        assert!(end > time("9999-12-30T12:00:00Z"));
        assert_eq!(time("9999-12-31T23:59:59.5-12:00"), end);
        let no_times = ["9999-12-32T00:00:00Z", "9999-12-31T24:00:00Z", "9999-12-31T23:59:59"];
        for text in no_times.into_iter().chain(["9999-12-31", "10000-01-01T00:00:00Z"]) {
            assert_eq!(text.parse::<Time>(), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn what_has_no_date_or_zone_is_no_time() {
        for text in ["", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "now"] {
            assert_eq!(text.parse::<Time>(), Err(NotATime), "{text}");
        }
    }
}
