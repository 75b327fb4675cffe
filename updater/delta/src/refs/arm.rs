//! AArch64 code: `B`, `BL`, and `ADRP` with the instruction that adds the low 12 bits.

use super::{branch, page};

/// How many instructions after an `ADRP` its other half is looked for.
const REACH: usize = 8;
const REGISTER: u32 = 31;

#[inline]
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    field.map_or(0, |field| u32::from_le_bytes(*field))
}

pub(super) fn is_adrp(word: u32) -> bool {
    word & 0x9f00_0000 == 0x9000_0000
}

/// Whether an instruction adds 12 bits to `register`: `ADD`, or a load or store.
fn completes(word: u32, register: u32) -> bool {
    let add = word & 0xffc0_0000 == 0x9100_0000;
    let memory = word & 0x3b00_0000 == 0x3900_0000;
    word >> 5 & REGISTER == register && (add || memory)
}

/// By how many bits the 12 bits of an instruction are shifted.
pub(super) fn scale(word: u32) -> u8 {
    if word & 0xffc0_0000 == 0x9100_0000 {
        0
    } else if word & 0x0480_0000 == 0x0480_0000 {
        4
    } else {
        (word >> 30) as u8
    }
}

/// How many bytes after the `ADRP` at `at` its other half is.
fn pair(bytes: &[u8], at: usize) -> Option<usize> {
    let register = word(bytes, at) & REGISTER;
    for step in 1..=REACH {
        let next = word(bytes, at + 4 * step);
        if completes(next, register) {
            return Some(4 * step);
        }
        if is_adrp(next) && next & REGISTER == register {
            return None;
        }
    }
    None
}

/// The low 12 bits that go with the `ADRP` at `at`; 0 if nothing does.
pub(super) fn low_bits(bytes: &[u8], at: usize) -> u32 {
    pair(bytes, at).map_or(0, |distance| offset(word(bytes, at + distance)))
}

fn offset(word: u32) -> u32 {
    (word >> 10 & 0xfff) << scale(word)
}

/// How many bytes before the instruction at `at` its `ADRP` is, and that instruction.
pub(super) fn page_before(bytes: &[u8], at: usize) -> Option<(u64, u32)> {
    let register = word(bytes, at) >> 5 & REGISTER;
    (1..=REACH).find_map(|step| {
        let before = word(bytes, at.checked_sub(4 * step)?);
        (is_adrp(before) && before & REGISTER == register).then_some((4 * step as u64, before))
    })
}

/// What is found in code.
pub(super) enum Found {
    Branch,
    Adrp,
    Lo12,
}

/// Scans code whose first byte is at `address`. `inside` tells whether something is at an address.
pub(super) fn scan(
    code: &[u8],
    address: u64,
    inside: impl Fn(u64) -> bool,
    mut found: impl FnMut(usize, Found),
) {
    for at in (0..code.len().saturating_sub(3)).step_by(4) {
        let here = word(code, at);
        let pc = address.wrapping_add(at as u64);
        if here & 0x7c00_0000 == 0x1400_0000 {
            if inside(branch(here, pc)) {
                found(at, Found::Branch);
            }
        } else if is_adrp(here) {
            let other = pair(code, at);
            let low = other.map_or(0, |distance| offset(word(code, at + distance)));
            if inside(page(here, pc).wrapping_add(low.into())) {
                found(at, Found::Adrp);
                if let Some(distance) = other {
                    found(at + distance, Found::Lo12);
                }
            }
        }
    }
}
