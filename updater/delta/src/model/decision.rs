//! Single decisions and numbers under several contexts.

use super::coder::Coder;
use super::hash;
use super::history::HISTORIES;
use super::mixer::{Counter, Mixer, Row};

/// Bits of the longest number, beyond its leading one.
const NUMBER_BITS: u32 = 40;

/// Decisions of one kind (hit or miss, which form, the bits of a number): `N` contexts, each with
/// the history of what came in it; `W` is `N` + 1 rounded up to a multiple of 8.
pub(super) struct Decisions<const N: usize, const W: usize> {
    histories: Vec<u8>,
    counters: Vec<[Counter; 256]>,
    mixer: Mixer<W>,
    shift: u32,
}

/// Weights of all contexts together, in the beginning (1/8192).
const WEIGHT: i32 = 7373;
/// How fast weights learn.
const RATE: i32 = 3;
/// At most this many observations hold an estimate back.
const LIMIT: u32 = 250;

impl<const N: usize, const W: usize> Decisions<N, W> {
    /// 2^`bits` histories, `sets` sets of weights.
    pub(super) fn new(bits: u32, sets: usize) -> Self {
        const { assert!(N < W && W.is_multiple_of(8)) };
        Self {
            histories: vec![0; 1 << bits],
            counters: vec![HISTORIES.start.map(Counter); N],
            mixer: Mixer::new(sets, 1, (WEIGHT / N as i32) as i16, RATE),
            shift: 32 - bits,
        }
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
        let mut inputs = Row([0i16; W]);
        let mut slots = [0usize; N];
        let mut states = [0u8; N];
        for i in 0..N {
            let slot = hash(contexts[i], i as u32 + 1).wrapping_mul(0x2545_F491) >> self.shift;
            slots[i] = slot as usize;
            states[i] = self.histories[slots[i]];
        }
        for ((input, counters), state) in inputs.0.iter_mut().zip(&self.counters).zip(states) {
            *input = counters[state as usize].logit();
        }
        inputs.0[N] = 256;
        let question = self.mixer.mix(set, 0, &inputs);
        let bit = coder.code(bit, question.chance);
        self.mixer.learn(question, &inputs, bit);
        for i in 0..N {
            self.counters[i][states[i] as usize].learn(bit, LIMIT);
            self.histories[slots[i]] = HISTORIES.next[states[i] as usize][bit as usize & 1];
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

    /// Codes a number below 2^40: how many bits follow the leading one of `value` + 1 in unary, and
    /// then those.
    pub(super) fn number<C: Coder>(
        &mut self,
        coder: &mut C,
        contexts: [u32; N],
        set: usize,
        value: u64,
    ) -> u64 {
        let value = value.min((1 << NUMBER_BITS) - 2) + 1;
        let wanted = value.ilog2();
        let mut length = 0;
        while length < NUMBER_BITS {
            let contexts = contexts.map(|context| hash(context, 0x100 + length));
            if self.bit(coder, contexts, set, u32::from(length < wanted)) == 0 {
                break;
            }
            length += 1;
        }
        let mut number = 1u64;
        for i in (0..length).rev() {
            let above = if length - i <= 12 { number as u32 } else { 0xffff };
            let place = 0x8000_0000 | length << 20 | i << 14 ^ above;
            let contexts = contexts.map(|context| hash(context, place));
            let bit = self.bit(coder, contexts, set, (value >> i) as u32 & 1);
            number = number << 1 | u64::from(bit);
        }
        number - 1
    }
}
