//! Single decisions and numbers under several contexts.

use super::coder::Coder;
use super::history::HISTORIES;
use super::mixer::{Counter, Mixer, inputs};
use super::{hash, spread};

/// Bits of the longest number, beyond its leading one.
const NUMBER_BITS: u32 = 40;
/// Bits of their number.
const LENGTH_BITS: u32 = 6;
/// Bits after the leading one that are foretold at all.
const MODELLED: u32 = 14;

/// How many histories there are, as a power of two, and how many sets of weights.
#[derive(Clone, Copy)]
pub(super) struct Shape(pub(super) u32, pub(super) usize);

/// Decisions of one kind (hit or miss, which form, the bits of a number): `N` contexts, each with
/// the history of what came in it.
pub(super) struct Decisions<const N: usize> {
    /// Empty until the first decision: most kinds are not met in a small file.
    histories: Box<[u8]>,
    counters: Box<[[Counter; 256]; N]>,
    mixer: Mixer,
    bits: u32,
}

/// Weights of all contexts together, in the beginning (1/8192).
const WEIGHT: i32 = 7373;
/// How fast weights learn.
const RATE: i32 = 3;

impl<const N: usize> Decisions<N> {
    /// Bytes of memory.
    pub(super) const fn memory(Shape(bits, sets): Shape) -> u64 {
        (1 << bits) + (N * 256 * size_of::<Counter>()) as u64 + Mixer::memory(sets, 1)
    }

    /// Of a shape.
    pub(super) fn new(Shape(bits, sets): Shape) -> Self {
        Self {
            histories: Box::default(),
            counters: Box::new([HISTORIES.start.map(Counter::new); N]),
            mixer: Mixer::new(sets, 1, (WEIGHT / N as i32) as i16, RATE),
            bits,
        }
    }

    #[cold]
    fn begin(&mut self) {
        self.histories = vec![0; 1 << self.bits].into();
    }

    /// Codes one decision.
    #[inline]
    pub(super) fn bit<C: Coder>(
        &mut self,
        coder: &mut C,
        contexts: [u32; N],
        set: usize,
        bit: u32,
    ) -> u32 {
        if self.histories.is_empty() {
            self.begin();
        }
        let mut slots = [0usize; N];
        let mut states = [0u8; N];
        for i in 0..N {
            let slot = spread(contexts[i], i as u32 + 1) >> (32 - self.bits);
            slots[i] = slot as usize;
            states[i] = self.histories[slots[i]];
        }
        let inputs = inputs::<N>(|i| self.counters[i][usize::from(states[i])].logit);
        let question = self.mixer.mix(set, 0, inputs);
        let bit = coder.code(bit, question.chance);
        self.mixer.learn(question, bit);
        for i in 0..N {
            self.counters[i][usize::from(states[i])].learn(bit);
            self.histories[slots[i]] = HISTORIES.next[bit as usize & 1][usize::from(states[i])];
        }
        bit
    }

    /// Codes whether something is so.
    #[inline]
    pub(super) fn flag<C: Coder>(
        &mut self,
        coder: &mut C,
        contexts: [u32; N],
        set: usize,
        so: bool,
    ) -> bool {
        self.bit(coder, contexts, set, so.into()) != 0
    }

    /// Codes a number below 2^40: how many bits follow the leading one of `value` + 1, in six
    /// decisions, and then those; all but the first few of them take a whole bit each.
    pub(super) fn number<C: Coder>(
        &mut self,
        coder: &mut C,
        contexts: [u32; N],
        set: usize,
        value: u64,
    ) -> u64 {
        let value = value.min((1 << NUMBER_BITS) - 2) + 1;
        let wanted = value.ilog2();
        let mut length = 1;
        for i in (0..LENGTH_BITS).rev() {
            let contexts = contexts.map(|context| hash(context, 0x100 + length));
            length = length << 1 | self.bit(coder, contexts, set, wanted >> i & 1);
        }
        let length = (length & 63).min(NUMBER_BITS);
        let mut number = 1u64;
        for i in (0..length).rev() {
            let bit = (value >> i) as u32 & 1;
            let bit = if length - i <= MODELLED {
                let place = 0x8000_0000 | length << 20 | number as u32;
                self.bit(coder, contexts.map(|context| hash(context, place)), set, bit)
            } else {
                coder.code(bit, 1 << 15)
            };
            number = number << 1 | u64::from(bit);
        }
        number - 1
    }
}
