//! Bytes in a block that is not as foretold.

use std::io::Write;

use super::Walk;
use super::blocks::Block;
use super::window::Field;
use crate::model::coder::Coder;
use crate::model::decision::{self, Decisions};
use crate::model::symbol::{self, Symbols};
use crate::model::{Old, hash, magnitude};

type Same = Decisions<5>;
const SAME: decision::Shape = decision::Shape(18, 80);
type Quad = Decisions<6>;
const QUAD: decision::Shape = decision::Shape(18, 16);
type Value = Symbols<6, 6>;
const VALUE: symbol::Shape = symbol::Shape([14, 0], 16);

/// What foretells whether a byte is the old one, and which it is if not.
pub(super) struct Bytes {
    same: Same,
    quad: Quad,
    value: Value,
    /// Misses of the last bytes, the latest in the lowest bit.
    pub(super) missed: u32,
    /// Bytes since the last miss.
    pub(super) distance: usize,
    /// By how much the last byte differed that did.
    difference: u8,
    /// By how much the last two words differed that did, and the last of each half of 8 bytes.
    words: [u32; 2],
    halves: [u32; 2],
    /// Whether the last words' difference foretold a byte, the latest in the lowest bit.
    served: u32,
    /// Bytes left in a word in which something must be missed yet.
    dirty: u32,
}

impl Bytes {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 = Same::memory(SAME) + Quad::memory(QUAD) + Value::memory(VALUE);

    pub(super) fn new() -> Self {
        Self {
            same: Same::new(SAME),
            quad: Quad::new(QUAD),
            value: Value::new(VALUE),
            missed: 0,
            distance: 0,
            difference: 0,
            words: [0; 2],
            halves: [0; 2],
            served: 0,
            dirty: 0,
        }
    }

    /// So many bytes were as foretold.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.missed = self.missed.checked_shl(4 * bytes.div_ceil(32) as u32).unwrap_or(0);
        self.distance += bytes;
    }

    /// Remembers a whole word that differs.
    fn word(&mut self, half: usize, difference: u32) {
        if difference == 0 {
            return;
        }
        self.halves[half] = difference;
        if difference != self.words[0] {
            self.words = [difference, self.words[0]];
        }
    }
}

/// The old byte, its surroundings, and what it would be if its word differed as others did.
struct Around {
    old: u32,
    before: u32,
    after: u32,
    /// Bytes before it in the new file, the nearest first.
    new: [u32; 3],
    phase: usize,
    expected: [u32; 3],
    /// Which of the expected are the old byte.
    equal: u32,
}

impl<C: Coder, O: Old, W: Write> Walk<'_, C, O, W> {
    fn around(&self, at: usize, phase: usize, half: usize) -> Around {
        let at = at as isize;
        let old = self.window.old(at);
        let word = self.window.old_word(at - phase as isize);
        let bytes = &self.bytes;
        let expected = [bytes.words[0], bytes.words[1], bytes.halves[half]]
            .map(|difference| word.wrapping_add(difference) >> (8 * phase) & 255);
        let equal = (0..3).map(|i| u32::from(expected[i] == old) << i).sum();
        Around {
            old,
            before: self.window.old(at - 1),
            after: self.window.old(at + 1),
            new: [self.out.back(1), self.out.back(2), self.out.back(3)],
            phase,
            expected,
            equal,
        }
    }

    /// Whether an aligned word is the old one; walks it if so.
    pub(super) fn quad(&mut self, block: Block, at: usize) -> bool {
        let foretold = &self.window.foretold[at..at + 4];
        let hit = Self::truth_is(self.truth, self.out.position(), foretold);
        let old = self.window.old_word(at as isize);
        let bytes = &mut self.bytes;
        let missed = bytes.missed;
        let distance = magnitude(bytes.distance as u64);
        let contexts = [
            hash(missed & 0xff, block.class),
            hash(old, 1),
            hash(distance, self.misses.min(7) << 8 | (self.blocks.missed & 15) << 12),
            hash(old & 0xffff, missed & 15),
            hash(self.out.back(1) | self.out.back(2) << 8, old & 255),
            hash(missed & 0xffff, self.out.position() as u32 & 12),
        ];
        let set = missed & 7 | u32::from(block.exec) << 3;
        if bytes.quad.flag(&mut self.coder, contexts, set as usize, hit) {
            self.out.extend(foretold);
            bytes.missed <<= 4;
            bytes.distance += 4;
            return true;
        }
        bytes.dirty = 4;
        false
    }

    /// Walks a byte.
    pub(super) fn byte(&mut self, block: Block, at: usize) {
        let position = self.out.position();
        let (phase, half) = ((position & 3) as usize, (position >> 2 & 1) as usize);
        let around = self.around(at, phase, half);
        let truth = self.truth_byte();
        let byte = if self.same(block, &around, truth) {
            self.bytes.missed <<= 1;
            self.bytes.distance += 1;
            around.old as u8
        } else {
            let byte = self.value(block, &around, truth);
            self.bytes.difference = byte.wrapping_sub(around.old as u8);
            self.bytes.missed = self.bytes.missed << 1 | 1;
            self.bytes.distance = 0;
            self.misses += 1;
            byte
        };
        if around.equal & 1 == 0 {
            let served = u32::from(around.expected[0] == byte.into());
            self.bytes.served = self.bytes.served << 1 | served;
        }
        self.out.push(byte);
        if phase == 3 && at >= block.start + 3 {
            let difference = self.out.word().wrapping_sub(self.window.old_word(at as isize - 3));
            self.bytes.word(half, difference);
        }
    }

    fn same(&mut self, block: Block, around: &Around, truth: u8) -> bool {
        let bytes = &mut self.bytes;
        let Around { old, before, after, new, equal, .. } = *around;
        let difference = u32::from(bytes.difference);
        let distance = magnitude(bytes.distance as u64);
        let missed = bytes.missed;
        if bytes.dirty == 1 {
            bytes.dirty = 0;
            return false;
        }
        let contexts = [
            hash(old, new[0] | new[1] << 8 | bytes.dirty << 16),
            hash(old, before << 8 | after << 16),
            hash(old, difference << 8 | distance.min(7) << 16),
            hash(missed & 0xffff, equal | bytes.dirty << 3),
            hash(new[0], (missed & 15) << 8 | difference << 16),
        ];
        let set = missed & 3 | u32::from(block.exec) << 2 | (!equal & 1) << 3 | bytes.dirty << 4;
        let so = u32::from(truth) == old;
        let same = bytes.same.flag(&mut self.coder, contexts, set as usize, so);
        bytes.dirty = if same { bytes.dirty.saturating_sub(1) } else { 0 };
        same
    }

    fn value(&mut self, block: Block, around: &Around, truth: u8) -> u8 {
        let bytes = &mut self.bytes;
        let Around { old, new, expected, .. } = *around;
        let difference = u32::from(bytes.difference);
        let exec = u32::from(block.exec);
        let contexts = [
            hash(old, block.class),
            hash(old, difference << 8),
            hash(new[0], old << 8),
            hash(new[0], new[1] << 8),
            hash((old + difference) & 255, exec | 16),
            hash(expected[2], (bytes.served & 3) << 8 | (around.phase as u32) << 10),
        ];
        let set = exec | (bytes.missed & 1) << 1 | (!around.equal & 1) << 2;
        bytes.value.code(&mut self.coder, &contexts, set as usize, truth)
    }

    /// Walks a field whose bytes are no reference any more.
    pub(super) fn raw(&mut self, field: &Field) {
        let kind = field.old.kind as u32;
        let old = self.window.old_field(field);
        for (q, old) in (0u32..).zip(old.into_iter().take(field.width)) {
            let old = u32::from(old);
            let last = self.out.back(1);
            let contexts = [
                hash(old, 50),
                hash(old, 51 + q),
                hash(last, 60 + kind),
                hash(last, old << 8 | 70),
                hash(kind, q + 80),
                hash(kind, old + 256 * q + 10_000),
            ];
            let truth = self.truth_byte();
            let byte = self.bytes.value.code(&mut self.coder, &contexts, 15, truth);
            self.out.push(byte);
        }
    }
}
