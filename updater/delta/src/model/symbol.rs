//! Whole bytes under several contexts.

use super::coder::Coder;
use super::history::HISTORIES;
use super::mixer::{Mixer, inputs};
use super::spread;

/// Histories of the bits of a nibble, one for each way to a bit: that of the first bit is at 1, those
/// of the others at twice that of the bit before, plus that bit. What is at 0 tells whose they are.
type Group = [u8; 16];

/// What came in one context, in one line of the processor's cache: the group of the first nibble,
/// with a check of the context, and those of three second nibbles, with the first as tag.
type Line = [Group; 4];

const EMPTY: Line = [[0; 16]; 4];

/// Bytes of one kind: `N` contexts. The first `WIDE` contexts are followed by so many different
/// bytes that each first nibble takes a group of its own.
pub(super) struct Symbols<const N: usize, const WIDE: usize> {
    /// Empty until the first byte, as `lines`: a walk of a small file has few kinds of bytes, and
    /// would take longer to clear what it does not use than for all the rest.
    groups: Box<[Group]>,
    /// Lines as groups, behind as many as it takes to begin with a line of the cache. Aligned memory
    /// is not asked for: allocators seldom give the same piece again, and each walk would take more.
    lines: Box<[Group]>,
    skipped: usize,
    mixer: Mixer,
    bits: [u32; 2],
}

/// How many groups and lines there are, as powers of two, and how many sets of weights.
#[derive(Clone, Copy)]
pub(super) struct Shape(pub(super) [u32; 2], pub(super) usize);

/// Ways to a bit of a byte.
const WAYS: usize = 256;
/// Weights of all contexts together, in the beginning (1/8192).
const WEIGHT: i32 = 11_469;
/// How fast weights learn.
const RATE: i32 = 5;

/// Where the histories of a context are: a group, or a line and a group in it.
#[derive(Clone, Copy, Default)]
struct Place {
    index: u32,
    group: u8,
    /// What must be at 0 there.
    check: u8,
}

impl<const N: usize, const WIDE: usize> Symbols<N, WIDE> {
    /// Bytes of memory.
    pub(super) const fn memory(Shape([groups, lines], sets): Shape) -> u64 {
        (16 << groups) + (64 << lines) + 48 + Mixer::memory(sets, WAYS)
    }

    /// Of a shape.
    pub(super) fn new(Shape(bits, sets): Shape) -> Self {
        const { assert!(WIDE <= N) };
        Self {
            groups: Box::default(),
            lines: Box::default(),
            skipped: 0,
            mixer: Mixer::new(sets, WAYS, (WEIGHT / N as i32) as i16, RATE),
            bits,
        }
    }

    #[cold]
    fn begin(&mut self) {
        self.groups = vec![[0; 16]; 1 << self.bits[0]].into();
        self.lines = vec![[0; 16]; (4 << self.bits[1]) + 3].into();
        self.skipped = (self.lines.as_ptr().cast::<u8>().align_offset(64) / 16).min(3);
    }

    #[inline(always)]
    fn line(&self, place: &Place) -> &Line {
        &self.lines[self.skipped..].as_chunks().0[place.index as usize]
    }

    #[inline(always)]
    fn line_mut(&mut self, place: &Place) -> &mut Line {
        &mut self.lines[self.skipped..].as_chunks_mut().0[place.index as usize]
    }

    /// Codes one byte.
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        contexts: &[u32; N],
        set: usize,
        byte: u8,
    ) -> u8 {
        if self.lines.is_empty() {
            self.begin();
        }
        let mut places = [Place::default(); N];
        let mut histories = [[0; 16]; N];
        self.groups(contexts, 0, &mut places, &mut histories);
        self.lines(contexts, &mut places, &mut histories);
        let high = self.nibble(coder, &mut histories, (set, 1), byte >> 4);
        self.put(&places, &histories);
        self.groups(contexts, high, &mut places, &mut histories);
        self.turn(high as u8, &mut places, &mut histories);
        let low = self.nibble(coder, &mut histories, (set, high), byte & 15);
        self.put(&places, &histories);
        low as u8
    }

    /// Finds the groups of wide contexts after `way`: 0, or a first nibble. One that is another
    /// context's is taken from it.
    #[inline(always)]
    fn groups(
        &self,
        contexts: &[u32; N],
        way: usize,
        places: &mut [Place; N],
        found: &mut [Group; N],
    ) {
        for i in 0..WIDE {
            let hash = spread(contexts[i], (i as u32 + 1) << 10 | way as u32);
            let (index, check) = (hash >> (32 - self.bits[0]), (hash >> 4) as u8 | 1);
            places[i] = Place { index, group: 0, check };
            found[i] = self.groups[index as usize];
        }
        for (found, place) in found.iter_mut().zip(places).take(WIDE) {
            if found[0] != place.check {
                *found = [0; 16];
                found[0] = place.check;
            }
        }
    }

    /// Finds the lines of other contexts. One that is another context's is taken from it.
    ///
    /// All lines are touched before any is looked at, so that they come from memory together.
    #[inline(always)]
    fn lines(&mut self, contexts: &[u32; N], places: &mut [Place; N], found: &mut [Group; N]) {
        for i in WIDE..N {
            let hash = spread(contexts[i], (i as u32 + 1) << 10);
            let (index, check) = (hash >> (32 - self.bits[1]), (hash >> 4) as u8 | 1);
            places[i] = Place { index, group: 0, check };
            found[i] = self.line(&places[i])[0];
        }
        for (found, place) in found.iter_mut().zip(places).skip(WIDE) {
            if found[0] != place.check {
                *self.line_mut(place) = EMPTY;
                *found = [0; 16];
                found[0] = place.check;
            }
        }
    }

    /// Finds the groups of the second nibble in lines. A new one replaces the one that has seen
    /// least.
    #[inline(always)]
    fn turn(&mut self, first: u8, places: &mut [Place; N], found: &mut [Group; N]) {
        for i in WIDE..N {
            let line = self.line(&places[i]);
            let group = if line[1][0] == first {
                1
            } else if line[2][0] == first {
                2
            } else if line[3][0] == first {
                3
            } else {
                let least = if line[2][1] < line[1][1] { 2 } else { 1 };
                if line[3][1] < line[least][1] { 3 } else { least }
            };
            found[i] = line[group];
            if found[i][0] != first {
                found[i] = [0; 16];
                found[i][0] = first;
            }
            places[i].group = group as u8;
        }
    }

    /// Puts histories back.
    #[inline(always)]
    fn put(&mut self, places: &[Place; N], histories: &[Group; N]) {
        for i in 0..WIDE {
            self.groups[places[i].index as usize] = histories[i];
        }
        for i in WIDE..N {
            let line = self.line_mut(&places[i]);
            line[usize::from(places[i].group & 3)] = histories[i];
        }
    }

    /// Codes four bits; returns them after the bits of `way`.
    #[inline(always)]
    fn nibble<C: Coder>(
        &mut self,
        coder: &mut C,
        histories: &mut [Group; N],
        (set, mut way): (usize, usize),
        nibble: u8,
    ) -> usize {
        let mut node = 1;
        for bit in [3, 2, 1, 0] {
            let logit = |i: usize| HISTORIES.logit[usize::from(histories[i][node & 15])];
            let question = self.mixer.mix(set, way & 255, inputs::<N>(logit));
            let bit = coder.code(u32::from(nibble) >> bit & 1, question.chance);
            self.mixer.learn(question, bit);
            let next = &HISTORIES.next[bit as usize & 1];
            for group in &mut *histories {
                group[node & 15] = next[usize::from(group[node & 15])];
            }
            node = node << 1 | bit as usize;
            way = way << 1 | bit as usize;
        }
        way
    }
}
