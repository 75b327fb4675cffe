//! What came before in a context, in one byte.
//!
//! A state stands for how many zeros and how many ones were seen, both bounded, and which of them
//! last. A bit adds to its own count and takes from the other one, if that is large: what is recent
//! weighs more. State 0 has seen nothing.

use super::tables::STRETCH;

/// The automaton.
pub(super) struct Histories {
    /// The state after a bit.
    pub(super) next: [[u8; 256]; 2],
    /// An estimate to begin with: a [`Counter`](super::mixer::Counter)'s probability of a one.
    pub(super) start: [u32; 256],
    /// Its logit: what whole bytes are foretold by.
    pub(super) logit: [i16; 256],
}

pub(super) static HISTORIES: Histories = histories();

/// Largest count beside a smaller one of `least`.
const fn most(least: u32) -> u32 {
    match least {
        0 => 40,
        1 => 24,
        2 => 12,
        3 => 7,
        4 => 5,
        _ => 0,
    }
}

const fn fits(a: u32, b: u32) -> bool {
    if a < b { b <= most(a) } else { a <= most(b) }
}

/// What is left of a count after the other bit.
const fn faded(count: u32) -> u32 {
    match count {
        0..=2 => count,
        3 => 2,
        4..=5 => 3,
        6..=11 => 4,
        12..=23 => 5,
        _ => 6,
    }
}

/// The counts after one more of the first: too large a pair loses of the count that was not
/// raised, unless that is small and the raised one is at its end.
const fn raised(count: u32, other: u32) -> (u32, u32) {
    let (mut count, mut other) = (count + 1, faded(other));
    while !fits(count, other) {
        if other <= count && other <= 4 {
            count -= 1;
        } else {
            other -= 1;
        }
    }
    (count, other)
}

/// Numbers the states by their sum of counts, then by zeros, then by the last bit.
const fn histories() -> Histories {
    let mut number = [[[0u8; 2]; 42]; 42];
    let mut counts = [(0u32, 0u32); 256];
    let mut states = 0;
    let mut sum = 0;
    while sum <= 41 {
        let mut zeros = 0;
        while zeros <= sum {
            let ones = sum - zeros;
            if fits(zeros, ones) {
                let both = zeros > 0 && ones > 0;
                let at = &mut number[zeros as usize][ones as usize];
                *at = [states as u8, states as u8 + both as u8];
                counts[states] = (zeros, ones);
                counts[states + both as usize] = (zeros, ones);
                states += 1 + both as usize;
            }
            zeros += 1;
        }
        sum += 1;
    }
    let mut table = Histories { next: [[0; 256]; 2], start: [1 << 31; 256], logit: [0; 256] };
    let mut state = 0;
    while state < states {
        let (zeros, ones) = counts[state];
        let (z, o) = raised(zeros, ones);
        table.next[0][state] = number[z as usize][o as usize][0];
        let (o, z) = raised(ones, zeros);
        table.next[1][state] = number[z as usize][o as usize][1];
        let chance = ((2 * ones as u64 + 1) << 31) / (zeros + ones + 1) as u64;
        table.start[state] = chance as u32;
        table.logit[state] = STRETCH[(table.start[state] >> 20) as usize];
        state += 1;
    }
    table
}
