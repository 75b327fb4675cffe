//! What was inserted before and comes again.

use super::output::{HISTORY, Output};

/// Bits of the table of places.
const TABLE_BITS: u32 = 16;
/// Most bytes that a match is looked back for.
const LOOK_BACK: u32 = 24;

/// A place in the output that may come again.
pub(super) struct Match {
    /// Where each context came last, in the low 32 bits of the position. Empty until it is asked.
    table: Vec<u32>,
    at: u64,
    /// Bytes that matched.
    length: u32,
}

impl Match {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 = 4 << TABLE_BITS;

    pub(super) fn new() -> Self {
        Self { table: Vec::new(), at: 0, length: 0 }
    }

    /// Forgets the match.
    pub(super) fn lose(&mut self) {
        self.length = 0;
    }

    /// Looks for a match of at least `least` bytes, unless there is one, and remembers this place.
    pub(super) fn find<W: std::io::Write>(&mut self, out: &Output<W>, context: u32, least: u32) {
        if self.table.is_empty() {
            self.table = vec![0; 1 << TABLE_BITS];
        }
        let position = out.position();
        let slot = &mut self.table[(context >> (32 - TABLE_BITS)) as usize];
        let distance = u64::from((position as u32).wrapping_sub(*slot));
        *slot = position as u32;
        if self.length > 0 && position - self.at >= HISTORY as u64 {
            self.length = 0;
        }
        if self.length > 0 || distance == 0 || distance >= HISTORY as u64 || distance > position {
            return;
        }
        self.at = position - distance;
        let mut length = 0;
        while length < LOOK_BACK {
            let before = self.at.checked_sub(u64::from(length) + 1).and_then(|at| out.at(at));
            if before.is_none_or(|byte| u32::from(byte) != out.back(length as usize + 1)) {
                break;
            }
            length += 1;
        }
        self.length = if length < least { 0 } else { length };
    }

    /// The next byte, and how many bytes matched before it.
    pub(super) fn byte<W: std::io::Write>(&self, out: &Output<W>) -> Option<(u32, u32)> {
        let byte = out.at(self.at).filter(|_| self.length > 0)?;
        Some((byte.into(), self.length))
    }

    /// The next word, how many bytes matched before it, and how far back it is.
    pub(super) fn word<W: std::io::Write>(&self, out: &Output<W>) -> Option<(u32, u32, u64)> {
        let word = out.word_at(self.at).filter(|_| self.length > 0)?;
        Some((word, self.length, out.position() - self.at))
    }

    /// Moves on by `bytes` that are not compared.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.at += bytes;
    }

    /// Moves on by `bytes`, which were foretold rightly or not.
    pub(super) fn step(&mut self, bytes: u32, hit: bool) {
        self.length = if hit && self.length > 0 { self.length + bytes } else { 0 };
        self.at += u64::from(bytes);
    }
}
