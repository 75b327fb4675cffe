//! The freeze alarm: how long ago the repository showed anything new.
//!
//! Whoever holds a mirror cannot forge metadata, but can show the same state for as long as its
//! timestamp is in date, or nothing at all. Publishers sign a new timestamp every week, so silence is
//! told long before the metadata expires; and expired metadata is refused, whatever is told.

use exuvia_core::{Error as CoreError, Time, Trusted};
use exuvia_plan::record::Record;
use serde::{Deserialize, Serialize};

use crate::error::{Error, RepositoryError};

/// After so many days without a new timestamp it is told, unless the builder says otherwise: two of
/// the weekly ones are missing then.
pub(crate) const STALE_DAYS: u32 = 14;

/// How fresh what is known about the repository is. Times are this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// The version of the newest timestamp seen.
    timestamp: u64,
    /// When it was seen first.
    pub renewed: Time,
    /// When a check was answered with metadata in date last, to the hour.
    pub checked: Time,
    /// Until when that metadata may be used.
    pub expires: Time,
}

impl Freshness {
    /// What a finished refresh makes of what was known before.
    pub(crate) fn after(before: Option<Self>, trusted: &Trusted, now: Time) -> Self {
        let timestamp = trusted.timestamp_version();
        let same = before.filter(|before| before.timestamp == timestamp && before.renewed <= now);
        let renewed = same.map_or(now, |before| before.renewed);
        let soon = |before: &Self| {
            before.checked <= now && now.as_unix() - before.checked.as_unix() < HOUR
        };
        let checked = same.filter(soon).map_or(now, |before| before.checked);
        Self { timestamp, renewed, checked, expires: trusted.timestamp_expires() }
    }

    /// Unless it stems from a clock that was wrong: it cannot have been seen before a time at which
    /// something was signed that is installed by now.
    pub(crate) fn since(self, signed: Option<Time>) -> Option<Self> {
        Some(self).filter(|it| signed.is_none_or(|signed| it.renewed >= signed))
    }

    /// Whole days since the repository showed anything new; none if the clock went back.
    pub fn days(&self, now: Time) -> u32 {
        let seconds = now.as_unix().saturating_sub(self.renewed.as_unix()).max(0);
        u32::try_from(seconds / (24 * HOUR)).unwrap_or(u32::MAX)
    }

    /// Whether that is so long ago that it should be told.
    pub fn is_stale(&self, now: Time, after_days: u32) -> bool {
        self.days(now) >= after_days
    }
}

impl Record for Freshness {
    const NAME: &'static str = "exuvia-fresh";
}

const HOUR: i64 = 3_600;

/// Whether metadata was refused because it is out of date by so much that this machine's clock is
/// the likelier fault.
pub(crate) fn is_clocks_fault(error: &Error) -> bool {
    let Error::Repository(
        RepositoryError::Refused { source, .. } | RepositoryError::Metadata { source },
    ) = error
    else {
        return false;
    };
    matches!(&**source, CoreError::Expired { at, now, .. } if at.plus_days(CLOCK_DAYS) < *now)
}

/// Metadata that is overdue by more than a year was not merely forgotten.
const CLOCK_DAYS: i64 = 366;
