//! The vectors of the specification: `docs/delta-vectors.txt`.

use std::fmt::Write as _;

use super::samples::{elf, macho, pe};
use super::{decode, encode};

const VECTORS: &str = include_str!("../../../../docs/delta-vectors.txt");

/// A program's functions, and those of its next version.
const OLD: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const NEW: [u32; 8] = [1, 2, 1000, 3, 4, 5, 7, 8];

fn pairs() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let text = |word: &str| {
        let line = |at: u32| format!("{at} {} of {word}\n", at * at);
        (0..20).map(line).collect::<String>().into_bytes()
    };
    let mut longer = text("seven");
    longer.splice(90..95, *b"and then some more: 17 289 of seven");
    vec![
        ("nothing", Vec::new(), text("one")),
        ("text", text("seven"), longer),
        ("ELF, x86-64", elf(&OLD, false), elf(&NEW, false)),
        ("ELF, AArch64", elf(&OLD, true), elf(&NEW, true)),
        ("PE, x86-64", pe(&OLD, false), pe(&NEW, false)),
        ("Mach-O, AArch64", macho(&OLD, true), macho(&NEW, true)),
    ]
}

/// Two digits for each byte; `*` and a number after those that come so many times.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for same in bytes.chunk_by(|a, b| a == b) {
        if same.len() < 4 {
            same.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        } else {
            write!(text, "{:02x}*{} ", same[0], same.len()).unwrap();
        }
    }
    text.trim_end().to_owned()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in text.split_terminator(' ') {
        let (digits, times) = part.split_once('*').unwrap_or((part, "1"));
        let start = bytes.len();
        for at in (0..digits.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        }
        let last = *bytes.last().unwrap();
        bytes.resize(bytes.len() + times.parse::<usize>().unwrap() - 1, last);
        assert!(bytes.len() > start);
    }
    bytes
}

/// Reads the document as another implementation would.
#[test]
fn vectors_decode_to_what_they_say() {
    let mut lines = VECTORS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut count = 0;
    while let Some(name) = lines.next() {
        let mut next = |key: &str| bytes(lines.next().unwrap().strip_prefix(key).unwrap().trim());
        let (old, new, walk) = (next("old"), next("new"), next("walk"));
        let mut out = Vec::new();
        decode(&&old[..], new.len() as u64, &mut &walk[..], &mut out).unwrap();
        assert!(out == new, "{name}");
        count += 1;
    }
    assert_eq!(count, pairs().len());
}

/// The document is written anew from what this shows, if the format changes on purpose.
#[test]
fn vectors_are_what_the_encoder_makes() {
    let mut text = String::new();
    for (name, old, new) in pairs() {
        let walk = encode(&old, &new, &mut |_| {}).unwrap();
        let (old, new, walk) = (hex(&old), hex(&new), hex(&walk));
        writeln!(text, "\n{name}\nold {old}\nnew {new}\nwalk {walk}").unwrap();
    }
    assert!(VECTORS.ends_with(&text), "{text}");
}
