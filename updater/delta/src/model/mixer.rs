//! Estimates that learn, and how several become one.

use super::tables::{LOGIT_MAX, SQUASH, STRETCH};

/// A probability of a one in 1/2^32.
#[derive(Clone, Copy)]
pub(super) struct Counter(pub(super) u32);

/// A bit moves an estimate by 1/2^`RATE_BITS` of what it was off.
const RATE_BITS: u32 = 7;

impl Counter {
    /// The logit of the estimate.
    #[inline(always)]
    pub(super) fn logit(self) -> i16 {
        STRETCH[(self.0 >> 20) as usize]
    }

    /// Moves the estimate to `bit`.
    #[inline(always)]
    pub(super) fn learn(&mut self, bit: u32) {
        self.0 =
            if bit != 0 { self.0 + (!self.0 >> RATE_BITS) } else { self.0 - (self.0 >> RATE_BITS) };
    }
}

/// Inputs or weights side by side, so that the compiler works on eight at a time.
#[repr(align(16))]
#[derive(Clone, Copy)]
pub(super) struct Row<const W: usize>(pub(super) [i16; W]);

/// A weight of one.
const UNIT_BITS: u32 = 13;

/// Logistic mixing: the logit is a weighted sum of logits, and the weights learn from the error.
/// Each weight is the sum of two, out of sets that the caller chooses by what it knows.
pub(super) struct Mixer<const W: usize> {
    first: Box<[Row<W>]>,
    second: Box<[Row<W>]>,
    rate: i32,
}

/// What a mixer was asked, to learn from the answer.
#[derive(Clone, Copy)]
pub(super) struct Question {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) chance: u32,
}

impl<const W: usize> Mixer<W> {
    /// Bytes of memory.
    pub(super) const fn memory(first: usize, second: usize) -> u64 {
        ((first + second) * size_of::<Row<W>>()) as u64
    }

    /// Sets of weights that begin as `weight` (in 1/8192, both of a pair together).
    pub(super) fn new(first: usize, second: usize, weight: i16, rate: i32) -> Self {
        let row = Row([weight / 2; W]);
        Self { first: vec![row; first].into(), second: vec![row; second].into(), rate }
    }

    /// The probability of a one in 1/65,536.
    #[inline(always)]
    pub(super) fn mix(&self, first: usize, second: usize, inputs: &Row<W>) -> Question {
        let sum = weighed(&self.first[first], &self.second[second], inputs);
        let logit = (sum >> UNIT_BITS).clamp(-LOGIT_MAX, LOGIT_MAX);
        let chance = u32::from(SQUASH[(logit + LOGIT_MAX) as usize]);
        Question { first, second, chance }
    }

    /// Moves the weights that were asked towards what would have foretold `bit`.
    #[inline(always)]
    pub(super) fn learn(&mut self, question: Question, inputs: &Row<W>, bit: u32) {
        let error = (((bit << 16) as i32 - question.chance as i32) * self.rate) >> 4;
        let error = error.clamp(i16::MIN.into(), i16::MAX.into());
        let (one, two) = (&mut self.first[question.first], &mut self.second[question.second]);
        correct(one, two, inputs, error as i16);
    }
}

// Not inlined: by themselves the compiler takes these for vectors, which they are.

/// The sum of inputs under the sums of two weights.
#[inline(never)]
fn weighed<const W: usize>(one: &Row<W>, two: &Row<W>, inputs: &Row<W>) -> i32 {
    let product = |i: usize| i32::from(one.0[i].saturating_add(two.0[i])) * i32::from(inputs.0[i]);
    (0..W).map(product).fold(0, i32::wrapping_add)
}

/// Moves weights by their inputs' shares of an error.
#[inline(never)]
fn correct<const W: usize>(one: &mut Row<W>, two: &mut Row<W>, inputs: &Row<W>, error: i16) {
    for i in 0..W {
        let step = (((i32::from(inputs.0[i]) * i32::from(error)) >> 16) + 1) >> 1;
        one.0[i] = one.0[i].saturating_add(step as i16);
        two.0[i] = two.0[i].saturating_add(step as i16);
    }
}
