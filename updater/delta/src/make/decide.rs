//! Whether a file is walked or packed.

use std::io::{self, Write};

use super::{Options, encode};
use crate::{Error, walk};

/// Zstandard's level for guessing what a file costs in blocks: the guess is good to a fifth.
const GUESS_LEVEL: i32 = 3;

/// The walk from `old` to `new` if it is there and applied sooner than blocks would be.
pub(super) fn walk(
    old: &[u8],
    new: &[u8],
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Vec<u8>>, Error> {
    let length = new.len() as u64;
    let packed = encode::compress(new, old, GUESS_LEVEL)?.len() as u64;
    // Blocks take a nanosecond or two a byte.
    let packed_cost = cost(packed, length / 600, options.line);
    let least = cost(0, walk::decode_micros(0, length), options.line);
    let does_not_compress = packed.saturating_mul(20) > length.saturating_mul(19);
    if packed_cost <= least || does_not_compress {
        return Ok(None);
    }
    let Some(walk) = walk::encode(old, new, progress) else { return Ok(None) };
    let patch = walk.len() as u64;
    let soonest = cost(patch, walk::decode_micros(patch, length), options.line) < packed_cost;
    Ok((soonest && leads(old, &walk, new)).then_some(walk))
}

/// What bytes on the line and microseconds of a processor are together, in bytes.
fn cost(bytes: u64, micros: u64, line: u64) -> u64 {
    let waited = u128::from(micros) * u128::from(line) / 1_000_000;
    bytes.saturating_add(u64::try_from(waited).unwrap_or(u64::MAX))
}

/// Whether a walk gives the new file: one that does not is of no use, and blocks always do.
fn leads(old: &[u8], walk: &[u8], new: &[u8]) -> bool {
    let mut compare = Compare { rest: new };
    let walked = walk::decode(&old, new.len() as u64, &mut &*walk, &mut compare);
    walked.is_ok() && compare.rest.is_empty()
}

struct Compare<'a> {
    rest: &'a [u8],
}

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
