//! Where an address of the old file went in the new one, as the copies imply it.

use crate::image::Layout;

/// Addresses that share an entry of the index.
const BUCKET_BITS: u32 = 12;
/// Most entries of the index; above, buckets are larger.
const MAX_BUCKETS: u64 = 1 << 17;

/// Bytes of the new file that come from the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) old: u64,
    pub(crate) new: u64,
    pub(crate) length: u64,
}

/// Addresses `start..end` moved by `delta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Move {
    start: u64,
    end: u64,
    delta: i64,
}

/// Old addresses to new ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    moves: Vec<Move>,
    indices: Vec<Index>,
}

/// A range of addresses without large holes, and for each bucket in it the first move that may
/// hold an address of it.
#[derive(Clone, Debug)]
struct Index {
    start: u64,
    end: u64,
    bits: u32,
    buckets: Vec<u32>,
}

impl Map {
    /// The map of pieces between two layouts.
    pub(crate) fn new(pieces: impl Iterator<Item = Piece>, old: &Layout, new: &Layout) -> Self {
        let mut moves = Vec::new();
        for piece in pieces {
            add(&mut moves, piece, old, new);
        }
        for (before, after) in old.segments.iter().zip(&new.segments) {
            // What is zeros at the start has no bytes; it stays with the end of its segment.
            if before.memory > before.length {
                let end = before.address.wrapping_add(before.memory);
                let start = before.address.wrapping_add(before.length);
                let delta = after.address.wrapping_add(after.memory).wrapping_sub(end) as i64;
                moves.push(Move { start, end, delta });
            }
        }
        moves.sort_unstable();
        let mut map = Self { moves: disjoint(moves), indices: Vec::new() };
        map.index();
        map
    }

    /// The new address, and whether a copy holds the old one. Between copies the nearer one says.
    #[inline]
    pub(crate) fn map(&self, target: u64) -> (u64, bool) {
        let after = self.after(target);
        let Some(before) = after.checked_sub(1).or(self.moves.first().map(|_| 0)) else {
            return (target, false);
        };
        let here = self.moves[before];
        if target < here.end {
            return (target.wrapping_add(here.delta as u64), target >= here.start);
        }
        let delta = match self.moves.get(before + 1) {
            Some(next) if target - here.end > next.start.wrapping_sub(target) => next.delta,
            _ => here.delta,
        };
        (target.wrapping_add(delta as u64), false)
    }

    /// How many moves begin at or before `target`.
    #[inline]
    fn after(&self, target: u64) -> usize {
        let index = self.indices.iter().find(|index| target < index.end);
        let Some(index) = index else { return self.moves.len() };
        let bucket = (target.saturating_sub(index.start) >> index.bits) as usize;
        let first = index.buckets.get(bucket).map_or(0, |first| *first as usize);
        let last = index.buckets.get(bucket + 1).map_or(self.moves.len(), |last| *last as usize);
        let within = self.moves.get(first..last).unwrap_or_default();
        first + within.partition_point(|step| step.start <= target)
    }

    /// Builds the index: one for each stretch of addresses.
    fn index(&mut self) {
        const HOLE: u64 = 1 << 32;
        let mut from = 0;
        while let Some(first) = self.moves.get(from) {
            let mut to = from + 1;
            while self
                .moves
                .get(to)
                .is_some_and(|next| next.start.saturating_sub(self.moves[to - 1].end) < HOLE)
            {
                to += 1;
            }
            let (start, end) = (first.start, self.moves[to - 1].end);
            let mut bits = BUCKET_BITS;
            while (end - start) >> bits >= MAX_BUCKETS {
                bits += 1;
            }
            let count = ((end - start) >> bits) + 2;
            let mut buckets = Vec::with_capacity(count as usize);
            let mut next = from;
            for bucket in 0..count {
                let bound = start.saturating_add(bucket << bits);
                while next < to && self.moves[next].start < bound {
                    next += 1;
                }
                buckets.push(next as u32);
            }
            self.indices.push(Index { start, end, bits, buckets });
            from = to;
        }
    }
}

/// Cuts a piece at the bounds of segments, and adds the moves of what is loaded on both sides.
fn add(moves: &mut Vec<Move>, piece: Piece, old: &Layout, new: &Layout) {
    let mut done = 0;
    while done < piece.length {
        let (from, to) = (piece.old.saturating_add(done), piece.new.saturating_add(done));
        let (before, after) = (old.segment(from), new.segment(to));
        let room = (before.end - from).min(after.end - to).min(piece.length - done);
        if before.loaded && after.loaded {
            let start = before.pc(from);
            let delta = after.pc(to).wrapping_sub(start) as i64;
            moves.push(Move { start, end: start.saturating_add(room), delta });
        }
        done += room.max(1);
    }
}

/// Where moves overlap, the longer one keeps all, the shorter one what is left of it.
fn disjoint(moves: Vec<Move>) -> Vec<Move> {
    let mut kept: Vec<Move> = Vec::with_capacity(moves.len());
    for mut step in moves {
        while let Some(last) = kept.last_mut() {
            if step.start >= last.end {
                break;
            }
            if step.end - step.start <= last.end - last.start {
                step.start = last.end;
                break;
            }
            last.end = step.start;
            if last.start < last.end {
                break;
            }
            kept.pop();
        }
        if step.start < step.end {
            kept.push(step);
        }
    }
    kept
}
