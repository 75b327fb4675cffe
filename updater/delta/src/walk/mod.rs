//! One new file as a walk along one old file.

use std::io::{self, Read, Write};

use exuvia_bundle::ReadAt;

use crate::Bound;

/// Most bytes that [`decode`] allocates.
pub(crate) const MEMORY: u64 = 48 << 20;

/// Why a walk gave nothing.
#[derive(Debug)]
#[expect(dead_code, reason = "what makes them comes next")]
pub(crate) enum Fault {
    /// The old file could not be read, or ends before it should (`UnexpectedEof`).
    Old(io::Error),
    /// The walk could not be read.
    Patch(io::Error),
    /// Whoever takes the new file refused it.
    Out(io::Error),
    /// The bytes depart from the format, or end early.
    Damaged,
    /// Something is larger than is taken.
    Limit { bound: Bound, value: u64, max: u64 },
}

/// Writes the new file of `length` bytes to `out`, as `patch` tells. Whether it is the right one is
/// for its hash to say.
pub(crate) fn decode(
    old: &dyn ReadAt,
    length: u64,
    patch: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Fault> {
    let _ = (old, length, patch, out);
    Err(Fault::Damaged)
}

/// The walk from `old` to `new`; none if they are too large. `progress` gets thousandths.
#[cfg(feature = "make")]
pub(crate) fn encode(old: &[u8], new: &[u8], progress: &mut dyn FnMut(u64)) -> Option<Vec<u8>> {
    let _ = (old, new, progress);
    None
}

/// Bytes that [`encode`] allocates beside the two files.
#[cfg(feature = "make")]
pub(crate) fn encode_memory(old: u64, new: u64) -> u64 {
    (old.max(new)).saturating_mul(10).saturating_add(64 << 20)
}

/// Microseconds of processor that decoding takes, about.
#[cfg(feature = "make")]
pub(crate) fn decode_micros(patch: u64, length: u64) -> u64 {
    5_000 + patch * 3 / 2 + length / 300
}
