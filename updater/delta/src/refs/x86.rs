//! x86-64 code: fields relative to the instruction, and absolute ones in programs that are not
//! position independent.
//!
//! This is no disassembler: bytes that look like an instruction with such a field, and whose
//! target is in the image, are taken for one. What is wrongly taken seldom moves with the map, and
//! costs a correction.

use wide::u8x16;

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

/// One-byte opcodes with a ModRM byte, where it may name memory relative to the instruction.
const ONE_BYTE: Set = set(&[
    0x8d, 0x8b, 0x89, 0x8a, 0x88, 0x3b, 0x39, 0x3a, 0x38, 0x03, 0x01, 0x2b, 0x29, 0x33, 0x31, 0x0b,
    0x09, 0x23, 0x21, 0x85, 0x84, 0x63, 0xff, 0xfe, 0xf7, 0xf6, 0x83, 0x80, 0x81, 0xc7, 0xc6, 0xc1,
    0xd1, 0xd3, 0x69, 0x6b, 0x87, 0x86, 0xd9, 0xdb, 0xdd,
]);

/// Two-byte and VEX opcodes that end in a byte of their own.
const TWO_BYTE_WITH_BYTE: Set = set(&[0xc6, 0x70, 0xc2, 0xba, 0xa4, 0xac, 0xc4, 0xc5]);

/// Opcodes whose ModRM byte may name memory at an absolute address plus a register.
const ABSOLUTE: Set = set(&[
    0x8b, 0x8d, 0x89, 0x88, 0x8a, 0x3b, 0x39, 0x80, 0x83, 0x03, 0x2b, 0x0b, 0x23, 0x33, 0xb6, 0xb7,
    0xbe, 0xbf, 0x63, 0xff, 0x10, 0x11, 0x28, 0x29, 0x6f, 0x7f,
]);

/// A relative field that was found.
pub(super) struct Relative {
    pub(super) at: usize,
    /// Bytes from the field's start to the end of the instruction: 4, 5, 6 or 8.
    pub(super) end: u8,
    pub(super) target: u64,
    /// Whether the instruction takes the address of its target.
    pub(super) lea: bool,
}

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

/// Calls back with the place of each bit that is set, in ascending order.
#[inline(always)]
fn each(mut places: u32, mut at: impl FnMut(usize)) {
    while places != 0 {
        at(places.trailing_zeros() as usize);
        places &= places - 1;
    }
}

/// Scans code whose first byte is at `address` for fields whose target is in `low..high`.
///
/// Not inlined, here and below: loops that look at every byte need all registers.
#[inline(never)]
pub(super) fn relative(
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

/// Scans code for absolute 32-bit fields; `inside` tells whether something is at an address.
///
/// Few places hold an address at all, so these are looked for first, and then what is before them.
#[inline(never)]
pub(super) fn absolute(
    code: &[u8],
    (low, high): (u64, u64),
    inside: impl Fn(u64) -> bool,
    mut found: impl FnMut(usize),
) {
    let range = high.saturating_sub(low);
    let value = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    // The first byte has no opcode before it.
    let (mut at, mut free) = (1, 0);
    while let Some(rest) = code.get(at..) {
        let fields = rest.array_windows::<4>();
        let Some(skip) = fields.map(value).position(|value| value.wrapping_sub(low) < range) else {
            return;
        };
        at += skip;
        if is_absolute(code, at, free) && inside(int(code, at).into()) {
            found(at);
            at += 4;
            free = at;
        } else {
            at += 1;
        }
    }
}

/// Whether the field at `at` follows an opcode that it may belong to, not before `free`.
fn is_absolute(code: &[u8], at: usize, free: usize) -> bool {
    [1, 2, 3, 4, 6].into_iter().any(|distance| {
        let Some(start) = at.checked_sub(distance).filter(|start| *start >= free) else {
            return false;
        };
        let before = start.checked_sub(1).map_or(0, |index| code[index]);
        absolute_field(&code[start..], before) == distance
    })
}

/// How many bytes after the opcode an absolute field would begin; 0 for none.
#[inline]
fn absolute_field(code: &[u8], before: u8) -> usize {
    let (opcode, modrm, sib) = (code[0], code[1], code[2]);
    match opcode {
        0xb8..=0xbf | 0x68 => 1,
        0xff if modrm == 0x24 && sib & 7 == 5 => 3,
        0xc7 => match modrm & 0xf8 {
            0xc0 if before & 0xf8 == 0x48 => 2,
            _ if modrm == 0x44 && sib == 0x24 => 4,
            0x00 if modrm & 7 != 4 && modrm & 7 != 5 => 2,
            0x40 if modrm & 7 != 4 => 3,
            0x80 if modrm & 7 != 4 => 6,
            _ => 0,
        },
        0x81 if modrm & 0xf8 == 0xf8 => 2,
        _ if ABSOLUTE[usize::from(opcode)] => {
            if modrm & 0xc7 == 4 && sib & 7 == 5 {
                3
            } else if modrm & 0xc0 == 0x80 && modrm & 7 != 4 {
                2
            } else if modrm & 0xc7 == 0x84 {
                3
            } else {
                0
            }
        }
        _ => 0,
    }
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
