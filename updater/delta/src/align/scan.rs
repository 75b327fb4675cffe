//! One pass over the new file: bsdiff's way of finding copies that may differ in single bytes.

use crate::map::Piece;

/// By how many bytes a match elsewhere must be better than going on.
const BETTER: i64 = 8;
/// Longest match that is looked at: what goes on is found again from there.
const LONGEST: usize = 16 << 10;

/// Where things are in the old file.
pub(super) trait Matches {
    /// A long match of the beginning of `wanted`: its place and length. Of several that are as long
    /// one that is near `near` is better.
    fn longest(&self, wanted: &[u8], near: usize) -> (usize, usize);
}

/// The copies that give `new` from `old`, by ascending place in `new`.
pub(super) fn scan(old: &[u8], matches: &impl Matches, new: &[u8]) -> Vec<Piece> {
    let mut scan = Scan { old, new, pieces: Vec::new(), from: 0, old_from: 0 };
    let (mut at, mut length, mut place) = (0, 0, 0);
    while at < new.len() {
        // Bytes that going on with the last copy would give right.
        let mut right = 0;
        at += length;
        let mut counted = at;
        while at < new.len() {
            let end = new.len().min(at + LONGEST);
            (place, length) = matches.longest(&new[at..end], scan.expected(at));
            while counted < at + length {
                right += i64::from(scan.goes_on(counted));
                counted += 1;
            }
            let better = length as i64 - right;
            if better == 0 && length != 0 || better > BETTER {
                break;
            }
            right -= i64::from(scan.goes_on(at));
            at += 1;
        }
        if length as i64 != right || at >= new.len() {
            scan.change(at.min(new.len()), place);
        }
    }
    scan.pieces
}

struct Scan<'a> {
    old: &'a [u8],
    new: &'a [u8],
    pieces: Vec<Piece>,
    /// Where the current copy begins.
    from: usize,
    old_from: usize,
}

impl Scan<'_> {
    /// Where the current copy, carried on, would be. Wraps when that is before the file's start, and
    /// then nothing is there.
    #[inline]
    fn expected(&self, at: usize) -> usize {
        at.wrapping_sub(self.from).wrapping_add(self.old_from)
    }

    /// Whether the current copy, carried on, gives the byte at `at`.
    #[inline]
    fn goes_on(&self, at: usize) -> bool {
        self.old.get(self.expected(at)).is_some_and(|byte| *byte == self.new[at])
    }

    /// Ends the current copy somewhere before `at`, where a copy from `place` has been found.
    fn change(&mut self, at: usize, place: usize) {
        let mut forward = self.forward(at);
        let mut back = if at < self.new.len() { self.back(at, place) } else { 0 };
        let overlap = (self.from + forward).saturating_sub(at - back);
        if overlap > 0 {
            let keep = self.split(forward, at, place, back, overlap);
            forward = forward + keep - overlap;
            back -= keep;
        }
        if forward > 0 {
            let (old, new) = (self.old_from as u64, self.from as u64);
            self.pieces.push(Piece { old, new, length: forward as u64 });
        }
        self.from = at - back;
        self.old_from = place - back;
    }

    /// How far the current copy is worth carrying on.
    fn forward(&self, at: usize) -> usize {
        let new = &self.new[self.from..at];
        let old = self.old.get(self.old_from..).unwrap_or_default();
        best(new.iter().zip(old).map(|(a, b)| a == b))
    }

    /// How far the next copy is worth beginning earlier.
    fn back(&self, at: usize, place: usize) -> usize {
        let new = self.new[self.from..at].iter().rev();
        best(new.zip(self.old[..place].iter().rev()).map(|(a, b)| a == b))
    }

    /// Of the bytes that both copies claim, how many the earlier one gets.
    fn split(&self, forward: usize, at: usize, place: usize, back: usize, overlap: usize) -> usize {
        let (mut score, mut most, mut keep) = (0i64, 0, 0);
        let start = self.from + forward - overlap;
        for index in 0..overlap {
            let byte = self.new[start + index];
            score += i64::from(self.old[self.old_from + forward - overlap + index] == byte);
            score -= i64::from(self.old[place - back + index] == self.new[at - back + index]);
            if score > most {
                (most, keep) = (score, index + 1);
            }
        }
        keep
    }
}

/// The length at which most bytes are right and fewest wrong.
fn best(right: impl Iterator<Item = bool>) -> usize {
    let (mut score, mut most, mut length) = (0i64, 0, 0);
    for (index, right) in right.enumerate() {
        score += if right { 1 } else { -1 };
        if score > most {
            (most, length) = (score, index + 1);
        }
    }
    length
}
