//! The examples in `docs/vectors`, other tar readers, and size.
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::disallowed_types, reason = "a test keeps time")]

use std::{io::Read as _, time::Instant};

use exuvia_bundle::{
    Digest, Entry, Item, Limits, Manifest, MemoryTree, Node, RelPath, Tree, Unpacker, pack,
};

const MANIFEST: &str = include_str!("../../../docs/vectors/manifest.json");
const BUNDLE: &str = include_str!("../../../docs/vectors/bundle.hex");
/// Also stands in the first line of `bundle.hex`.
const DIGEST: &str = "2b39c5c61f5b9f7e7956699a4d53b43f12ff63e46c4086fb657c294fb89968aa";

#[test]
fn the_examples_are_what_this_crate_writes() {
    let tree = example();
    let mut stream = Vec::new();
    let written = pack(&tree, &mut stream).unwrap();
    assert_eq!(hex(&stream, &written.digest), BUNDLE);
    assert_eq!(String::from_utf8(tree.manifest().encode()).unwrap(), MANIFEST);
    assert_eq!(written.digest.to_string(), DIGEST);
}

#[test]
fn the_examples_are_read() {
    let digits: String = BUNDLE.lines().filter(|line| !line.starts_with('#')).collect();
    let stream: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let mut unpacker = Unpacker::new(MemoryTree::default(), Limits::default());
    std::io::Write::write_all(&mut unpacker, &stream).unwrap();
    let bundle = unpacker.finish().unwrap();
    assert_eq!(bundle.digest().to_string(), DIGEST);
    assert_eq!(bundle.manifest().encode(), MANIFEST.as_bytes());
    assert_eq!(bundle.into_sink(), example());
}

#[test]
fn any_tar_reader_lists_a_bundle() {
    let tree = example();
    let mut stream = Vec::new();
    pack(&tree, &mut stream).unwrap();
    let mut archive = tar::Archive::new(&stream[..]);
    let mut entries = archive.entries().unwrap();
    let mut first = entries.next().unwrap().unwrap();
    assert_eq!(first.path().unwrap().to_str(), Some(".exuvia/manifest"));
    let mut manifest = String::new();
    first.read_to_string(&mut manifest).unwrap();
    assert_eq!(manifest, MANIFEST);
    for (expected, entry) in tree.manifest().entries().iter().zip(entries.by_ref()) {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().trim_end_matches('/').to_owned();
        assert_eq!(path, expected.path.as_str());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let mode = entry.header().mode().unwrap();
        let link = entry.link_name().unwrap().map(|link| link.to_str().unwrap().to_owned());
        match &expected.node {
            Node::Dir => assert_eq!((mode, link), (0o755, None)),
            Node::File { executable, length, sha256 } => {
                assert_eq!((mode, link), (if *executable { 0o755 } else { 0o644 }, None));
                assert_eq!((content.len() as u64, Digest::of(&content)), (*length, *sha256));
            }
            Node::Link { target } => assert_eq!((mode, link), (0o777, Some(target.clone()))),
        }
    }
    assert!(entries.next().is_none());
}

#[test]
fn the_time_to_read_a_manifest_grows_with_its_length_only() {
    let time = |count| {
        let bytes = long_manifest(count);
        let start = Instant::now();
        let manifest = Manifest::parse(&bytes, &Limits::default()).unwrap();
        assert_eq!(manifest.entries().len() as u64, count);
        start.elapsed()
    };
    // Generous, as the machine may be busy; what is quadratic takes a hundred times as long.
    let (short, long) = (time(5_000), time(50_000));
    assert!(long < short * 50, "{short:?} for 5,000 entries, {long:?} for 50,000");
}

fn long_manifest(count: u64) -> Vec<u8> {
    let mut entries: Vec<Entry> = (0..1_000).map(|at| dir(&format!("{at:04}"))).collect();
    for at in 1_000..count {
        let path = format!("{:04}/some-file-of-ordinary-name-{at}-é.js", at % 1_000);
        let sha256 = Digest::of(path.as_bytes());
        let node = Node::File { executable: false, length: at, sha256 };
        entries.push(Entry { path: RelPath::new(&path).unwrap(), node });
    }
    Manifest::new(entries).unwrap().encode()
}

fn dir(path: &str) -> Entry {
    Entry { path: RelPath::new(path).unwrap(), node: Node::Dir }
}

/// A directory, files of both modes, a link, a name and a link target over 100 bytes, and one of
/// exactly 100.
fn example() -> MemoryTree {
    let long = format!("share/{}/{}", "directory".repeat(8), "name".repeat(16));
    let exact = format!("share/{}", "x".repeat(94));
    let file = |executable, bytes: &[u8]| Item::File { executable, bytes: bytes.to_vec() };
    MemoryTree::new([
        ("bin/notes", file(true, b"#!/bin/sh\necho notes\n")),
        ("current", Item::Link { target: long.clone() }),
        ("empty", file(false, b"")),
        ("lib.so", Item::Link { target: "bin/notes".to_owned() }),
        ("notes.desktop", file(false, &[b'n'; 512])),
        ("über.txt", file(false, b"ok")),
        (&long, file(false, b"long")),
        (&exact, file(false, b"exactly 100 bytes")),
    ])
    .unwrap()
}

fn hex(stream: &[u8], digest: &Digest) -> String {
    let mut out = format!("# SHA-256 {digest}\n");
    for line in stream.chunks(64) {
        line.iter().for_each(|byte| out.push_str(&format!("{byte:02x}")));
        out.push('\n');
    }
    out
}
