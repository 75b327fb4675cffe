//! Bundles as streams: what goes in comes out, however it is cut, and nothing else does.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use common::Log;
use exuvia_bundle::{
    Bundle, Digest, Error, Item, Limits, Manifest, MemoryTree, RelPath, Sink, Stream, Tree,
    Unpacker, Writer, pack,
};
use proptest::{collection, prelude::*, sample};

#[test]
fn a_sink_sees_the_tree_in_order() {
    let log = unpack_as(Log::default(), &packed(&example())).unwrap().into_sink();
    let expected = [
        "begin 5",
        "dir bin",
        "file bin/notes true 5 68656c6c6f",
        "end",
        "file empty false 0 ",
        "end",
        "dir lib",
        "link lib/run ../bin/notes",
    ];
    assert_eq!(log.0, expected);
}

#[test]
fn every_flipped_bit_of_every_byte_is_refused() {
    let stream = packed(&example());
    for at in 0..stream.len() {
        for mask in [0x01, 0x80] {
            let mut damaged = stream.clone();
            damaged[at] ^= mask;
            assert!(unpack(&damaged).is_err(), "byte {at}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let stream = packed(&example());
    for length in 0..stream.len() {
        let mut unpacker = Unpacker::new(MemoryTree::default(), Limits::default());
        unpacker.write_all(&stream[..length]).unwrap();
        let refused = unpacker.finish().unwrap_err();
        assert!(matches!(refused, Error::Truncated { length: l } if l == length as u64));
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut stream = packed(&example());
    let length = stream.len() as u64;
    stream.push(0);
    let refused = Error::from_io(unpack(&stream).unwrap_err()).unwrap();
    assert!(matches!(refused, Error::Trailing { length: l } if l == length));
}

#[test]
fn a_file_with_another_content_never_ends() {
    let mut stream = packed(&example());
    let at = stream.windows(5).position(|window| window == b"hello").unwrap();
    stream[at] = b'j';
    let mut log = Log::default();
    let refused = Unpacker::new(&mut log, Limits::default()).write_all(&stream).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    assert!(
        matches!(Error::from_io(refused), Ok(Error::Content { path, .. }) if path == "bin/notes")
    );
    assert!(!log.0.contains(&"end".to_owned()));
}

#[test]
fn an_error_of_the_sink_comes_back_as_it_was() {
    struct Full;
    #[rustfmt::skip]
    impl Sink for Full {
        fn begin(&mut self, _: &Manifest) -> io::Result<()> { Ok(()) }
        fn dir(&mut self, _: &RelPath) -> io::Result<()> { Ok(()) }
        fn file(&mut self, _: &RelPath, _: bool, _: u64) -> io::Result<()> { Ok(()) }
        fn data(&mut self, _: &[u8]) -> io::Result<()> { Err(io::Error::from_raw_os_error(28)) }
        fn end_file(&mut self) -> io::Result<()> { Ok(()) }
        fn link(&mut self, _: &RelPath, _: &str) -> io::Result<()> { Ok(()) }
    }
    let mut unpacker = Unpacker::new(Full, Limits::default());
    let stream = packed(&example());
    let error = unpacker.write_all(&stream).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(28));
    assert!(Error::from_io(error).is_err());
    let again = Error::from_io(unpacker.write_all(&stream).unwrap_err());
    assert!(matches!(again, Ok(Error::Refused)));
    assert!(matches!(unpacker.finish(), Err(Error::Refused)));
}

#[test]
fn a_writer_takes_exactly_what_its_manifest_lists() {
    let tree = example();
    let write = |contents: &[&[u8]]| {
        let mut writer = Writer::new(Stream::new(io::sink()), tree.manifest())?;
        contents.iter().try_for_each(|&(mut content)| writer.file(&mut content))?;
        writer.finish().map(drop)
    };
    assert!(write(&[b"hello", b""]).is_ok());
    assert!(matches!(write(&[b"hello"]), Err(Error::Unwritten { path }) if path == "empty"));
    assert!(matches!(write(&[b"hello", b"", b""]), Err(Error::NoSuchFile)));
    assert!(matches!(write(&[b"hell", b""]), Err(Error::Length { expected: 5, .. })));
    assert!(matches!(write(&[b"hello!", b""]), Err(Error::Length { expected: 5, .. })));
    assert!(matches!(write(&[b"jello", b""]), Err(Error::Content { .. })));
}

proptest! {
    #[test]
    fn any_tree_comes_out_as_it_went_in(tree in any_tree()) {
        let mut stream = Vec::new();
        let written = pack(&tree, &mut stream).unwrap();
        prop_assert_eq!(tree.manifest().digest(), Digest::of(&tree.manifest().encode()));
        prop_assert_eq!(written.length, stream.len() as u64);
        prop_assert_eq!(written.length, tree.manifest().bundle_length());
        let bundle = unpack(&stream).unwrap();
        prop_assert_eq!((bundle.digest(), bundle.length()), (written.digest, written.length));
        prop_assert_eq!(bundle.into_sink(), tree);
    }

    #[test]
    fn a_manifest_has_one_spelling(tree in any_tree()) {
        let manifest = tree.manifest();
        let bytes = manifest.encode();
        prop_assert_eq!(bytes.len() as u64, manifest.encoded_length());
        prop_assert_eq!(&Manifest::parse(&bytes, &Limits::default()).unwrap(), manifest);
    }

    #[test]
    fn how_a_stream_is_cut_makes_no_difference(
        tree in any_tree(),
        cuts in collection::vec(any::<sample::Index>(), 0..20),
        damage in proptest::option::of((any::<sample::Index>(), 1_u8..)),
    ) {
        let mut stream = packed(&tree);
        if let Some((at, mask)) = damage {
            let at = at.index(stream.len());
            stream[at] ^= mask;
        }
        let whole = outcome(&[&stream]);
        prop_assert_eq!(whole.1.is_none(), damage.is_none());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.sort_unstable();
        let mut parts = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts {
            let (part, after) = rest.split_at(cut - (stream.len() - rest.len()));
            parts.push(part);
            rest = after;
        }
        parts.push(rest);
        prop_assert_eq!(&outcome(&parts), &whole);
        prop_assert_eq!(&outcome(&stream.chunks(1).collect::<Vec<_>>()), &whole);
    }

    #[test]
    fn any_bytes_are_taken_for_a_path_only_if_they_can_be_one(path in "\\PC{0,40}|[a-c./\\\\: ]{0,12}") {
        if let Ok(path) = RelPath::new(&path) {
            for segment in path.segments() {
                prop_assert!(!segment.is_empty() && !segment.ends_with(['.', ' ']));
                prop_assert!(!segment.contains(['\\', ':', '/', '\0']));
            }
        }
    }
}

/// What the sink saw, and the refusal. Data up to a wrong byte may reach the sink in other pieces,
/// and a wrong header may be noticed before or after the data in front of it, so of a file that is
/// refused only the name counts.
fn outcome(parts: &[&[u8]]) -> (Vec<String>, Option<String>) {
    let mut log = Log::default();
    let mut unpacker = Unpacker::new(&mut log, Limits::default());
    let written = parts.iter().try_for_each(|part| unpacker.write_all(part));
    let refused = match written {
        Ok(()) => unpacker.finish().err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    (log.0, refused)
}

fn any_tree() -> impl Strategy<Value = MemoryTree> {
    let name = prop_oneof!["[a-z]{1,3}", "[a-zé][a-z0-9 _-]{1,120}[a-z]"];
    let path = collection::vec(name, 1..4).prop_map(|segments| segments.join("/"));
    let length = prop_oneof![0_usize..40, 500_usize..530, 1_000_usize..3_000];
    let content = length.prop_flat_map(|length| collection::vec(any::<u8>(), length));
    let files = collection::btree_map(path, (any::<bool>(), content), 0..12);
    let links = collection::vec(any::<sample::Index>(), 0..4);
    (files, links).prop_filter_map("clashing paths", |(files, links)| {
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        for (at, link) in links.iter().enumerate() {
            if let Some(target) = files.keys().nth(link.index(files.len().max(1))) {
                let target = format!("../{target}");
                items.insert(format!("0links/{at}"), Item::Link { target });
            }
        }
        for (path, (executable, bytes)) in files {
            items.insert(path, Item::File { executable, bytes });
        }
        MemoryTree::new(items.iter().map(|(path, item)| (path.as_str(), item.clone()))).ok()
    })
}

fn example() -> MemoryTree {
    MemoryTree::new([
        ("bin/notes", Item::File { executable: true, bytes: b"hello".to_vec() }),
        ("empty", Item::File { executable: false, bytes: Vec::new() }),
        ("lib/run", Item::Link { target: "../bin/notes".to_owned() }),
    ])
    .unwrap()
}

fn packed(tree: &MemoryTree) -> Vec<u8> {
    let mut stream = Vec::new();
    pack(tree, &mut stream).unwrap();
    stream
}

fn unpack(stream: &[u8]) -> io::Result<Bundle<MemoryTree>> {
    unpack_as(MemoryTree::default(), stream)
}

fn unpack_as<S: Sink>(sink: S, stream: &[u8]) -> io::Result<Bundle<S>> {
    let mut unpacker = Unpacker::new(sink, Limits::default());
    unpacker.write_all(stream)?;
    Ok(unpacker.finish()?)
}
