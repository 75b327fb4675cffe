//! Lengths of time and rates, as people write them.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// A length of time of at least five minutes and at most a year, such as `30m`, `12h` or `3d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Span {
    seconds: i64,
}

impl Span {
    /// A day.
    pub(crate) const DAY: Span = Span { seconds: 86_400 };

    /// In seconds.
    pub(crate) fn seconds(self) -> i64 {
        self.seconds
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        let bad = || format!("{text:?} is not a time from 5m to 365d, such as 30m, 12h or 3d");
        let unit = match text.chars().next_back() {
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(bad()),
        };
        let number: i64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
        let seconds = number.checked_mul(unit).ok_or_else(bad)?;
        let fits = (300..=365 * 86_400).contains(&seconds);
        if fits { Ok(Span { seconds }) } else { Err(bad()) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            s if s % 86_400 == 0 => write!(f, "{}d", s / 86_400),
            s if s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            s => write!(f, "{}m", s / 60),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

/// A part of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub(crate) struct Percent(u8);

impl Percent {
    /// Where desktops begin to warn.
    pub(crate) const LOW: Percent = Percent(20);

    /// Whether there is less.
    pub(crate) fn is_above(self, found: f64) -> bool {
        found < f64::from(self.0)
    }
}

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(number: u8) -> Result<Percent, String> {
        let fits = number <= 100;
        if fits { Ok(Percent(number)) } else { Err(format!("{number} is more than 100")) }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> u8 {
        percent.0
    }
}

/// Bytes in a second, such as `500K` or `2M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Rate(pub(crate) NonZeroU64);

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Rate, String> {
        let (digits, unit) = match text.strip_suffix(['k', 'K']) {
            Some(digits) => (digits, 1 << 10),
            None => text.strip_suffix(['m', 'M']).map_or((&*text, 1), |digits| (digits, 1 << 20)),
        };
        let number = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit));
        let number = number.and_then(NonZeroU64::new).map(Rate);
        number.ok_or_else(|| format!("{text:?} is not a number of bytes, such as 500K"))
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit_and_bounds() {
        let read = |text: &str| Span::try_from(text.to_owned()).ok().map(Span::seconds);
        assert_eq!(read("5m"), Some(300));
        assert_eq!(read("12h"), Some(43_200));
        assert_eq!(read("365d"), Some(31_536_000));
        for bad in ["", "h", "4m", "366d", "-1d", "1", "1w", "99999999999999999d", "1é"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for text in ["30m", "12h", "3d"] {
            assert_eq!(Span::try_from(text.to_owned()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn rates_have_units() {
        let read = |text: &str| Rate::try_from(text.to_owned()).ok().map(|rate| rate.0.get());
        assert_eq!(read("700"), Some(700));
        assert_eq!(read("500K"), Some(512_000));
        assert_eq!(read("2m"), Some(2 << 20));
        for bad in ["0", "", "K", "-1", "1.5M", "99999999999999999999", "18446744073709551615M"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
