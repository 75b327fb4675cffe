//! Absolute fields of 32 bits, in programs that are not position independent.

use super::{STEP, Set, each, int, set, step};
use wide::u8x16;

/// Opcodes whose ModRM byte may name memory at an absolute address plus a register.
const ABSOLUTE: Set = set(&[
    0x8b, 0x8d, 0x89, 0x88, 0x8a, 0x3b, 0x39, 0x80, 0x83, 0x03, 0x2b, 0x0b, 0x23, 0x33, 0xb6, 0xb7,
    0xbe, 0xbf, 0x63, 0xff, 0x10, 0x11, 0x28, 0x29, 0x6f, 0x7f,
]);

/// Where a field may hold an address of a range, by the upper two of its bytes.
#[inline(always)]
fn within(code: &[u8], at: usize, (low, high): (u64, u64)) -> u8x16 {
    let [low, last] = [low, high.saturating_sub(1)].map(|end| end.min(u32::MAX.into()) as u32);
    let (least, most) = (low.min(0xff_ffff) >> 16, last >> 24);
    let (least, most) = (u8x16::splat(least as u8), u8x16::splat(most as u8));
    let (third, top) = (step(code, at + 2), step(code, at + 3));
    // Most fields hold small numbers, which are below where programs are loaded.
    let not_below = !top.simd_eq(u8x16::splat(0)) | third.max(least).simd_eq(third);
    not_below & top.min(most).simd_eq(top)
}

/// Bit *n*: at `at` + *n* an absolute field may stand, by what it holds and by some of the bytes before it.
#[inline(always)]
fn maybe_absolute(code: &[u8], at: usize, range: (u64, u64)) -> u32 {
    let back = |count| match at.checked_sub(count) {
        Some(from) => step(code, from),
        // Nothing is before the first byte.
        None => {
            let mut bytes = [0; STEP];
            let later = &mut bytes[count - at..];
            let there = code.len().min(later.len());
            later[..there].copy_from_slice(&code[..there]);
            u8x16::new(bytes)
        }
    };
    let is = |bytes: u8x16, mask, byte| (bytes & u8x16::splat(mask)).simd_eq(u8x16::splat(byte));
    let (one, two) = (back(1), back(2));
    let push = is(one, 0xff, 0x68);
    // And `MOV` of the field itself, 0xb8 to 0xbf.
    let memory =
        is(one, 0xc0, 0x80) | is(two, 0xc7, 0x84) | is(two, 0xc7, 0x04) & is(one, 0x07, 0x05);
    let stored = [two, back(3), back(4), back(6)].map(|bytes| is(bytes, 0xff, 0xc7));
    let value = is(two, 0xff, 0x81) | stored[0] | stored[1] | stored[2] | stored[3];
    (within(code, at, range) & (push | memory | value)).to_bitmask()
}

/// Scans code for absolute 32-bit fields; `inside` tells whether something is at an address.
#[inline(never)]
pub(in crate::refs) fn absolute(
    code: &[u8],
    (low, high): (u64, u64),
    inside: impl Fn(u64) -> bool,
    mut found: impl FnMut(usize),
) {
    // The end of the last field.
    let mut free = 0;
    let end = code.len().saturating_sub(3);
    for start in (0..end).step_by(STEP) {
        each(maybe_absolute(code, start, (low, high)), |place| {
            let at = start + place;
            let value = u64::from(int(code, at));
            if at < end
                && (low..high).contains(&value)
                && is_absolute(code, at, free)
                && inside(value)
            {
                found(at);
                free = at + 4;
            }
        });
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
    fn plainly(code: &[u8], (low, high): (u64, u64)) -> Vec<usize> {
        let (mut at, mut free, mut all) = (1, 0, Vec::new());
        while at + 4 <= code.len() {
            let value = u64::from(int(code, at));
            if (low..high).contains(&value) && is_absolute(code, at, free) {
                all.push(at);
                free = at + 4;
            }
            at = free.max(at + 1);
        }
        all
    }

    /// Instructions of every kind that has such a field, and fields that are often in the image or nearly, and
    /// look like instructions themselves.
    fn code() -> impl Strategy<Value = Vec<u8>> {
        let opcodes: [&[u8]; 16] = [
            &[0xb8],
            &[0xbf],
            &[0x68],
            &[0xff, 0x24, 0xc5],
            &[0x48, 0xc7, 0xc0],
            &[0xc7, 0x44, 0x24, 0x08],
            &[0xc7, 0x00],
            &[0xc7, 0x40, 0x08],
            &[0xc7, 0x80, 0, 0, 0, 0],
            &[0x81, 0xf8],
            &[0x8b, 0x04, 0x25],
            &[0x8b, 0x83],
            &[0x8b, 0x84, 0xc0],
            &[0x0f, 0xb6, 0x80],
            &[0x00],
            &[],
        ];
        let opcode = sample::select(opcodes.map(<[u8]>::to_vec).to_vec());
        let byte = || sample::select(vec![0x00, 0x01, 0x3f, 0x40, 0x41, 0x68, 0x84, 0xb8, 0xc7]);
        let field = [byte(), byte(), byte(), byte()].prop_map(|field| field.to_vec());
        let piece = (opcode, field).prop_map(|(opcode, field)| [opcode, field].concat());
        collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn sixteen_bytes_at_a_time_find_the_same_absolute_ones(
            code in code(),
            low in sample::select(vec![0_u64, 0x40_0000, 0x41_0001, 0x140_0000]),
            length in sample::select(vec![0_u64, 0x1_0000, 0x100_0000, 1 << 32]),
        ) {
            let mut found = Vec::new();
            absolute(&code, (low, low + length), |_| true, |at| found.push(at));
            prop_assert_eq!(found, plainly(&code, (low, low + length)));
        }
    }
}
