//! Large files: long copies first, found by seeds, and then only what these leave open.
//!
//! Ordering all suffixes of a file takes 4 bytes for each of its own. Of large files only every
//! eighth place is remembered, by the 24 bytes that stand there. Copies of at least 1 KiB that are
//! found so are kept. What they leave open on both sides is put together, cut into chunks that are
//! not too large, and compared as smaller files are.

use std::io;
use std::ops::Range;

use super::scan::{self, Matches};
use super::suffix::common;
use super::{DENSE, dense};
use crate::map::Piece;

/// Bytes of a seed.
const SEED: usize = 24;
/// Every so manieth place of the old file has a seed.
const STEP: usize = 8;
/// Shortest copy that is kept of those found by seeds.
const LONG: u64 = 1024;
/// Bytes of the old file around what is open that are compared too.
const MARGIN: usize = 4096;
const NONE: u32 = u32::MAX;

/// Places of the old file by the hash of their seeds, a later one in the stead of an earlier one.
struct Seeds<'a> {
    old: &'a [u8],
    /// In units of `STEP`.
    places: Vec<u32>,
    bits: u32,
}

fn hash(seed: &[u8; SEED]) -> Option<u64> {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(seed.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    // Long runs of one byte are everywhere.
    if words[0] == words[1] && words[1] == words[2] {
        return None;
    }
    let mut mixed = words[0].wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 29 ^ words[1]).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 32 ^ words[2]).wrapping_mul(0x94d0_49bb_1331_11eb);
    Some(mixed)
}

impl<'a> Seeds<'a> {
    fn new(old: &'a [u8]) -> Self {
        let count = (old.len() / STEP).max(1);
        let bits = count.next_power_of_two().trailing_zeros();
        let mut seeds = Self { old, places: vec![NONE; 1 << bits], bits };
        for place in (0..old.len()).step_by(STEP) {
            let Some(seed) = old[place..].first_chunk() else { break };
            if let Some(hash) = hash(seed) {
                let slot = seeds.slot(hash);
                seeds.places[slot] = (place / STEP) as u32;
            }
        }
        seeds
    }

    fn slot(&self, hash: u64) -> usize {
        hash.checked_shr(u64::BITS - self.bits).unwrap_or(0) as usize
    }
}

impl Matches for Seeds<'_> {
    #[inline]
    fn longest(&self, wanted: &[u8], _: usize) -> (usize, usize) {
        let Some(hash) = wanted.first_chunk().and_then(hash) else { return (0, 0) };
        let place = self.places[self.slot(hash)];
        if place == NONE {
            return (0, 0);
        }
        let place = place as usize * STEP;
        let length = common(&self.old[place..], wanted);
        if length < SEED { (0, 0) } else { (place, length) }
    }
}

/// The copies that give `new` from `old`, by ascending place in `new`.
pub(super) fn scan(old: &[u8], new: &[u8]) -> io::Result<Vec<Piece>> {
    let mut pieces = scan::scan(old, &Seeds::new(old), new);
    pieces.retain(|piece| piece.length >= LONG);
    let mut covered: Vec<Range<usize>> = pieces.iter().map(|p| range(p.old, p.length)).collect();
    covered.sort_unstable_by_key(|range| range.start);
    let open_old = open(&covered, old.len(), MARGIN);
    let covered: Vec<Range<usize>> = pieces.iter().map(|p| range(p.new, p.length)).collect();
    let open_new = open(&covered, new.len(), 0);
    let chunks = total(&open_old).div_ceil(DENSE).max(1);
    for (from, to) in cut(&open_old, chunks).into_iter().zip(cut(&open_new, chunks)) {
        let (from, to) = (Gathered::new(old, from), Gathered::new(new, to));
        for piece in dense(&from.bytes, &to.bytes)? {
            spread(piece, &from, &to, &mut pieces);
        }
    }
    pieces.sort_unstable_by_key(|piece| piece.new);
    Ok(pieces)
}

fn range(start: u64, length: u64) -> Range<usize> {
    start as usize..(start + length) as usize
}

fn total(ranges: &[Range<usize>]) -> usize {
    ranges.iter().map(ExactSizeIterator::len).sum()
}

/// What ascending ranges leave open, and `margin` bytes more on either side.
fn open(covered: &[Range<usize>], length: usize, margin: usize) -> Vec<Range<usize>> {
    let mut open: Vec<Range<usize>> = Vec::new();
    let mut add = |start: usize, end: usize| {
        if start >= end {
            return;
        }
        let (start, end) = (start.saturating_sub(margin), length.min(end + margin));
        match open.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => open.push(start..end),
        }
    };
    let mut free = 0;
    for range in covered {
        add(free, range.start);
        free = free.max(range.end);
    }
    add(free, length);
    open
}

/// Cuts ranges into `count` lists of about the same number of bytes.
fn cut(ranges: &[Range<usize>], count: usize) -> Vec<Vec<Range<usize>>> {
    let size = total(ranges).div_ceil(count).max(1);
    let mut chunks = vec![Vec::new(); count];
    let (mut chunk, mut room) = (0, size);
    for range in ranges {
        let mut start = range.start;
        while start < range.end {
            if room == 0 && chunk + 1 < count {
                (chunk, room) = (chunk + 1, size);
            }
            let end = range.end.min(start + room.max(1));
            chunks[chunk].push(start..end);
            room = room.saturating_sub(end - start);
            start = end;
        }
    }
    chunks
}

/// Parts of a file, put together.
struct Gathered {
    bytes: Vec<u8>,
    /// Where each part begins in `bytes`, and where in the file.
    parts: Vec<(usize, usize)>,
}

impl Gathered {
    fn new(file: &[u8], ranges: Vec<Range<usize>>) -> Self {
        let mut bytes = Vec::with_capacity(total(&ranges));
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            parts.push((bytes.len(), range.start));
            bytes.extend_from_slice(&file[range]);
        }
        Self { bytes, parts }
    }

    /// Where in the file the byte at `place` is, and how many follow it there.
    fn locate(&self, place: usize) -> (usize, usize) {
        let next = self.parts.partition_point(|part| part.0 <= place);
        let end = self.parts.get(next).map_or(self.bytes.len(), |part| part.0);
        let (start, origin) = self.parts[next - 1];
        (origin + (place - start), end - place)
    }
}

/// A piece between gathered bytes as pieces between the files.
fn spread(piece: Piece, from: &Gathered, to: &Gathered, pieces: &mut Vec<Piece>) {
    let (mut done, length) = (0, piece.length as usize);
    while done < length {
        let (old, room) = from.locate(piece.old as usize + done);
        let (new, more) = to.locate(piece.new as usize + done);
        let count = (length - done).min(room).min(more);
        pieces.push(Piece { old: old as u64, new: new as u64, length: count as u64 });
        done += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_found_by_seeds_and_in_gaps_give_right_bytes_once() {
        let mut state = 1u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let old: Vec<u8> = (0..60_000).map(|_| random()).collect();
        // A long move, a change, something short, and something of no use to seeds.
        let mut new = old[20_003..50_000].to_vec();
        new[9_000] ^= 1;
        new.extend((0..100).map(|_| random()));
        new.extend_from_slice(&old[1_001..1_300]);
        new.extend_from_slice(&old[100..19_000]);
        let pieces = scan(&old, &new).unwrap();
        let mut free = 0;
        let mut right = 0;
        for piece in &pieces {
            assert!(piece.new >= free, "{pieces:?}");
            free = piece.new + piece.length;
            let (from, to) = (range(piece.old, piece.length), range(piece.new, piece.length));
            right += old[from].iter().zip(&new[to]).filter(|(a, b)| a == b).count();
        }
        assert!(right >= new.len() - 101, "{right} of {}", new.len());
    }
}
