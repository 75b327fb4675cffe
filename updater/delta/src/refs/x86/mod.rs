//! x86-64 code: fields relative to the instruction, and absolute ones in programs that are not
//! position independent.
//!
//! This is no disassembler: bytes that look like an instruction with such a field, and whose
//! target is in the image, are taken for one. What is wrongly taken seldom moves with the map, and
//! costs a correction.

mod absolute;
mod relative;

use wide::u8x16;

pub(super) use absolute::absolute;
pub(super) use relative::relative;

/// Set of opcodes.
type Set = [bool; 256];

const fn set(opcodes: &[u8]) -> Set {
    let mut set = [false; 256];
    let mut index = 0;
    while index < opcodes.len() {
        set[opcodes[index] as usize] = true;
        index += 1;
    }
    set
}

#[inline]
fn int(code: &[u8], at: usize) -> u32 {
    let field = code.get(at..).and_then(|rest| rest.first_chunk::<4>());
    field.map_or(0, |field| u32::from_le_bytes(*field))
}

/// Bytes that are looked at together.
const STEP: usize = 16;

/// The bytes from `at` on, behind the end zeros.
#[inline(always)]
fn step(code: &[u8], at: usize) -> u8x16 {
    let rest = code.get(at..).unwrap_or_default();
    u8x16::new(rest.first_chunk::<STEP>().copied().unwrap_or_else(|| {
        let mut bytes = [0; STEP];
        bytes[..rest.len()].copy_from_slice(rest);
        bytes
    }))
}

/// Calls back with the place of each bit that is set, in ascending order.
#[inline(always)]
fn each(mut places: u32, mut at: impl FnMut(usize)) {
    while places != 0 {
        at(places.trailing_zeros() as usize);
        places &= places - 1;
    }
}
