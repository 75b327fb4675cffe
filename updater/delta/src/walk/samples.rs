//! Small executables for tests: functions that call each other, in every format.

/// Functions with these numbers, in this order, each with calls of others: what a linker gives. The
/// bytes of a function but for its calls follow from its number, so it is the same wherever it is.
fn functions(numbers: &[u32], arm: bool) -> Vec<u8> {
    const SIZE: usize = 96;
    let place = |number: u32| numbers.iter().position(|n| *n == number);
    let mut code = Vec::new();
    for number in numbers {
        let mut state = number.wrapping_mul(0x9e37_79b1) | 1;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let end = code.len() + SIZE;
        while code.len() < end {
            let callee = place(random() % (numbers.len() as u32)).unwrap_or(0) * SIZE;
            let here = code.len();
            if arm {
                let words = (callee as i32 - here as i32) / 4;
                code.extend((0x9400_0000 | words as u32 & 0x03ff_ffff).to_le_bytes());
                code.extend((0x5280_0000 | random() & 0xffff).to_le_bytes());
            } else {
                code.push(0xe8);
                code.extend((callee as i32 - here as i32 - 5).to_le_bytes());
                code.extend([0x48, random() as u8 & 0x3f, 0x90]);
            }
        }
    }
    code
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put32(file: &mut Vec<u8>, at: usize, value: u32) {
    put(file, at, &value.to_le_bytes());
}

fn put64(file: &mut Vec<u8>, at: usize, value: u64) {
    put(file, at, &value.to_le_bytes());
}

/// Code begins here in all samples.
const CODE: usize = 0x1000;

pub(super) fn elf(numbers: &[u32], arm: bool) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    let code = functions(numbers, arm);
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    put32(&mut file, 16, 3 | if arm { 183 } else { 62 } << 16);
    put64(&mut file, 32, 64);
    put32(&mut file, 56, 1);
    // One segment: everything up to the end of the code.
    put32(&mut file, 64, 1);
    let loaded = (CODE + code.len()) as u64;
    for (at, value) in [(72, 0), (80, BASE), (96, loaded), (104, loaded)] {
        put64(&mut file, at, value);
    }
    put(&mut file, CODE, &code);
    let names = file.len();
    file.extend(b"\0.text\0.shstrtab\0");
    let headers = file.len().next_multiple_of(8);
    put64(&mut file, 40, headers as u64);
    put32(&mut file, 60, 3 | 2 << 16);
    let mut section =
        |index: usize, name: u32, kind: u32, flags: u64, place: (u64, usize, usize)| {
            let at = headers + index * 64;
            put32(&mut file, at, name);
            put32(&mut file, at + 4, kind);
            put64(&mut file, at + 8, flags);
            put64(&mut file, at + 16, place.0);
            put64(&mut file, at + 24, place.1 as u64);
            put64(&mut file, at + 32, place.2 as u64);
            put64(&mut file, at + 56, 0);
        };
    section(0, 0, 0, 0, (0, 0, 0));
    section(1, 1, 1, 6, (BASE + CODE as u64, CODE, code.len()));
    section(2, 7, 3, 0, (0, names, 17));
    file
}

pub(super) fn pe(numbers: &[u32], arm: bool) -> Vec<u8> {
    let code = functions(numbers, arm);
    let mut file = b"MZ".to_vec();
    put32(&mut file, 60, 128);
    put32(&mut file, 128, 0x4550);
    put32(&mut file, 132, if arm { 0xaa64 } else { 0x8664 } | 2 << 16);
    put32(&mut file, 148, 240);
    put32(&mut file, 152, 0x20b);
    put64(&mut file, 176, 0x1_4000_0000);
    put32(&mut file, 260, 16);
    // Pointers to functions, and the relocations that say so.
    let pointers = numbers.len().min(200);
    let data = CODE + code.len().next_multiple_of(512);
    let relocations = data + pointers * 8;
    let table = 8 + pointers.next_multiple_of(2) * 2;
    put32(&mut file, 304, relocations as u32);
    put32(&mut file, 308, table as u32);
    let mut section = |index: usize, name: &[u8], flags: u32, start: usize, length: usize| {
        let at = 392 + index * 40;
        put(&mut file, at, name);
        for (field, value) in [(8, length), (12, start), (16, length), (20, start)] {
            put32(&mut file, at + field, value as u32);
        }
        put32(&mut file, at + 36, flags);
    };
    section(0, b".text", 0x6000_0020, CODE, code.len());
    section(1, b".data", 0x4000_0040, data, pointers * 8 + table);
    put(&mut file, CODE, &code);
    for index in 0..pointers {
        put64(&mut file, data + index * 8, 0x1_4000_0000 + (CODE + index * 96) as u64);
        let place = (data + index * 8) as u32 & 0xfff;
        put(&mut file, relocations + 8 + index * 2, &(0xa000 | place as u16).to_le_bytes());
    }
    put32(&mut file, relocations, data as u32 & !0xfff);
    put32(&mut file, relocations + 4, table as u32);
    file.resize(relocations + table, 0);
    file
}

pub(super) fn macho(numbers: &[u32], arm: bool) -> Vec<u8> {
    const BASE: u64 = 0x1_0000_0000;
    let code = functions(numbers, arm);
    let mut file = Vec::new();
    put32(&mut file, 0, 0xfeed_facf);
    put32(&mut file, 4, if arm { 0x0100_000c } else { 0x0100_0007 });
    put32(&mut file, 16, 2);
    put32(&mut file, 32, 0x19);
    put32(&mut file, 36, 152);
    put(&mut file, 40, b"__TEXT");
    let loaded = (CODE + code.len()) as u64;
    for (at, value) in [(56, BASE), (64, loaded), (72, 0), (80, loaded)] {
        put64(&mut file, at, value);
    }
    put32(&mut file, 96, 1);
    put(&mut file, 104, b"__text");
    put64(&mut file, 136, BASE + CODE as u64);
    put64(&mut file, 144, code.len() as u64);
    put32(&mut file, 152, CODE as u32);
    put32(&mut file, 184, 0x1d);
    put32(&mut file, 188, 16);
    put(&mut file, CODE, &code);
    file.resize(file.len().next_multiple_of(4096), 0);
    sign(&mut file);
    file
}

/// Appends a code signature with the hashes of all pages.
fn sign(file: &mut Vec<u8>) {
    let at = file.len();
    let pages = at / 4096;
    let be = |value: usize| (value as u32).to_be_bytes();
    put32(file, 192, at as u32);
    put32(file, 196, (68 + pages * 32) as u32);
    let mut directory = vec![0; 48];
    let fields = [(0, 0xfade_0c02), (4, 48 + pages * 32), (16, 48), (28, pages), (32, at)];
    for (place, value) in fields {
        directory[place..place + 4].copy_from_slice(&be(value));
    }
    directory[36..40].copy_from_slice(&[32, 2, 0, 12]);
    for page in file.chunks(4096) {
        let mut hasher = exuvia_bundle::Hasher::new();
        hasher.update(page);
        directory.extend_from_slice(hasher.finish().as_bytes());
    }
    for value in [0xfade_0cc0, 20 + directory.len(), 1, 0, 20] {
        file.extend_from_slice(&be(value));
    }
    file.extend_from_slice(&directory);
}

pub(super) fn universal(numbers: &[u32]) -> Vec<u8> {
    let parts = [macho(numbers, false), macho(numbers, true)];
    let mut file = vec![0; 4096];
    file[..4].copy_from_slice(&0xcafe_babe_u32.to_be_bytes());
    file[7] = parts.len() as u8;
    for (index, part) in parts.iter().enumerate() {
        file.resize(file.len().next_multiple_of(4096), 0);
        let at = 8 + index * 20;
        let fields = [0, 0, file.len(), part.len(), 12];
        for (field, value) in fields.iter().enumerate() {
            let place = at + field * 4;
            file[place..place + 4].copy_from_slice(&(*value as u32).to_be_bytes());
        }
        file.extend_from_slice(part);
    }
    file
}
