//! How long to wait before asking again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::limits::Limits;

/// The pause before the try after `failures` failures: doubled each time, capped, and anywhere in its
/// upper half, so that clients which failed together do not come back together.
pub(crate) fn pause(limits: &Limits, failures: u32, random: u64) -> Duration {
    let doubled = limits.pause.saturating_mul(2u32.saturating_pow(failures));
    let whole = doubled.min(limits.longest_pause);
    // 53 bits are as exact as a fraction can be.
    let fraction = (random >> 11) as f64 / (1u64 << 53) as f64;
    whole.mul_f64(0.5 + fraction / 2.0)
}

/// A number that other processes do not have. Guessing it wins nobody anything.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let limits = Limits::default();
        let longest = |failures| pause(&limits, failures, u64::MAX).as_secs_f32();
        let found: Vec<f32> = (0..8).map(longest).collect();
        assert_eq!(found, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(pause(&limits, u32::MAX, 0), limits.longest_pause / 2);
    }

    #[test]
    fn pauses_are_spread_over_their_upper_half() {
        let limits = Limits::default();
        let found: Vec<Duration> = (0..200).map(|_| pause(&limits, 3, random())).collect();
        let (least, most) = (found.iter().min().unwrap(), found.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(2) && *most <= Duration::from_secs(4));
        assert!(*most - *least > Duration::from_secs(1), "{least:?} to {most:?}");
    }
}
