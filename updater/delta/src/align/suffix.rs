//! Longest matches in a file, by its suffix array.

use std::ops::Range;

use libsais::SuffixArrayConstruction;

use super::scan::Matches;

/// Matches that are as long as the longest are looked at on either side of it, up to so many.
const TIES: usize = 32;
/// Longer ones seldom have equals.
const MAX_TIE: usize = 256;

/// All places of a file, ordered by what stands from there on.
pub(crate) struct Suffixes<'a> {
    text: &'a [u8],
    order: Vec<i32>,
    /// For every first two bytes where they begin in `order`.
    starts: Vec<u32>,
}

impl<'a> Suffixes<'a> {
    /// Orders the places of `text`; nothing if it is empty, over 2 GiB, or memory is short.
    pub(crate) fn new(text: &'a [u8]) -> Option<Self> {
        if text.is_empty() || i32::try_from(text.len()).is_err() {
            return None;
        }
        let sort = SuffixArrayConstruction::for_text(text).in_owned_buffer32();
        let order = sort.single_threaded().run().ok()?.into_vec();
        Some(Self { starts: starts(text), text, order })
    }

    /// Where a single byte is.
    fn short(&self, wanted: &[u8]) -> (usize, usize) {
        let place = wanted.first().and_then(|byte| {
            let start = self.starts[usize::from(*byte) << 8] as usize;
            let place = *self.order.get(start)? as usize;
            (self.text.get(place) == Some(byte)).then_some(place)
        });
        place.map_or((0, 0), |place| (place, 1))
    }

    /// The longest match among `order[from..to]`, all of which share the first byte.
    fn search(&self, wanted: &[u8], near: usize, bucket: Range<usize>) -> (usize, usize) {
        let (mut low, mut high) = (bucket.start, bucket.end - 1);
        let (mut low_same, mut high_same) = (self.same(low, wanted, 1), self.same(high, wanted, 1));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let same = self.same(middle, wanted, low_same.min(high_same));
            let place = self.order[middle] as usize + same;
            let less = match (self.text.get(place), wanted.get(same)) {
                (None, _) => true,
                (_, None) => false,
                (Some(here), Some(there)) => here < there,
            };
            if less {
                (low, low_same) = (middle, same);
            } else {
                (high, high_same) = (middle, same);
            }
        }
        let (best, length) =
            if low_same >= high_same { (low, low_same) } else { (high, high_same) };
        (self.nearest(wanted, near, best, length), length)
    }

    /// Of the places around `order[best]` that match as much, the one nearest to `near`.
    fn nearest(&self, wanted: &[u8], near: usize, best: usize, length: usize) -> usize {
        let mut place = self.order[best] as usize;
        if length > MAX_TIE {
            return place;
        }
        let as_long = |index: &usize| {
            let rest = self.text.get(self.order[*index] as usize..).unwrap_or_default();
            rest.len() >= length && rest[..length] == wanted[..length]
        };
        let before = (best.saturating_sub(TIES)..best).rev().take_while(as_long);
        let after = (best + 1..self.order.len().min(best + 1 + TIES)).take_while(as_long);
        for index in before.chain(after) {
            let other = self.order[index] as usize;
            if other.abs_diff(near) < place.abs_diff(near) {
                place = other;
            }
        }
        place
    }

    /// How many bytes at a place are those of `wanted`, of which `known` are.
    #[inline]
    fn same(&self, index: usize, wanted: &[u8], known: usize) -> usize {
        let rest = &self.text[self.order[index] as usize + known..];
        known + common(rest, &wanted[known..])
    }
}

impl Matches for Suffixes<'_> {
    #[inline]
    fn longest(&self, wanted: &[u8], near: usize) -> (usize, usize) {
        let &[first, second, ..] = wanted else { return self.short(wanted) };
        let bucket = usize::from(first) << 8 | usize::from(second);
        let (from, to) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        if from == to {
            return self.short(&wanted[..1]);
        }
        self.search(wanted, near, from..to)
    }
}

/// Where places begin that start with each two bytes. The last place of the text has one byte only:
/// it comes before those that go on with any byte, and counts as if that were zero.
fn starts(text: &[u8]) -> Vec<u32> {
    let mut starts = vec![0u32; (1 << 16) + 1];
    for pair in text.array_windows::<2>() {
        starts[(usize::from(pair[0]) << 8 | usize::from(pair[1])) + 1] += 1;
    }
    if let Some(last) = text.last() {
        starts[(usize::from(*last) << 8) + 1] += 1;
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    starts
}

/// How many bytes two slices have in common at their beginning.
#[inline]
pub(crate) fn common(a: &[u8], b: &[u8]) -> usize {
    let mut same = 0;
    for (x, y) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return same + (differ.trailing_zeros() / 8) as usize;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_match_is_found() {
        let text = b"abracadabra, abracadabro, banana\0b".as_slice();
        let suffixes = Suffixes::new(text).unwrap();
        for wanted in [
            b"abracadabro!".as_slice(),
            b"b",
            b"bz",
            b"ban",
            b"\0",
            b"\xff",
            b"a",
            b"",
            b"\0bb",
            b"zzz",
            b"a\xff",
            b"b\0",
        ] {
            let (place, length) = suffixes.longest(wanted, 0);
            let best = (0..text.len()).map(|at| common(&text[at..], wanted)).max().unwrap();
            assert_eq!(length, best, "{wanted:?}");
            assert_eq!(text[place..place + length], wanted[..length]);
        }
    }
}
