//! The two copies of the floors record (formats §7).
//!
//! Copy `a` is written first, then `b`. A torn or emptied copy never lowers a floor, because the
//! reader takes the higher of the two, entry by entry.

use crate::journal::ReleaseRef;
use crate::record::{self, Record, RecordError};
use exuvia_core::{Floors, Time};
use serde::{Deserialize, Serialize};

/// What the two copies say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Entry by entry the higher of the readable copies; no floor at all if none is readable.
    pub floors: Floors,
    /// How many of the copies were present and damaged.
    pub damaged: usize,
    /// How many were readable.
    pub readable: usize,
}

/// Reads both copies, `None` being a missing file.
///
/// # Errors
/// [`RecordError::Newer`] if a copy was written by a later version. Damage is no error: the
/// other copy holds, and the answer says how many were lost.
pub fn read(a: Option<&[u8]>, b: Option<&[u8]>) -> Result<Read, RecordError> {
    let mut read = Read { floors: Floors::default(), damaged: 0, readable: 0 };
    for bytes in [a, b].into_iter().flatten() {
        match record::decode::<Framed>(bytes) {
            Ok(Framed(floors)) => {
                read.floors = match read.readable {
                    0 => floors,
                    _ => Floors::merge(&read.floors, &floors),
                };
                read.readable += 1;
            }
            Err(RecordError::Damaged { .. }) => read.damaged += 1,
            Err(newer) => return Err(newer),
        }
    }
    Ok(read)
}

/// The floors with a committed release as the application's own. A publisher's clock that is ahead
/// must not make all metadata expired for ever, so that floor is never later than now.
pub fn committed(before: &Floors, current: &ReleaseRef, now: Time) -> Floors {
    let mut floors = before.clone();
    floors.raise_application(&current.version);
    floors.raise_time(current.published.min(now));
    floors
}

/// The bytes of one copy.
pub fn write(floors: &Floors) -> Vec<u8> {
    record::encode(&Framed(floors.clone()))
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Framed(Floors);

impl Record for Framed {
    const NAME: &'static str = "exuvia-floors";
    const LIMIT: usize = 256 << 10;
}
