//! x86-64 code: fields relative to the instruction, and absolute ones in programs that are not
//! position independent.
//!
//! This is no disassembler: bytes that look like an instruction with such a field, and whose
//! target is in the image, are taken for one. What is wrongly taken seldom moves with the map, and
//! costs a correction.

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

/// Bytes behind which a relative field may stand: calls and jumps, the first of two bytes of
/// others, and ModRM bytes that name memory relative to the instruction.
const BEFORE_RELATIVE: Set = {
    let mut set = set(&[0xe8, 0xe9, 0x0f]);
    let mut modrm = 0x05;
    while modrm < 0x40 {
        set[modrm] = true;
        modrm += 8;
    }
    set
};

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
    let (mut at, mut last) = (0, 0);
    let end = code.len().saturating_sub(8);
    while let Some(rest) = code.get(at..end)
        && let Some(skip) = rest.iter().position(|byte| BEFORE_RELATIVE[usize::from(*byte)])
    {
        at += skip;
        let field = match code[at] {
            0xe8 | 0xe9 => Some((at + 1, 4, false)),
            0x0f if code[at + 1] & 0xf0 == 0x80 => Some((at + 2, 4, false)),
            0x0f => None,
            _ if at > last => memory(code, at),
            _ => None,
        };
        at += 1;
        let Some((field, end, lea)) = field else { continue };
        let distance = i64::from(int(code, field) as i32) as u64;
        let next = address.wrapping_add(field as u64 + u64::from(end));
        let target = next.wrapping_add(distance);
        if (low..high).contains(&target) {
            found(Relative { at: field, end, target, lea });
            at = field + 4;
            last = at;
        }
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
