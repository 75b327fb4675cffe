//! The copy list: which bytes of the new file come from where. It stands before the body, because
//! the map of addresses needs all of it.

use super::coder::Coder;
#[cfg(any(test, feature = "make"))]
use super::coder::Encoder;
use super::decision::{Decisions, Shape};
use super::{coder::Decoder, hash, magnitude};

use std::io::Read;

use super::body::Failure;

/// A copy, and the bytes that are inserted after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copy {
    /// Where it begins in the old file.
    pub(crate) old: u64,
    /// Bytes of it.
    pub(crate) length: u32,
    /// Bytes that follow it in the new file and come from nowhere.
    pub(crate) extra: u32,
}

/// Writes a list.
#[cfg(any(test, feature = "make"))]
pub(crate) fn encode(list: &[Copy]) -> Vec<u8> {
    let mut coder = Encoder::new();
    let mut model = Model::new();
    for copy in list {
        model.copy(&mut coder, *copy);
    }
    coder.finish()
}

/// Reads a list of `count` copies out of `old` bytes that give `new` bytes. All of `input` belongs
/// to it. The caller bounds `count`.
///
/// # Errors
/// The list is damaged, or cannot be read.
pub(crate) fn decode(
    input: impl Read,
    count: usize,
    old: u64,
    new: u64,
) -> Result<Vec<Copy>, Failure> {
    let mut coder = Decoder::new(input);
    let mut model = Model::new();
    // The bytes bound the list better than its stated length: memory grows as they come.
    let mut list = Vec::new();
    let mut total = 0u64;
    for _ in 0..count {
        let copy = model.copy(&mut coder, Copy::default());
        let within = copy.old.checked_add(copy.length.into()).is_some_and(|end| end <= old);
        total += u64::from(copy.length) + u64::from(copy.extra);
        if !within || total > new || coder.broken() {
            return Err(failure(coder));
        }
        list.push(copy);
    }
    coder.finish().map_err(Failure::patch)?;
    if total == new { Ok(list) } else { Err(Failure::Damaged) }
}

/// Why a list that makes no sense is none: perhaps it could not be read.
fn failure(coder: Decoder<impl Read>) -> Failure {
    coder.finish().err().flatten().map_or(Failure::Damaged, Failure::Patch)
}

/// Distances between new and old position that may come again.
const DIAGONALS: usize = 16;

type Place = Decisions<4>;
const PLACE: Shape = Shape(16, 4);
type Size = Decisions<4>;
const SIZE: Shape = Shape(16, 2);

/// Bytes of memory beside the list.
pub(super) const MEMORY: u64 = Place::memory(PLACE) + Size::memory(SIZE) + (1 << 16);

/// What foretells the next copy.
struct Model {
    place: Place,
    size: Size,
    /// New position minus old position of the last copies, the latest first.
    diagonals: [u64; DIAGONALS],
    /// Ends of the last copy in the old and the new file.
    old_end: u64,
    new_end: u64,
    /// The last copy's diagonal, magnitude of its length and of its extra bytes, and these.
    diagonal: u32,
    length: u32,
    extra: u32,
    extra_bytes: u32,
}

impl Model {
    fn new() -> Self {
        Self {
            place: Place::new(PLACE),
            size: Size::new(SIZE),
            diagonals: [0; DIAGONALS],
            old_end: 0,
            new_end: 0,
            diagonal: 0,
            length: 0,
            extra: 0,
            extra_bytes: 0,
        }
    }

    fn copy<C: Coder>(&mut self, coder: &mut C, copy: Copy) -> Copy {
        let old = self.old(coder, copy.old);
        let (diagonal, extra) = (self.diagonal, self.extra);
        let contexts = [
            hash(diagonal, 400),
            hash(extra, 401),
            hash(self.length, 420),
            hash(diagonal.min(2), 440 + extra * 32),
        ];
        let length = self.size.number(coder, contexts, 0, copy.length.into());
        self.length = magnitude(length);
        let contexts = [
            hash(self.length, 500),
            hash(extra, 501 + diagonal * 64),
            hash(diagonal, 520 + self.length * 32),
            hash(self.extra_bytes, 540),
        ];
        let more = self.size.number(coder, contexts, 1, copy.extra.into());
        self.extra = magnitude(more);
        // A length beyond 32 bits is no list; what it is taken for does not matter.
        let copy = Copy { old, length: length as u32, extra: more as u32 };
        self.extra_bytes = copy.extra;
        self.old_end = old.wrapping_add(copy.length.into());
        self.new_end =
            self.new_end.wrapping_add(copy.length.into()).wrapping_add(copy.extra.into());
        copy
    }

    /// Where a copy begins: on one of the last diagonals, or so far from the end of the last copy.
    fn old<C: Coder>(&mut self, coder: &mut C, old: u64) -> u64 {
        let wanted = old.wrapping_sub(self.new_end);
        let found = self.diagonals.iter().position(|diagonal| *diagonal == wanted);
        let mut index = 0;
        let contexts = [
            hash(self.diagonal, 98),
            hash(self.extra, 97 + self.length * 256),
            hash(self.length, self.diagonal << 8 | 96 << 16),
            hash(self.extra_bytes, 95),
        ];
        if !self.place.flag(coder, contexts, 1, found.is_some()) {
            index = DIAGONALS;
        }
        while index < DIAGONALS - 1 {
            let k = index as u32;
            let contexts = [
                hash(k, self.diagonal),
                hash(k, self.extra << 8 | 0x10000),
                hash(k, self.length << 8 | self.diagonal << 16),
                hash(k, 99),
            ];
            if self.place.flag(coder, contexts, 0, found == Some(index)) {
                break;
            }
            index += 1;
        }
        let diagonal = match self.diagonals.get(index) {
            Some(diagonal) => *diagonal,
            None => self.jump(coder, old).wrapping_sub(self.new_end),
        };
        self.diagonal = index as u32;
        self.diagonals.copy_within(..index.min(DIAGONALS - 1), 1);
        self.diagonals[0] = diagonal;
        diagonal.wrapping_add(self.new_end)
    }

    fn jump<C: Coder>(&mut self, coder: &mut C, old: u64) -> u64 {
        let (diagonal, extra) = (self.diagonal, self.extra);
        let distance = old.wrapping_sub(self.old_end) as i64;
        let contexts = [hash(diagonal, 200), hash(extra, 201), 202, 203];
        let back = self.place.flag(coder, contexts, 3, distance < 0);
        let s = u32::from(back);
        let contexts = [
            hash(s, 300),
            hash(s, 301 + extra),
            hash(s, 320 + diagonal),
            hash(s, 350 + self.length),
        ];
        let far = self.place.number(coder, contexts, 2, distance.unsigned_abs());
        if back { self.old_end.wrapping_sub(far) } else { self.old_end.wrapping_add(far) }
    }
}
