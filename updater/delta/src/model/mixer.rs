//! Estimates that learn, and how several become one.

use super::tables::{LOGIT_MAX, SHARE, SQUASH, STRETCH};

/// A probability of a one in the upper 22 bits, and in the lower 10 how often it was corrected.
#[derive(Clone, Copy)]
pub(super) struct Counter(pub(super) u32);

impl Counter {
    /// The logit of the estimate.
    #[inline]
    pub(super) fn logit(self) -> i16 {
        STRETCH[(self.0 >> 20) as usize]
    }

    /// Moves the estimate to `bit`: by 1/(n + 3/2) at the n-th time, at last by 1/(`limit` + 3/2).
    #[inline]
    pub(super) fn learn(&mut self, bit: u32, limit: u32) {
        let count = self.0 & 1023;
        let estimate = i64::from(self.0 >> 10);
        let wanted = i64::from((bit << 22) - bit);
        let step = ((wanted - estimate) * i64::from(SHARE[count as usize])) >> 16;
        self.0 = ((estimate + step) as u32) << 10 | (count + u32::from(count < limit));
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
    first: Vec<Row<W>>,
    second: Vec<Row<W>>,
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
    /// Sets of weights that begin as `weight` (in 1/8192, both of a pair together).
    pub(super) fn new(first: usize, second: usize, weight: i16, rate: i32) -> Self {
        let row = Row([weight / 2; W]);
        Self { first: vec![row; first], second: vec![row; second], rate }
    }

    /// The probability of a one in 1/65,536.
    #[inline]
    pub(super) fn mix(&self, first: usize, second: usize, inputs: &Row<W>) -> Question {
        let (one, two) = (&self.first[first].0, &self.second[second].0);
        let mut sum = 0i32;
        for i in 0..W {
            sum =
                sum.wrapping_add(i32::from(one[i].saturating_add(two[i])) * i32::from(inputs.0[i]));
        }
        let logit = (sum >> UNIT_BITS).clamp(-LOGIT_MAX, LOGIT_MAX);
        let chance = u32::from(SQUASH[(logit + LOGIT_MAX) as usize]);
        Question { first, second, chance }
    }

    /// Moves the weights that were asked towards what would have foretold `bit`.
    #[inline]
    pub(super) fn learn(&mut self, question: Question, inputs: &Row<W>, bit: u32) {
        let error = (((bit << 16) as i32 - question.chance as i32) * self.rate) >> 4;
        let error = error.clamp(i16::MIN.into(), i16::MAX.into());
        let (one, two) = (&mut self.first[question.first].0, &mut self.second[question.second].0);
        for i in 0..W {
            let step = ((((i32::from(inputs.0[i]) * error) >> 16) + 1) >> 1) as i16;
            one[i] = one[i].saturating_add(step);
            two[i] = two[i].saturating_add(step);
        }
    }
}
