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

/// Most inputs of a mixer.
const WIDTH: usize = 8;

/// Inputs or weights side by side, so that the compiler works on all of them at once.
#[repr(align(16))]
#[derive(Clone, Copy)]
pub(super) struct Row([i16; WIDTH]);

impl Row {
    /// So many logits, and one that is always the same if there is room.
    #[inline(always)]
    pub(super) fn of<const N: usize>(logit: impl Fn(usize) -> i16) -> Self {
        const { assert!(N <= WIDTH) };
        Self(std::array::from_fn(|i| match i {
            _ if i < N => logit(i),
            _ if i == N => 256,
            _ => 0,
        }))
    }
}

/// A weight of one.
const UNIT_BITS: u32 = 13;

/// Logistic mixing: the logit is a weighted sum of logits, and the weights learn from the error.
/// Each weight is the sum of two, out of sets that the caller chooses by what it knows.
pub(super) struct Mixer {
    first: Box<[Row]>,
    second: Box<[Row]>,
    rate: i32,
}

/// What a mixer was asked, to learn from the answer.
pub(super) struct Question {
    first: usize,
    second: usize,
    inputs: Row,
    pub(super) chance: u32,
}

impl Mixer {
    /// Bytes of memory.
    pub(super) const fn memory(first: usize, second: usize) -> u64 {
        ((first + second) * size_of::<Row>()) as u64
    }

    /// Sets of weights that begin as `weight` (in 1/8192, both of a pair together).
    pub(super) fn new(first: usize, second: usize, weight: i16, rate: i32) -> Self {
        let row = Row([weight / 2; WIDTH]);
        Self { first: vec![row; first].into(), second: vec![row; second].into(), rate }
    }

    /// The probability of a one in 1/65,536.
    #[inline(always)]
    pub(super) fn mix(&self, first: usize, second: usize, inputs: Row) -> Question {
        let sum = weighed(&self.first[first], &self.second[second], &inputs);
        let logit = (sum >> UNIT_BITS).clamp(-LOGIT_MAX, LOGIT_MAX);
        let chance = u32::from(SQUASH[(logit + LOGIT_MAX) as usize]);
        Question { first, second, inputs, chance }
    }

    /// Moves the weights that were asked towards what would have foretold `bit`.
    #[inline(always)]
    pub(super) fn learn(&mut self, question: Question, bit: u32) {
        let error = (((bit << 16) as i32 - question.chance as i32) * self.rate) >> 4;
        let error = error.clamp(i16::MIN.into(), i16::MAX.into());
        let (one, two) = (&mut self.first[question.first], &mut self.second[question.second]);
        correct(one, two, &question.inputs, error as i16);
    }
}

// Not inlined: by themselves the compiler takes these for vectors, which they are.

/// The sum of inputs under the sums of two weights.
#[inline(never)]
fn weighed(one: &Row, two: &Row, inputs: &Row) -> i32 {
    let product = |i: usize| i32::from(one.0[i].saturating_add(two.0[i])) * i32::from(inputs.0[i]);
    (0..WIDTH).map(product).fold(0, i32::wrapping_add)
}

/// Moves weights by their inputs' shares of an error.
#[inline(never)]
fn correct(one: &mut Row, two: &mut Row, inputs: &Row, error: i16) {
    for i in 0..WIDTH {
        // The upper half of a product is far from the ends of its 16 bits.
        let share = ((i32::from(inputs.0[i]) * i32::from(error)) >> 16) as i16;
        let step = share.wrapping_add(1) >> 1;
        one.0[i] = one.0[i].saturating_add(step);
        two.0[i] = two.0[i].saturating_add(step);
    }
}
