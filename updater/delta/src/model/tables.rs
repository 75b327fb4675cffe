//! Constant tables of the model, computed by the compiler in integers alone: no table depends on
//! the machine that builds or runs it.

/// Largest logit, in 1/256: beyond it a probability would leave 16 bits.
pub(super) const LOGIT_MAX: i32 = 2815;

/// `e^(-1/512)` in 62 fractional bits: half a step of a logit.
const HALF_STEP: u64 = 4_602_687_609_541_841_169;
const ONE: u64 = 1 << 62;

const fn times(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128 + (1 << 61)) >> 62) as u64
}

/// Probabilities in 1/65,536 of logits from `-LOGIT_MAX` to `LOGIT_MAX`: 65,536 / (1 + e^(-x/256)),
/// rounded, and kept off 0 and 1.
pub(super) static SQUASH: [u16; 2 * LOGIT_MAX as usize + 1] = squash();

const fn squash() -> [u16; 2 * LOGIT_MAX as usize + 1] {
    let mut table = [0; 2 * LOGIT_MAX as usize + 1];
    let mut power = ONE;
    let mut logit = 0;
    while logit <= LOGIT_MAX as usize {
        let whole = ONE + power;
        let chance = (((ONE as u128) << 16) + whole as u128 / 2) / whole as u128;
        let chance = if chance > 65_533 { 65_533 } else { chance as u16 };
        table[LOGIT_MAX as usize + logit] = chance;
        table[LOGIT_MAX as usize - logit] = (65_536 - chance as u32) as u16;
        power = times(times(power, HALF_STEP), HALF_STEP);
        logit += 1;
    }
    table
}

/// Logits in 1/256 of probabilities (i + 1/2) / 4096: the inverse of [`SQUASH`].
pub(super) static STRETCH: [i16; 4096] = stretch();

const fn stretch() -> [i16; 4096] {
    let mut table = [0; 4096];
    // `power` is e^(-(logit + 1/2)/256): a probability whose odds against are below it has a logit
    // that rounds to more than `logit`.
    let mut logit: i16 = 0;
    let mut power = HALF_STEP;
    let mut i = 2048;
    while i < 4096 {
        let (against, within) = (8191 - 2 * i as u128, 2 * i as u128 + 1);
        while against * (ONE as u128) < within * power as u128 {
            logit += 1;
            power = times(times(power, HALF_STEP), HALF_STEP);
        }
        table[i] = logit;
        table[4095 - i] = -logit;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{LOGIT_MAX, SQUASH, STRETCH};

    #[test]
    fn tables_are_those_of_the_specification() {
        let squash = |logit: i32| SQUASH[(logit + LOGIT_MAX) as usize];
        assert_eq!(
            [-2815, -512, -1, 0, 1, 512, 2815].map(squash),
            [3, 7812, 32704, 32768, 32832, 57724, 65533]
        );
        assert_eq!(
            [0, 1, 1000, 2047, 2048, 4095].map(|i| STRETCH[i]),
            [-2307, -2025, -289, 0, 0, 2307]
        );
    }

    #[test]
    fn stretch_inverts_squash() {
        for (i, logit) in STRETCH.iter().enumerate() {
            let chance = i32::from(SQUASH[(i32::from(*logit) + LOGIT_MAX) as usize]);
            // Within the rounding of a logit: a quarter of 1/256 at most, in 1/65,536.
            assert!((chance - (i as i32 * 16 + 8)).abs() <= 33, "{i}");
        }
    }
}
