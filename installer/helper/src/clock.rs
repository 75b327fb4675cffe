//! The system's clock, for the processes that have nobody to tell them the time.

use exuvia_core::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time now, in whole seconds.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
