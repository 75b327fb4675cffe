//! Where x86-64 instructions have a displacement relative to the next instruction.

/// If the bytes `before` (the last one first) begin an instruction up to a 32-bit displacement
/// that counts from the next instruction: how far that is from the displacement's first byte.
pub(super) fn displacement(before: [u8; 5]) -> Option<u8> {
    let [last, op, prefix, third, fourth] = before;
    if last == 0xE8 || last == 0xE9 || op == 0x0F && last & 0xF0 == 0x80 {
        return Some(4);
    }
    // A ModRM byte that says: relative to the instruction pointer.
    if last & 0xC7 != 5 {
        return None;
    }
    if prefix == 0x0F || third == 0xC5 || fourth == 0xC4 {
        let immediate = matches!(op, 0xC6 | 0x70 | 0xC2 | 0xBA | 0xA4 | 0xAC | 0xC4 | 0xC5);
        return Some(if immediate { 5 } else { 4 });
    }
    let wide = if prefix == 0x66 { 6 } else { 8 };
    match op {
        0x83 | 0x80 | 0xC6 | 0xC1 | 0x6B => Some(5),
        0x81 | 0xC7 | 0x69 => Some(wide),
        0xF7 if last & 0x30 == 0 => Some(8),
        0xF6 if last & 0x30 == 0 => Some(5),
        0x8D | 0x8B | 0x89 | 0x8A | 0x88 | 0x3B | 0x39 | 0x3A | 0x38 | 0x03 | 0x01 | 0x2B
        | 0x29 | 0x33 | 0x31 | 0x0B | 0x09 | 0x23 | 0x21 | 0x85 | 0x84 | 0x63 | 0xFF | 0xFE
        | 0xF7 | 0xF6 | 0xD1 | 0xD3 | 0x87 | 0x86 => Some(4),
        _ => None,
    }
}

/// What kind of instruction ends in `last` and `op` before its displacement.
pub(super) fn kind(last: u8, op: u8) -> u32 {
    match last {
        0xE8 => 0,
        0xE9 => 1,
        _ if op == 0x0F && last & 0xF0 == 0x80 => 2,
        _ if op == 0x8D => 3,
        _ => 4,
    }
}
