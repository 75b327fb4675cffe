//! Addresses that were foretold wrong, or not at all.

use crate::model::coder::Coder;
use crate::model::decision::{self, Decisions};
use crate::model::hash;
use crate::model::symbol::{self, Symbols};

/// Corrected targets that are remembered, at most.
const LEARNT_BITS: u32 = 16;

/// Where old targets turned out to be. A later one in the same slot replaces an earlier one.
pub(super) struct Learnt {
    /// Empty until there is something.
    pairs: Box<[(u64, u64)]>,
    /// Bit *i*: something is in slot *i*. Most slots that are asked for are empty, and this is near.
    held: Box<[u64]>,
}

impl Learnt {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 = (16 << LEARNT_BITS) + (1 << LEARNT_BITS >> 3);

    pub(super) fn new() -> Self {
        Self { pairs: Box::default(), held: vec![0; 1 << (LEARNT_BITS - 6)].into() }
    }

    #[inline]
    fn slot(target: u64) -> usize {
        (target.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - LEARNT_BITS)) as usize
    }

    #[inline]
    pub(super) fn of(&self, target: u64) -> Option<u64> {
        let slot = Self::slot(target);
        if self.held[slot >> 6] >> (slot & 63) & 1 == 0 {
            return None;
        }
        let (old, new) = self.pairs[slot];
        (old == target).then_some(new)
    }

    #[inline]
    pub(super) fn learn(&mut self, target: u64, new: u64) {
        if self.pairs.is_empty() {
            self.pairs = vec![(0, 0); 1 << LEARNT_BITS].into();
        }
        let slot = Self::slot(target);
        self.held[slot >> 6] |= 1 << (slot & 63);
        self.pairs[slot] = (target, new);
    }
}

/// What is known about an address before it is coded.
#[derive(Clone, Copy)]
pub(super) struct Hint {
    /// Kind of field, below 16.
    pub(super) kind: u32,
    /// The bytes before it, or less.
    pub(super) op: u32,
    /// What else tells addresses apart.
    pub(super) key: u32,
    /// Where it is foretold to lead.
    pub(super) target: u64,
    /// The lowest address of the image.
    pub(super) low: u64,
}

/// Farthest from the foretold address that is coded as a distance.
const NEAR: u64 = 16_384;

type Near = Decisions<4>;
const NEAR_SHAPE: decision::Shape = decision::Shape(16, 1);
type Distance = Decisions<3>;
const DISTANCE: decision::Shape = decision::Shape(16, 16);
type Offset = Symbols<7, 0>;
const OFFSET: symbol::Shape = symbol::Shape([0, 14], 8);

/// The model of addresses.
pub(super) struct Targets {
    near: Near,
    distance: Distance,
    bytes: Offset,
    last: [u32; 2],
}

impl Targets {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 =
        Near::memory(NEAR_SHAPE) + Distance::memory(DISTANCE) + Offset::memory(OFFSET);

    pub(super) fn new() -> Self {
        Self {
            near: Near::new(NEAR_SHAPE),
            distance: Distance::new(DISTANCE),
            bytes: Offset::new(OFFSET),
            last: [0; 2],
        }
    }

    /// Whether the form of an address can say it.
    #[cfg(any(test, feature = "make"))]
    pub(super) fn can_say(hint: Hint, target: u64) -> bool {
        let distance = target.wrapping_sub(hint.target) as i64;
        distance.unsigned_abs() < NEAR || target.wrapping_sub(hint.low) >> 32 == 0
    }

    /// Codes an address: how far it is from where it was foretold, or else its offset from the
    /// lowest address of the image, in four bytes.
    pub(super) fn code<C: Coder>(&mut self, coder: &mut C, hint: Hint, target: u64) -> u64 {
        let Hint { kind, op, key, .. } = hint;
        let distance = target.wrapping_sub(hint.target) as i64;
        let contexts = [hash(kind, 1), hash(kind, op), hash(key, 3), hash(kind, op ^ 0x5000)];
        let near = distance.unsigned_abs() < NEAR;
        let target = if self.near.flag(coder, contexts, 0, near) {
            self.distance(coder, hint, distance)
        } else {
            let offset = target.wrapping_sub(hint.low) as u32;
            hint.low.wrapping_add(self.offset(coder, hint, offset).into())
        };
        self.last = [target as u32, self.last[0]];
        target
    }

    fn distance<C: Coder>(&mut self, coder: &mut C, hint: Hint, distance: i64) -> u64 {
        let Hint { kind, op, .. } = hint;
        let set = (kind & 15) as usize;
        let back = self.distance.flag(coder, [hash(kind, 7), hash(op, 9), 11], set, distance < 0);
        let s = u32::from(back);
        let contexts = [hash(kind, 20 + s), hash(hash(kind, op), 30 + s), 40];
        let far = self.distance.number(coder, contexts, set, distance.unsigned_abs());
        if back { hint.target.wrapping_sub(far) } else { hint.target.wrapping_add(far) }
    }

    /// Four bytes, the highest first.
    fn offset<C: Coder>(&mut self, coder: &mut C, hint: Hint, offset: u32) -> u32 {
        let Hint { kind, op, key, .. } = hint;
        let foretold = (hint.target.wrapping_sub(hint.low) as u32).to_be_bytes();
        let mut said = 0;
        let mut same = 1;
        for (k, (byte, foretold)) in offset.to_be_bytes().into_iter().zip(foretold).enumerate() {
            let k = k as u32;
            let way = hash(said, k + 77);
            let contexts = [
                hash(way, kind),
                hash(way, hash(op, 5)),
                hash(way, hash(key, 6)),
                hash(way, 7),
                hash(hash(k, same), u32::from(foretold) + 256 * kind),
                hash(way, hash(self.last[0], 8)),
                hash(way, hash(hash(self.last[0], self.last[1]), 9)),
            ];
            let byte = self.bytes.code(coder, &contexts, (k * 2 + same) as usize, byte);
            same &= u32::from(byte == foretold);
            said = said << 8 | u32::from(byte);
        }
        said
    }
}
