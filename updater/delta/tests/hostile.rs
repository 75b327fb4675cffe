//! Damaged and hostile deltas: refused, never a wrong result, nothing believed.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::io::{self, Write};

use common::{Damaged, applied, delta, noise, packed, tree};
use exuvia_bundle::{Digest, Manifest, MemoryTree, RelPath, Sink, Stream, Tree};
use exuvia_delta::{Bound, Error, Limits, apply, info};
use proptest::{prelude::*, sample};

#[test]
fn another_base_is_refused_before_anything_is_written() {
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    let mut out = Untouched;
    let refused = apply(&new, &mut &patch[..], &Limits::default(), &mut out);
    let (expected, actual) = (old.manifest().digest(), new.manifest().digest());
    assert!(matches!(refused, Err(Error::WrongBase { expected: e, actual: a })
        if (e, a) == (expected, actual)));
}

#[test]
fn every_truncation_is_refused() {
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    for length in 0..patch.len() {
        let refused = applied(&old, &patch[..length]).0.unwrap_err();
        assert!(matches!(refused, Error::Truncated { .. }), "{length}: {refused:?}");
        assert!(info(&mut &patch[..length]).is_err());
    }
}

#[test]
fn every_flipped_byte_is_refused() {
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    for at in 0..patch.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut damaged = patch.clone();
            damaged[at] ^= mask;
            assert!(applied(&old, &damaged).0.is_err(), "byte {at}");
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let (old, new) = pair();
    let mut patch = delta(&old, &new, 3);
    patch.push(0);
    assert!(matches!(applied(&old, &patch).0, Err(Error::Trailing { .. })));
    assert!(matches!(info(&mut &patch[..]), Err(Error::Trailing { .. })));
}

#[test]
fn a_changed_file_of_the_base_is_named() {
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    for path in ["kept", "changed"] {
        for damage in [
            |bytes: &mut Vec<u8>| bytes[500] ^= 1,
            |bytes: &mut Vec<u8>| {
                bytes.truncate(700);
            },
        ] {
            let base = Damaged { tree: &old, path, damage };
            let mut out = MemoryTree::default();
            let result = apply(&base, &mut &patch[..], &Limits::default(), &mut out);
            assert!(
                matches!(&result, Err(Error::BaseChanged { path: p }) if p == path),
                "{result:?}"
            );
        }
    }
}

#[test]
fn an_error_of_the_output_comes_back_as_it_was() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(28))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    let mut out = Stream::new(Full);
    let result = apply(&old, &mut &patch[..], &Limits::default(), &mut out);
    assert!(matches!(result, Err(Error::Write { source }) if source.raw_os_error() == Some(28)));
}

#[test]
fn hostile_deltas_are_refused() {
    let (old, new) = pair();
    let changed = 0;
    let (block, frame) =
        (|forge: &mut Forge| forge.bytes.extend([2, 0xb8, 0x17]), pack_frame(&noise(9, 3000)));
    let with = |length: u64, slices: &[[u64; 3]], frame: &[u8]| {
        let mut forge = Forge::run(&old, &new);
        forge.block(length, slices, frame);
        forge.end()
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("block over the limit", with((16 << 20) + 1, &[], &frame)),
        ("block of 2^64 - 1 bytes", with(u64::MAX, &[], &frame)),
        ("no part where one is due", Forge::start(&old, &new).end()),
        ("part of no kind", Forge::start(&old, &new).with(&[9]).end()),
        ("block without a run", Forge::start(&old, &new).with(&[2, 1, 0]).end()),
        ("run of no file", Forge::start(&old, &new).with(&[1, 0]).end()),
        ("run of more files than there are", Forge::long_run(&old, &new)),
        ("run of 2^64 - 1 files", Forge::start(&old, &new).with(&[1]).with(&[0xff; 9]).end()),
        ("no block where one is due", Forge::run(&old, &new).end()),
        ("run in a run", Forge::run(&old, &new).with(&[1, 1]).end()),
        ("walk in a run", Forge::run(&old, &new).with(&[3, 1, 0xb8, 0x17, 0]).end()),
        ("block shorter than said", with(3001, &[], &frame)),
        ("block longer than said", with(2999, &[], &frame)),
        ("two frames", with(3000, &[], &[pack_frame(&[1; 1000]), pack_frame(&[2; 2000])].concat())),
        ("frame with bytes after it", with(3000, &[], &[&frame[..], b"x"].concat())),
        (
            "skippable frame",
            with(3000, &[], &[b"\x50\x2a\x4d\x18\x04\0\0\0abcd", &frame[..]].concat()),
        ),
        ("no frame", with(3000, &[], b"no frame")),
        ("empty frame", with(3000, &[], b"")),
        ("frame that says 2^60 bytes", with(3000, &[], &bomb())),
        ("slice beyond its file", with(3000, &[[changed, 2900, 101]], &frame)),
        ("slice far beyond its file", with(3000, &[[changed, u64::MAX, 1]], &frame)),
        ("slice whose end overflows", with(3000, &[[changed, u64::MAX, 2]], &frame)),
        ("empty slice", with(3000, &[[changed, 0, 0]], &frame)),
        ("slice of a directory", with(3000, &[[1, 0, 1]], &frame)),
        ("slice of no entry", with(3000, &[[99, 0, 1]], &frame)),
        ("slice of entry 2^64 - 1", with(3000, &[[u64::MAX, 0, 1]], &frame)),
        ("slices over the limit together", with(3000, &vec![[changed, 0, 3000]; 11_185], &frame)),
        ("slices whose sum overflows", with(3000, &[[0, 0, 1], [0, 0, u64::MAX]], &frame)),
        ("too many slices", {
            let mut forge = Forge::run(&old, &new);
            block(&mut forge);
            forge.number(200_001);
            forge.end()
        }),
        ("frame larger than its content can be", {
            let mut forge = Forge::run(&old, &new);
            block(&mut forge);
            forge.number(0);
            forge.number(1 << 40);
            forge.end()
        }),
        ("another content", with(3000, &[], &frame)),
        ("more content than files", {
            let mut forge = Forge::run(&old, &new);
            forge.block(6000, &[], &pack_frame(&[&content(&new)[..], &[0; 3000]].concat()));
            forge.end()
        }),
        ("a block too many", {
            let mut forge = Forge::run(&old, &new);
            forge.block(3000, &[], &pack_frame(&content(&new)));
            forge.block(3000, &[], &frame);
            forge.end()
        }),
        ("number in too many bytes", Forge::run(&old, &new).with(&[2, 0x80, 0x00]).end()),
        (
            "number over 64 bits",
            Forge::run(&old, &new).with(&[2]).with(&[0xff; 9]).with(&[2]).end(),
        ),
        ("number without end", Forge::run(&old, &new).with(&[2]).with(&[0xff; 40]).end()),
        ("manifest over its limit", {
            let mut forge = Forge::header(old.manifest().digest(), new.manifest().digest());
            forge.number((64 << 20) + 1);
            forge.end()
        }),
        ("manifest that is none", {
            let mut forge = Forge::header(old.manifest().digest(), new.manifest().digest());
            forge.number(4);
            forge.frame(&pack_frame(b"none"));
            forge.end()
        }),
        ("no delta", b"PK\x03\x04 and so on, and so on, and so on".to_vec()),
        ("nothing", Vec::new()),
        ("older format", [b"EXUDELT2", &delta(&old, &new, 3)[8..]].concat()),
        ("newer format", [b"EXUDELT4", &delta(&old, &new, 3)[8..]].concat()),
    ];
    for (name, patch) in cases {
        let (result, _) = applied(&old, &patch);
        assert!(result.is_err(), "{name}");
    }
    let mut good = Forge::run(&old, &new);
    good.block(3000, &[[changed, 0, 3000]], &pack_frame(&content(&new)));
    assert!(applied(&old, &good.end()).0.is_ok(), "the forge makes good ones when told to");
}

#[test]
fn a_delta_that_lies_about_its_result_is_refused() {
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    let mut forge = Forge::header(old.manifest().digest(), Digest::of(b"something else"));
    forge.bytes.extend(&patch[72..patch.len() - 33]);
    assert!(matches!(applied(&old, &forge.end()).0, Err(Error::WrongResult { .. })));
}

#[test]
fn limits_of_the_reader_are_kept() {
    let (old, new) = pair();
    let patch = delta(&old, &new, 3);
    let all = Limits::default();
    let bundle = exuvia_bundle::Limits { manifest_length: 10, ..all.bundle };
    for (limits, wanted) in [
        (Limits { block: 2999, ..all }, Bound::Block),
        (Limits { reference: 2999, ..all }, Bound::Reference),
        (Limits { slices: 0, ..all }, Bound::Slices),
        (Limits { bundle, ..all }, Bound::Manifest),
    ] {
        let result = apply(&old, &mut &patch[..], &limits, &mut MemoryTree::default());
        assert!(matches!(result, Err(Error::Limit { bound, .. }) if bound == wanted), "{wanted:?}");
    }
    let files = new.manifest().files() - 1;
    let few = Limits { bundle: exuvia_bundle::Limits { files, ..all.bundle }, ..all };
    let result = apply(&old, &mut &patch[..], &few, &mut Untouched);
    assert!(matches!(result, Err(Error::Bundle(exuvia_bundle::Error::Limit { .. }))));
    assert!(all.memory() <= 65 << 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// With the checksum put right, damage reaches everything behind it.
    #[test]
    fn a_damaged_delta_never_gives_a_wrong_result(
        damage in proptest::collection::vec((any::<sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<sample::Index>()),
    ) {
        let (old, new) = pair();
        let mut patch = delta(&old, &new, 3);
        patch.truncate(patch.len() - 32);
        for (at, byte) in damage {
            let at = at.index(patch.len());
            patch[at] = byte;
        }
        if let Some(cut) = cut {
            patch.remove(cut.index(patch.len()));
        }
        let patch = Forge { bytes: patch }.seal();
        let _ = info(&mut &patch[..]);
        if let (Ok(result), stream) = applied(&old, &patch) {
            prop_assert_eq!(result.manifest, new.manifest().digest());
            prop_assert_eq!(stream, packed(&new));
        }
    }

    #[test]
    fn any_bytes_behind_a_good_header_are_refused(rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (old, new) = pair();
        let patch = Forge::header(old.manifest().digest(), new.manifest().digest()).with(&rest).seal();
        prop_assert!(applied(&old, &patch).0.is_err());
    }
}

/// One file changes, one is kept, one moves.
fn pair() -> (MemoryTree, MemoryTree) {
    let old = noise(1, 3000);
    let new = [&old[..1000], &noise(2, 100), &old[1100..]].concat();
    let (kept, moved) = (noise(3, 1000), noise(4, 1000));
    let old = tree([("changed", old), ("dir/x", moved.clone()), ("kept", kept.clone())]);
    (old, tree([("changed", new), ("dir/y", moved), ("kept", kept)]))
}

fn content(new: &MemoryTree) -> Vec<u8> {
    let path = exuvia_bundle::RelPath::new("changed").unwrap();
    new.bytes(&path).unwrap().to_vec()
}

fn pack_frame(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 1).unwrap()
}

/// A frame header that claims 2^60 bytes of content in one segment, and one block of zeros.
fn bomb() -> Vec<u8> {
    let mut frame = b"\x28\xb5\x2f\xfd\xe0".to_vec();
    frame.extend((1_u64 << 60).to_le_bytes());
    frame.extend([0x03, 0x00, 0x10, 0x00]);
    frame
}

/// Writes deltas as it is told.
struct Forge {
    bytes: Vec<u8>,
}

impl Forge {
    fn header(base: Digest, result: Digest) -> Self {
        Self { bytes: [&b"EXUDELT3"[..], base.as_bytes(), result.as_bytes()].concat() }
    }

    /// Up to the manifest of `new`.
    fn start(old: &MemoryTree, new: &MemoryTree) -> Self {
        let mut forge = Self::header(old.manifest().digest(), new.manifest().digest());
        let manifest = new.manifest().encode();
        forge.number(manifest.len() as u64);
        forge.frame(&pack_frame(&manifest));
        forge
    }

    /// Up to the block that the one fresh file needs.
    fn run(old: &MemoryTree, new: &MemoryTree) -> Self {
        Self::start(old, new).with(&[1, 1])
    }

    fn long_run(old: &MemoryTree, new: &MemoryTree) -> Vec<u8> {
        let mut forge = Self::start(old, new).with(&[1, 2]);
        forge.block(3000, &[], &pack_frame(&content(new)));
        forge.end()
    }

    fn block(&mut self, length: u64, slices: &[[u64; 3]], frame: &[u8]) {
        self.bytes.push(2);
        self.number(length);
        self.number(slices.len() as u64);
        slices.iter().flatten().for_each(|&number| self.number(number));
        self.frame(frame);
    }

    fn frame(&mut self, frame: &[u8]) {
        self.number(frame.len() as u64);
        self.bytes.extend(frame);
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn with(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    fn end(self) -> Vec<u8> {
        self.with(&[0]).seal()
    }

    fn seal(self) -> Vec<u8> {
        let checksum = Digest::of(&self.bytes);
        self.with(checksum.as_bytes()).bytes
    }
}

/// An output that must not be touched.
struct Untouched;

#[rustfmt::skip]
impl Sink for Untouched {
    fn begin(&mut self, _: &Manifest) -> io::Result<()> { panic!("begun") }
    fn dir(&mut self, path: &RelPath) -> io::Result<()> { panic!("{path}") }
    fn file(&mut self, path: &RelPath, _: bool, _: u64) -> io::Result<()> { panic!("{path}") }
    fn data(&mut self, _: &[u8]) -> io::Result<()> { panic!("data") }
    fn end_file(&mut self) -> io::Result<()> { panic!("ended") }
    fn link(&mut self, path: &RelPath, _: &str) -> io::Result<()> { panic!("{path}") }
}
