//! Which bytes of the new file come from which of the old one.
//!
//! Copies are found on *masked* files. At first every reference is masked to zero, so that code that
//! only moved is the same code. The copies found give a map of addresses; the next pass writes into
//! each reference of the old file where its target went, into each of the new file its target, and
//! looks again: now code that refers to the same things is the same code, and what merely looks
//! alike is not. Copies that cost more than the bytes they spare are dropped after each pass.
//!
//! All of it is integer arithmetic on the files' bytes in one thread, so the same files give the
//! same copies everywhere.

mod mask;
mod prune;
mod scan;
mod sparse;
mod suffix;

use std::io;

use self::prune::Cost;
use self::suffix::Suffixes;
use crate::map::{Map, Piece};
use crate::old::Source;

/// Longest old file of which all suffixes are ordered, which takes 4 bytes for each.
const DENSE: usize = 64 << 20;
/// How often the files are compared.
const PASSES: u64 = 3;

/// A file in memory, and what is known of it.
pub(crate) struct Side<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) source: Source<'a>,
}

impl Side<'_> {
    /// The bytes, to be masked.
    fn copy(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        for &(start, end) in self.source.blanks() {
            if let Some(blank) = bytes.get_mut(start as usize..end as usize) {
                blank.fill(0);
            }
        }
        bytes
    }
}

/// The copies between two files, by ascending place in the new one. `progress` is told after each
/// pass how much of 1,000 is done.
///
/// # Errors
/// What reading gives, which in memory is nothing; `OutOfMemory` if there are no suffixes.
pub(crate) fn align(
    old: &mut Side<'_>,
    new: &mut Side<'_>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Vec<Piece>> {
    let mut before = old.copy();
    let mut after = new.copy();
    mask::mask(&mut old.source, &mut before, |_| 0)?;
    mask::mask(&mut new.source, &mut after, |_| 0)?;
    let mut pieces = compare(&before, &after, Cost::FILE)?;
    // Without references there is nothing to be masked otherwise.
    let masked = old.source.refs.len() > 0 || new.source.refs.len() > 0;
    let passes = if masked { PASSES } else { 1 };
    for pass in 1..passes {
        progress(pass * 1000 / PASSES);
        let map = Map::new(pieces.iter().copied(), &old.source.layout, &new.source.layout);
        mask::mask(&mut old.source, &mut before, |found| map.map(found.target).0)?;
        if pass == 1 {
            mask::mask(&mut new.source, &mut after, |found| found.target)?;
        }
        pieces = compare(&before, &after, Cost::FILE)?;
    }
    progress(1000);
    Ok(pieces)
}

/// Bytes that [`align`] allocates for two files.
pub(crate) fn memory(old: u64, new: u64) -> u64 {
    let masked = old.saturating_add(new);
    let order = if old > DENSE as u64 {
        // Seeds, or suffixes of a chunk with the chunks themselves.
        old.max(7 * DENSE as u64).saturating_add(new)
    } else {
        old.saturating_mul(4)
    };
    masked.saturating_add(order)
}

/// The copies between a foretold section and the real one.
pub(crate) fn align_foretold(foretold: &[u8], real: &[u8]) -> io::Result<Vec<Piece>> {
    compare(foretold, real, Cost::FORETOLD)
}

fn compare(old: &[u8], new: &[u8], cost: Cost) -> io::Result<Vec<Piece>> {
    let pieces = if old.len() > DENSE { sparse::scan(old, new)? } else { dense(old, new)? };
    Ok(prune::prune(&pieces, old, new, cost))
}

/// Copies found by all suffixes of the old file.
fn dense(old: &[u8], new: &[u8]) -> io::Result<Vec<Piece>> {
    if old.is_empty() || new.is_empty() {
        return Ok(Vec::new());
    }
    let suffixes = Suffixes::new(old).ok_or(io::ErrorKind::OutOfMemory)?;
    Ok(scan::scan(old, &suffixes, new))
}
