//! What time it is, here and in the world.

use std::time::SystemTime;

use exuvia::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::policy::Moment;

/// The system's clock.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A time as the local week has it; where the zone cannot be told, that is UTC's.
pub(crate) fn local(time: Time) -> Moment {
    let time = Timestamp::from_second(time.as_unix()).unwrap_or(Timestamp::UNIX_EPOCH);
    let local = time.to_zoned_datetime(TimeZone::system());
    let number = |n: i8| u16::try_from(n).unwrap_or(0);
    let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
    Moment { weekday, minute: number(local.hour()) * 60 + number(local.minute()) }
}
