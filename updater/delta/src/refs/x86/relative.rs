//! Fields relative to the end of their instruction.

use super::{STEP, Set, each, int, set, step};
use wide::u8x16;

/// One-byte opcodes with a ModRM byte, where it may name memory relative to the instruction.
const ONE_BYTE: Set = set(&[
    0x8d, 0x8b, 0x89, 0x8a, 0x88, 0x3b, 0x39, 0x3a, 0x38, 0x03, 0x01, 0x2b, 0x29, 0x33, 0x31, 0x0b,
    0x09, 0x23, 0x21, 0x85, 0x84, 0x63, 0xff, 0xfe, 0xf7, 0xf6, 0x83, 0x80, 0x81, 0xc7, 0xc6, 0xc1,
    0xd1, 0xd3, 0x69, 0x6b, 0x87, 0x86, 0xd9, 0xdb, 0xdd,
]);

/// Two-byte and VEX opcodes that end in a byte of their own.
const TWO_BYTE_WITH_BYTE: Set = set(&[0xc6, 0x70, 0xc2, 0xba, 0xa4, 0xac, 0xc4, 0xc5]);

/// A relative field that was found.
pub(in crate::refs) struct Relative {
    pub(in crate::refs) at: usize,
    /// Bytes from the field's start to the end of the instruction: 4, 5, 6 or 8.
    pub(in crate::refs) end: u8,
    pub(in crate::refs) target: u64,
    /// Whether the instruction takes the address of its target.
    pub(in crate::refs) lea: bool,
}

/// Bit *n*: behind the byte at `at` + *n* a relative field may stand. That is a call or jump, the first of
/// two bytes of one, or a ModRM byte that names memory relative to the instruction.
#[inline(always)]
fn before_relative(code: &[u8], at: usize) -> u32 {
    let all = u8x16::splat;
    let (bytes, next) = (step(code, at), step(code, at + 1));
    let call = (bytes & all(0xfe)).simd_eq(all(0xe8));
    let jump = bytes.simd_eq(all(0x0f)) & (next & all(0xf0)).simd_eq(all(0x80));
    let memory = (bytes & all(0xc7)).simd_eq(all(0x05));
    (call | jump | memory).to_bitmask()
}

/// Scans code whose first byte is at `address` for fields whose target is in `low..high`.
///
/// Not inlined, here and below: loops that look at every byte need all registers.
#[inline(never)]
pub(in crate::refs) fn relative(
    code: &[u8],
    address: u64,
    (low, high): (u64, u64),
    mut found: impl FnMut(Relative),
) {
    // The end of the last field.
    let mut free = 0;
    let end = code.len().saturating_sub(8);
    for start in (0..end).step_by(STEP) {
        each(before_relative(code, start), |place| {
            let at = start + place;
            if at < free || at >= end {
                return;
            }
            let field = match code[at] {
                0xe8 | 0xe9 => Some((at + 1, 4, false)),
                0x0f => Some((at + 2, 4, false)),
                _ if at > free => memory(code, at),
                _ => None,
            };
            let Some((field, end, lea)) = field else { return };
            let distance = i64::from(int(code, field) as i32) as u64;
            let next = address.wrapping_add(field as u64 + u64::from(end));
            let target = next.wrapping_add(distance);
            if (low..high).contains(&target) {
                found(Relative { at: field, end, target, lea });
                free = field + 4;
            }
        });
    }
}

/// The field after the ModRM byte at `at`, if the bytes before are an opcode for it: its place, how
/// far the instruction goes on from there, and whether it is `LEA`.
fn memory(code: &[u8], at: usize) -> Option<(usize, u8, bool)> {
    let back = |count: usize| at.checked_sub(count).map_or(0, |index| code[index]);
    let (modrm, opcode) = (code[at], back(1));
    let two = back(2) == 0x0f;
    let vex = back(3) == 0xc5 || back(4) == 0xc4;
    let end = if two || vex {
        if TWO_BYTE_WITH_BYTE[usize::from(opcode)] { 5 } else { 4 }
    } else if ONE_BYTE[usize::from(opcode)] {
        match opcode {
            0x83 | 0x80 | 0xc6 | 0xc1 | 0x6b => 5,
            0x81 | 0xc7 | 0x69 if back(2) == 0x66 => 6,
            0x81 | 0xc7 | 0x69 => 8,
            0xf7 if modrm & 0x30 == 0 => 8,
            0xf6 if modrm & 0x30 == 0 => 5,
            _ => 4,
        }
    } else {
        return None;
    };
    Some((at + 1, end, opcode == 0x8d && !two))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection, prelude::*, sample};

    /// The places of fields, looked for byte by byte.
    fn plainly(code: &[u8], address: u64, (low, high): (u64, u64)) -> Vec<(usize, u8, u64, bool)> {
        let (mut at, mut free, mut all) = (0, 0, Vec::new());
        while at + 8 < code.len() {
            let field = match code[at] {
                0xe8 | 0xe9 => Some((at + 1, 4, false)),
                0x0f if code[at + 1] & 0xf0 == 0x80 => Some((at + 2, 4, false)),
                modrm if modrm & 0xc7 == 5 && at > free => memory(code, at),
                _ => None,
            };
            at += 1;
            let Some((field, end, lea)) = field else { continue };
            let next = address + field as u64 + u64::from(end);
            let target = next.wrapping_add(i64::from(int(code, field) as i32) as u64);
            if (low..high).contains(&target) {
                all.push((field, end, target, lea));
                (at, free) = (field + 4, field + 4);
            }
        }
        all
    }

    /// Bytes of which many begin an instruction, with fields that often lead into the image and look
    /// like instructions themselves.
    fn code() -> impl Strategy<Value = Vec<u8>> {
        let byte = || sample::select(vec![0xe8, 0xe9, 0x05, 0x0d, 0x0f, 0x84, 0x8d, 0x00]);
        let opcode = prop_oneof![
            Just(vec![0xe8]),
            Just(vec![0x0f, 0x84]),
            Just(vec![0x48, 0x8d, 0x05]),
            Just(vec![0xc7, 0x05]),
            byte().prop_map(|byte| vec![byte]),
        ];
        let field = prop_oneof![
            (byte(), byte()).prop_map(|(low, high)| vec![low, high, 0, 0]),
            (byte(), byte()).prop_map(|(low, high)| vec![low, high, 0xff, 0xff]),
            any::<[u8; 2]>().prop_map(|bytes| bytes.to_vec()),
        ];
        let piece = (opcode, field).prop_map(|(opcode, field)| [opcode, field].concat());
        collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn sixteen_bytes_at_a_time_find_what_one_at_a_time_does(code in code(), high in 0..0x2_0000_u64) {
            let (address, range) = (0x2_0000, (0x1_0000, 0x1_0000 + high));
            let mut found = Vec::new();
            relative(&code, address, range, |field| {
                found.push((field.at, field.end, field.target, field.lea));
            });
            prop_assert_eq!(found, plainly(&code, address, range));
        }
    }
}
