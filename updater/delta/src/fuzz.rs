//! What fuzzers call: functions of bytes that must come back, whatever the bytes are.

use std::io::{self, Write};

use crate::image;
use crate::model::Old;
use crate::old::Source;
use crate::walk;

/// Most bytes that a fuzzed walk is asked for.
const MAX_LENGTH: u64 = 1 << 16;

/// Cuts a file off the end of `data`: its length comes first.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return (data, &[]) };
    rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()))
}

/// Reads `data` as an executable, and all references in it.
///
/// # Panics
/// Reading memory failed, which it cannot.
pub fn executable(data: &[u8]) {
    let mut source = Source::new(&data).expect("memory can be read");
    let mut found = Vec::new();
    for start in (0..data.len() as u64).step_by(4096) {
        source.refs(start, start + 4096, &mut found).expect("memory can be read");
    }
    assert_eq!(found.len(), source.refs.len());
    assert!(found.is_sorted_by(|a, b| a.pos + a.kind.width() as u64 <= b.pos));
    let layout = image::read(&mut source.file);
    for offset in (0..data.len() as u64).step_by(997) {
        for span in [layout.section(offset), layout.segment(offset)] {
            assert!(span.start <= offset && offset < span.end);
        }
    }
}

/// Takes one part of `data` for an old file and the other for a walk along it.
pub fn walk(data: &[u8]) {
    struct Counter(u64);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (old, rest) = split(data);
    let Some((length, mut patch)) = rest.split_first_chunk::<2>() else { return };
    let length = u64::from(u16::from_le_bytes(*length)).min(MAX_LENGTH);
    let mut out = Counter(0);
    let result = walk::decode(&old, length, &mut patch, &mut out);
    assert!(out.0 <= length && (result.is_err() || out.0 == length));
}

/// Makes the walk from one part of `data` to the other, and applies it.
///
/// # Panics
/// Something else came out.
#[cfg(feature = "make")]
pub fn round_trip(data: &[u8]) {
    let (old, new) = split(data);
    let patch = walk::encode(old, new, &mut |_| {}).expect("short files have a walk");
    let mut out = Vec::new();
    let result = walk::decode(&old, new.len() as u64, &mut &patch[..], &mut out);
    result.unwrap_or_else(|fault| panic!("the walk is refused: {fault:?}"));
    assert!(out == new, "another file came out");
}
