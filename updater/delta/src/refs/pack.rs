//! Positions and codes in 2 bytes each.

use std::ops::Range;

/// Bytes of the file whose references share a block: 12 bits say where in it.
const BLOCK_BITS: u32 = 12;
/// Most references that are kept.
const MAX_REFS: usize = 1 << 23;
/// Ascending lists that are filled side by side.
const MAX_LANES: usize = 16;

/// References by ascending position, each position once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    /// Block, and index of its first entry. Blocks without references do not appear.
    blocks: Vec<(u32, u32)>,
    /// Position in the block, and code in the low 4 bits.
    entries: Vec<u16>,
}

impl Packed {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a reference after all others; positions over 2⁴⁴ are left out.
    fn push(&mut self, position: u64, code: u8) {
        let Ok(block) = u32::try_from(position >> BLOCK_BITS) else { return };
        if self.blocks.last().is_none_or(|last| last.0 != block) {
            grow(&mut self.blocks);
            self.blocks.push((block, self.entries.len() as u32));
        }
        grow(&mut self.entries);
        self.entries.push((position as u16) << 4 | u16::from(code & 15));
    }

    /// Position and code of an entry that is in the given place of `blocks`.
    fn entry(&self, block: usize, index: usize) -> (u64, u8) {
        let start = u64::from(self.blocks[block].0) << BLOCK_BITS;
        let entry = self.entries[index];
        (start + u64::from(entry >> 4), (entry & 15) as u8)
    }

    /// The index after the last entry of a place of `blocks`.
    fn end(&self, block: usize) -> usize {
        self.blocks.get(block + 1).map_or(self.entries.len(), |next| next.1 as usize)
    }

    /// All references from `position` on.
    pub(crate) fn from(&self, position: u64) -> Entries<'_> {
        let number = u32::try_from(position >> BLOCK_BITS).unwrap_or(u32::MAX);
        let block = self.blocks.partition_point(|block| block.0 < number);
        let index = self.blocks.get(block).map_or(self.entries.len(), |found| found.1 as usize);
        let mut entries = Entries { packed: self, block, index };
        entries.skip_to(position);
        entries
    }
}

/// A place in a [`Packed`], and an iterator from there on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'a> {
    packed: &'a Packed,
    block: usize,
    index: usize,
}

impl Entries<'_> {
    pub(crate) fn peek(&self) -> Option<(u64, u8)> {
        (self.index < self.packed.len()).then(|| self.packed.entry(self.block, self.index))
    }

    fn skip_to(&mut self, position: u64) {
        while self.peek().is_some_and(|next| next.0 < position) {
            self.next();
        }
    }

    /// The place, to come back to with [`Packed::at`].
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.block, self.index)
    }
}

impl Packed {
    /// Goes on at a place of this list.
    pub(crate) fn at(&self, (block, index): (usize, usize)) -> Entries<'_> {
        Entries { packed: self, block, index }
    }
}

impl Iterator for Entries<'_> {
    type Item = (u64, u8);

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.peek()?;
        self.index += 1;
        if self.index >= self.packed.end(self.block) {
            self.block += 1;
        }
        Some(next)
    }
}

/// Reserves a quarter more instead of as much again.
fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 1024);
    }
}

/// Collects references in any order. Sources mostly ascend, each in its own part of the file, so a
/// few ascending lists take them all; what fits into none is left out.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// Each with the position from which on it takes more.
    lanes: Vec<(u64, Packed)>,
    current: usize,
    /// The positions for which the current lane is the one that ends nearest before.
    takes: Range<u64>,
    count: usize,
}

impl Lanes {
    /// Adds a reference.
    #[inline]
    pub(crate) fn push(&mut self, position: u64, code: u8) {
        if self.count >= MAX_REFS || (!self.takes.contains(&position) && !self.turn(position)) {
            return;
        }
        let lane = &mut self.lanes[self.current];
        lane.1.push(position, code);
        lane.0 = position + 1;
        self.takes.start = position + 1;
        self.count += 1;
    }

    /// Turns to the lane that ends nearest before `position`, or to a new one. Nearest, so that
    /// sources which take turns keep their own lanes.
    fn turn(&mut self, position: u64) -> bool {
        let fitting = self.lanes.iter().enumerate().filter(|(_, lane)| lane.0 <= position);
        let nearest = fitting.max_by_key(|(_, lane)| lane.0).map(|(index, _)| index);
        self.current = match nearest {
            Some(index) => index,
            None if self.lanes.len() < MAX_LANES => {
                self.lanes.push((0, Packed::default()));
                self.lanes.len() - 1
            }
            None => return false,
        };
        let start = self.lanes[self.current].0;
        let others = self.lanes.iter().map(|lane| lane.0).filter(|end| *end > start);
        self.takes = start..others.min().unwrap_or(u64::MAX);
        true
    }

    /// All of them by position. Of those that overlap, the first one stays; of those at the same
    /// place, the one that was in the earlier list. `width` tells how many bytes a code covers.
    pub(crate) fn merge(self, width: impl Fn(u8) -> u64) -> Packed {
        let lists: Vec<Packed> = self.lanes.into_iter().map(|lane| lane.1).collect();
        let mut heads: Vec<Entries<'_>> = lists.iter().map(|list| list.from(0)).collect();
        let mut merged = Packed::default();
        let mut free = 0;
        loop {
            let mut first: Option<(u64, usize)> = None;
            let mut second = u64::MAX;
            for (index, head) in heads.iter().enumerate() {
                let Some((position, _)) = head.peek() else { continue };
                match first {
                    Some((least, _)) if least <= position => second = second.min(position),
                    _ => {
                        second = first.map_or(second, |first| first.0);
                        first = Some((position, index));
                    }
                }
            }
            let Some((_, index)) = first else { return merged };
            // As long as this list stays ahead of the others it needs no comparison.
            let head = &mut heads[index];
            while let Some((position, code)) = head.peek().filter(|next| next.0 <= second) {
                head.next();
                if position >= free {
                    merged.push(position, code);
                    free = position + width(code);
                }
                if position == second {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_comes_out_by_position_without_overlaps() {
        let mut lanes = Lanes::default();
        for position in (0..50_000).step_by(10).chain((5..50_000).step_by(100)) {
            lanes.push(position, (position % 16) as u8);
        }
        lanes.push(3, 1);
        let packed = lanes.merge(|_| 4);
        let all: Vec<_> = packed.from(0).collect();
        let mut wanted: Vec<u64> =
            (0..50_000).step_by(10).chain((5..50_000).step_by(100)).collect();
        wanted.sort_unstable();
        assert_eq!(all.iter().map(|entry| entry.0).collect::<Vec<_>>(), wanted);
        assert!(all.iter().all(|(position, code)| position % 16 == u64::from(*code)));
        for position in [0, 1, 4095, 4096, 4097, 49_999, 60_000] {
            let expected: Vec<_> = all.iter().copied().filter(|e| e.0 >= position).collect();
            assert_eq!(packed.from(position).collect::<Vec<_>>(), expected);
            let place = packed.from(position).place();
            assert_eq!(packed.at(place).collect::<Vec<_>>(), expected);
        }
    }
}
