//! Estimates that learn, and how several become one.

use wide::i16x8;

use super::tables::{LOGIT_MAX, SQUASH, STRETCH};

/// A probability of a one, in 1/2^32, and its logit: looking it up is nothing that a decision waits for.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    chance: u32,
    pub(super) logit: i16,
}

/// A bit moves an estimate by 1/2^`RATE_BITS` of what it was off.
const RATE_BITS: u32 = 7;

impl Counter {
    /// Begins with an estimate.
    #[inline(always)]
    pub(super) fn new(chance: u32) -> Self {
        Self { chance, logit: STRETCH[(chance >> 20) as usize] }
    }

    /// Moves the estimate to `bit`.
    #[inline(always)]
    pub(super) fn learn(&mut self, bit: u32) {
        let chance = self.chance;
        *self = Self::new(if bit != 0 {
            chance + (!chance >> RATE_BITS)
        } else {
            chance - (chance >> RATE_BITS)
        });
    }
}

/// Most inputs of a mixer.
const WIDTH: usize = 8;

/// So many logits, and one that is always the same if there is room.
///
/// They are put together in registers: a processor waits long when it reads in one piece what went to
/// memory in several.
#[inline(always)]
pub(super) fn inputs<const N: usize>(logit: impl Fn(usize) -> i16) -> i16x8 {
    const { assert!(N <= WIDTH) };
    let lane = |i: usize| match i {
        _ if i < N => u64::from(logit(i) as u16) << (i % 4 * 16),
        _ if i == N => 256 << (i % 4 * 16),
        _ => 0,
    };
    let half = |from: usize| lane(from) | lane(from + 1) | lane(from + 2) | lane(from + 3);
    bytemuck::cast([half(0), half(4)])
}

/// A weight of one.
const UNIT_BITS: u32 = 13;

/// Logistic mixing: the logit is a weighted sum of logits, and the weights learn from the error.
/// Each weight is the sum of two, out of sets that the caller chooses by what it knows.
pub(super) struct Mixer {
    first: Box<[i16x8]>,
    second: Box<[i16x8]>,
    rate: i32,
}

/// What a mixer was asked, to learn from the answer.
pub(super) struct Question {
    first: usize,
    second: usize,
    inputs: i16x8,
    pub(super) chance: u32,
}

impl Mixer {
    /// Bytes of memory.
    pub(super) const fn memory(first: usize, second: usize) -> u64 {
        ((first + second) * size_of::<i16x8>()) as u64
    }

    /// Sets of weights that begin as `weight` (in 1/8192, both of a pair together).
    pub(super) fn new(first: usize, second: usize, weight: i16, rate: i32) -> Self {
        let row = i16x8::splat(weight / 2);
        Self { first: vec![row; first].into(), second: vec![row; second].into(), rate }
    }

    /// The probability of a one in 1/65,536.
    #[inline(always)]
    pub(super) fn mix(&self, first: usize, second: usize, inputs: i16x8) -> Question {
        let weights = self.first[first].saturating_add(self.second[second]);
        let sum = weights.dot(inputs).reduce_add();
        let logit = (sum >> UNIT_BITS).clamp(-LOGIT_MAX, LOGIT_MAX);
        let chance = u32::from(SQUASH[(logit + LOGIT_MAX) as usize]);
        Question { first, second, inputs, chance }
    }

    /// Moves the weights that were asked towards what would have foretold `bit`.
    #[inline(always)]
    pub(super) fn learn(&mut self, question: Question, bit: u32) {
        let error = (((bit << 16) as i32 - question.chance as i32) * self.rate) >> 4;
        let error = error.clamp(i16::MIN.into(), i16::MAX.into());
        // The upper half of a product is far from the ends of its 16 bits.
        let share = question.inputs.mul_keep_high(i16x8::splat(error as i16));
        let step = (share + i16x8::ONE) >> 1;
        for weights in [&mut self.first[question.first], &mut self.second[question.second]] {
            *weights = weights.saturating_add(step);
        }
    }
}
