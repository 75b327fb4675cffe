//! Whole bytes under several contexts.

use super::coder::Coder;
use super::hash;
use super::history::HISTORIES;
use super::mixer::{Counter, Mixer, Row};

/// What came in one context, in one line of the processor's cache: four groups of 15 histories, one
/// for each bit of a nibble after each way to it. The first group is that of the first nibble, and
/// its byte 0 a check of the context. The others are those of second nibbles, with the first as tag.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

const EMPTY: Line = Line([0; 64]);
const GROUP: usize = 16;

/// Where the histories of each context are: a line, and the group in it.
type Places<const N: usize> = [(usize, usize); N];

/// Bytes of one kind: `N` contexts; `W` is `N` + 1 rounded up to a multiple of 8.
pub(super) struct Symbols<const N: usize, const W: usize> {
    lines: Vec<Line>,
    counters: Vec<[Counter; 256]>,
    mixer: Mixer<W>,
    shift: u32,
    /// Bit *i*: context *i* is followed by so many different bytes that each first nibble takes a
    /// line of its own.
    wide: u32,
}

/// Weights of all contexts together, in the beginning (1/8192).
const WEIGHT: i32 = 11_469;
/// How fast weights learn.
const RATE: i32 = 5;
/// At most this many observations hold an estimate back.
const LIMIT: u32 = 250;

impl<const N: usize, const W: usize> Symbols<N, W> {
    /// 2^`bits` lines, `sets` sets of weights.
    pub(super) fn new(bits: u32, sets: usize, wide: u32) -> Self {
        const { assert!(N < W && W.is_multiple_of(8)) };
        Self {
            lines: vec![EMPTY; 1 << bits],
            counters: vec![HISTORIES.start.map(Counter); N],
            mixer: Mixer::new(sets, 256, (WEIGHT / N as i32) as i16, RATE),
            shift: 32 - bits,
            wide,
        }
    }

    /// Codes one byte.
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        contexts: &[u32; N],
        set: usize,
        byte: u8,
    ) -> u8 {
        let mut places = [(0, 0); N];
        self.open(contexts, u32::MAX, 0, &mut places);
        let high = self.nibble(coder, &places, (set, 1), byte >> 4);
        self.open(contexts, self.wide, high as u32, &mut places);
        self.turn(high as u8, &mut places);
        self.nibble(coder, &places, (set, high), byte & 15) as u8
    }

    /// Finds the lines of the contexts in `which`, after `nibble` (0: at its beginning).
    ///
    /// All lines are touched before any is looked at, so that they come from memory together.
    #[inline]
    fn open(&mut self, contexts: &[u32; N], which: u32, nibble: u32, places: &mut Places<N>) {
        let mut wanted = [0u8; N];
        let mut found = [0u8; N];
        for i in 0..N {
            if which >> i & 1 == 0 {
                continue;
            }
            let hash = hash(contexts[i], (i as u32 + 1) << 10 | nibble).wrapping_mul(0x2545_F491);
            places[i] = ((hash >> self.shift) as usize, 0);
            wanted[i] = hash as u8 | 1;
            found[i] = self.lines[places[i].0].0[0];
        }
        for i in 0..N {
            if found[i] != wanted[i] {
                let line = &mut self.lines[places[i].0];
                *line = EMPTY;
                line.0[0] = wanted[i];
            }
        }
    }

    /// Finds the groups of the second nibble in lines that have one for several first nibbles. A
    /// new one replaces the one that has seen least.
    #[inline]
    fn turn(&mut self, first: u8, places: &mut Places<N>) {
        for (i, place) in places.iter_mut().enumerate() {
            if self.wide >> i & 1 != 0 {
                continue;
            }
            let line = &mut self.lines[place.0].0;
            let [one, two, three] = [GROUP, 2 * GROUP, 3 * GROUP];
            place.1 = if line[one] == first {
                one
            } else if line[two] == first {
                two
            } else if line[three] == first {
                three
            } else {
                let least = if line[two + 1] < line[one + 1] { two } else { one };
                let least = if line[three + 1] < line[least + 1] { three } else { least };
                line[least..least + GROUP].fill(0);
                line[least] = first;
                least
            };
        }
    }

    /// Codes four bits; returns them after the bits of `way`.
    #[inline]
    fn nibble<C: Coder>(
        &mut self,
        coder: &mut C,
        places: &Places<N>,
        (set, mut way): (usize, usize),
        nibble: u8,
    ) -> usize {
        let mut node = 1;
        for bit in [3, 2, 1, 0] {
            let mut inputs = Row([0i16; W]);
            let mut states = [0u8; N];
            for i in 0..N {
                let (line, group) = places[i];
                states[i] = self.lines[line].0[(group | node) & 63];
                inputs.0[i] = self.counters[i][states[i] as usize].logit();
            }
            inputs.0[N] = 256;
            let question = self.mixer.mix(set, way & 255, &inputs);
            let bit = coder.code(u32::from(nibble) >> bit & 1, question.chance);
            self.mixer.learn(question, &inputs, bit);
            for i in 0..N {
                let (line, group) = places[i];
                self.counters[i][states[i] as usize].learn(bit, LIMIT);
                let next = HISTORIES.next[states[i] as usize][bit as usize & 1];
                self.lines[line].0[(group | node) & 63] = next;
            }
            node = node << 1 | bit as usize;
            way = way << 1 | bit as usize;
        }
        way
    }
}
