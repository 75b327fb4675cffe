//! Places in the old file that may foretell inserted bytes.

use super::known::Known;
use crate::model::Old;
use crate::refs::Ref;

/// Old bytes that are read at once.
const CHUNK: usize = 64;
/// Nowhere: all bytes are 0 there.
const NOWHERE: u64 = 1 << 62;
/// Where a chunk is that is none: far from everything.
const NO_CHUNK: u64 = 1 << 63;

/// A place in the old file that moves along with the new one. References under it are re-aimed.
pub(super) struct Pointer {
    position: u64,
    /// Bytes that it foretold rightly since it last failed, and failures, which fade.
    pub(super) run: u32,
    pub(super) failed: u32,
    chunk: [u8; CHUNK + 8],
    chunk_at: u64,
    refs: Vec<Ref>,
    next: usize,
    field: [u8; 8],
    field_at: u64,
    field_width: u64,
    target: u64,
}

impl Pointer {
    pub(super) fn new() -> Self {
        Self {
            position: NOWHERE,
            run: 0,
            failed: 0,
            chunk: [0; CHUNK + 8],
            chunk_at: NO_CHUNK,
            refs: Vec::new(),
            next: 0,
            field: [0; 8],
            field_at: NOWHERE,
            field_width: 0,
            target: 0,
        }
    }

    /// Goes to a place, or to none.
    pub(super) fn jump(&mut self, position: Option<u64>) {
        self.position = position.unwrap_or(NOWHERE).min(NOWHERE);
        (self.run, self.failed) = (0, 0);
        self.chunk_at = NO_CHUNK;
        self.field_width = 0;
    }

    /// Moves on by `bytes`, the first of which was foretold rightly or not.
    #[inline]
    pub(super) fn step(&mut self, bytes: u64, hit: bool) {
        self.position += bytes;
        if hit {
            self.run += 1;
            self.failed = self.failed.saturating_sub(u32::from(self.run.is_multiple_of(8)));
        } else {
            self.run = 0;
            self.failed += 1;
        }
    }

    /// Moves on by a field of four bytes that leads to `target`; after [`Pointer::peek`].
    pub(super) fn pass_field(&mut self, target: u64) {
        if self.target() == Some(target) {
            self.step(4, true);
        } else {
            self.position += 4;
        }
    }

    /// Where the reference leads that begins at the pointer, if one does; after [`Pointer::peek`].
    #[inline]
    pub(super) fn target(&self) -> Option<u64> {
        (self.field_width > 0 && self.field_at == self.position).then_some(self.target)
    }

    /// The byte that is foretold for `position` of the new file.
    #[inline]
    pub(super) fn peek(&mut self, known: &mut Known<'_, impl Old>, position: u64) -> u32 {
        let within = self.position.wrapping_sub(self.field_at);
        if within < self.field_width {
            return self.field[within as usize & 7].into();
        }
        let mut at = self.position.wrapping_sub(self.chunk_at);
        if at >= CHUNK as u64 {
            if self.position >= known.old.len() {
                return 0;
            }
            known.read(self.position, &mut self.chunk, CHUNK, &mut self.refs);
            (self.chunk_at, self.next, at) = (self.position, 0, 0);
        }
        self.field_width = 0;
        while let Some(reference) = self.refs.get(self.next) {
            if reference.pos == self.position {
                let reference = *reference;
                self.aim(known, reference, position);
                return self.field[0].into();
            }
            if reference.pos > self.position {
                break;
            }
            self.next += 1;
        }
        self.chunk[at as usize].into()
    }

    /// Re-aims the reference at the pointer.
    fn aim(&mut self, known: &mut Known<'_, impl Old>, reference: Ref, position: u64) {
        let (pc, base, aim) = known.aim(&reference, position);
        let width = reference.kind.width();
        let from = (self.position - self.chunk_at) as usize;
        self.field[..width].copy_from_slice(&self.chunk[from..from + width]);
        reference.put(&mut self.field[..width], aim.target, pc, base);
        (self.field_at, self.field_width, self.target) = (self.position, width as u64, aim.target);
    }

    /// The word that is foretold for `position`.
    pub(super) fn peek_word(&mut self, known: &mut Known<'_, impl Old>, position: u64) -> u32 {
        let start = self.position;
        let mut word = 0;
        for place in 0..4 {
            word |= self.peek(known, position) << (8 * place);
            self.position += 1;
        }
        self.position = start;
        word
    }

    /// Moves on by a word that was foretold as `foretold`.
    pub(super) fn step_word(&mut self, foretold: u32, word: u32) {
        if foretold == word {
            self.run += 4;
            self.position += 4;
        } else {
            self.step(4, false);
            // The same operation: not lost yet.
            self.run = u32::from((foretold ^ word) >> 22 == 0);
        }
    }
}
