//! Inputs that have a shape: small programs around fuzzed code, and true walks with fuzzed edits. What is
//! behind a header is reached without finding the header first, and a short input is a whole file.

use std::sync::LazyLock;

/// Two files: a byte that says what they are, two bytes of length, the content of the old one, and
/// that of the new one.
pub(crate) fn pair(data: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (kind, rest) = data.split_first()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (old, new) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    Some((program(*kind, old), program(*kind, new)))
}

/// A program of this code, or the bytes as they are; with the fourth bit, of functions with these
/// numbers.
fn program(kind: u8, code: &[u8]) -> Vec<u8> {
    let arm = kind & 1 == 1;
    if kind & 8 != 0 {
        return program(kind & 7, &functions(code, arm));
    }
    match kind >> 1 & 3 {
        1 => elf(code, arm),
        2 => pe(code, arm),
        3 => macho(code, arm),
        _ => code.to_vec(),
    }
}

/// Functions that call each other, 64 bytes each. Of the bytes of a function only its calls depend
/// on where it and others are: what a linker gives.
fn functions(numbers: &[u8], arm: bool) -> Vec<u8> {
    let mut code = Vec::new();
    for number in numbers {
        for k in 0..8_u8 {
            let salt = number.wrapping_mul(31).wrapping_add(k.wrapping_mul(77));
            let callee = numbers.iter().position(|n| *n == salt & 15).unwrap_or(0) as i32 * 64;
            let distance = callee - code.len() as i32;
            if arm {
                code.extend((0x9400_0000 | (distance / 4) as u32 & 0x03ff_ffff).to_le_bytes());
                code.extend((0x5280_0000 | u32::from(salt) << 5).to_le_bytes());
            } else {
                code.push(0xe8);
                code.extend((distance - 5).to_le_bytes());
                code.extend([0x48, salt & 0x3f, 0x90]);
            }
        }
    }
    code
}

const BASE: u64 = 0x40_0000;

fn elf(code: &[u8], arm: bool) -> Vec<u8> {
    let mut file = vec![0; 120];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file.extend(code);
    file.resize(file.len().next_multiple_of(8), 0);
    let (loaded, headers) = (120 + code.len() as u64, file.len() as u64);
    // Relocatable on AArch64; on x86-64 with absolute addresses.
    let (kind, machine) = if arm { (3, 183) } else { (2, 62) };
    let program = [(16, kind | machine << 16), (32, 64), (40, headers), (56, 1), (60, 2)];
    let segment = [(64, 1), (80, BASE), (96, loaded), (104, loaded)];
    file.resize(file.len() + 128, 0);
    let at = headers as usize + 64;
    let section = [(at + 4, 1), (at + 8, 6), (at + 16, BASE + 120), (at + 24, 120)];
    put(&mut file, &program);
    put(&mut file, &segment);
    put(&mut file, &section);
    put(&mut file, &[(at + 32, code.len() as u64)]);
    file
}

fn pe(code: &[u8], arm: bool) -> Vec<u8> {
    let mut file = vec![0; 440];
    file[..2].copy_from_slice(b"MZ");
    file.extend(code);
    let length = code.len() as u64;
    let machine = if arm { 0xaa64 } else { 0x8664 };
    put(&mut file, &[(60, 128), (128, 0x4550 | machine << 32 | 1 << 48), (148, 240)]);
    put(&mut file, &[(152, 0x20b), (176, 0x1_4000_0000), (260, 16)]);
    put(&mut file, &[(400, length | 440 << 32), (408, length | 440 << 32)]);
    put32(&mut file, 428, 0x6000_0020);
    file
}

fn macho(code: &[u8], arm: bool) -> Vec<u8> {
    let mut file = vec![0; 184];
    file.extend(code);
    let (loaded, length) = (file.len() as u64, code.len() as u64);
    let machine = if arm { 0x0100_000c } else { 0x0100_0007 };
    put(&mut file, &[(0, 0xfeed_facf | machine << 32), (16, 1), (32, 0x19 | 152 << 32)]);
    file[40..46].copy_from_slice(b"__TEXT");
    file[104..110].copy_from_slice(b"__text");
    put(&mut file, &[(56, BASE), (64, loaded), (80, loaded), (96, 1)]);
    put(&mut file, &[(136, BASE + 184), (144, length), (152, 184)]);
    file
}

fn put(file: &mut [u8], fields: &[(usize, u64)]) {
    for (at, value) in fields {
        file[*at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

fn put32(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// A walk with its files.
#[derive(Clone)]
pub(crate) struct Walk {
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
    pub(crate) walk: Vec<u8>,
}

/// One of the specification's walks, chosen by the first byte, with edits of three bytes each: where
/// in the walk, and what is there instead. An edit at its end makes it longer.
pub(crate) fn edited_walk(data: &[u8]) -> Option<Walk> {
    static VECTORS: LazyLock<Vec<Walk>> = LazyLock::new(vectors);
    let (which, edits) = data.split_first()?;
    let mut walk = VECTORS[usize::from(*which) % VECTORS.len()].clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (walk.walk.len() + 1);
        match walk.walk.get_mut(at) {
            Some(byte) => *byte = edit[2],
            None => walk.walk.push(edit[2]),
        }
    }
    Some(walk)
}

fn vectors() -> Vec<Walk> {
    let text = include_str!("../../../docs/delta-vectors.txt");
    let field = |line: Option<&str>| {
        let line = line.unwrap();
        bytes(line.split_once(' ').map_or("", |(_, digits)| digits))
    };
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut walks = Vec::new();
    while lines.next().is_some() {
        let [old, new, walk] = std::array::from_fn(|_| field(lines.next()));
        walks.push(Walk { old, new, walk });
    }
    walks
}

/// Two digits for each byte; `*` and a number after those that come so many times.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in text.split_terminator(' ') {
        let (digits, times) = part.split_once('*').unwrap_or((part, "1"));
        for at in (0..digits.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        }
        let last = *bytes.last().unwrap();
        bytes.resize(bytes.len() + times.parse::<usize>().unwrap() - 1, last);
    }
    bytes
}
