//! What the fuzz targets do with their bytes; the crate's tests replay the corpora with it.
#![allow(dead_code, reason = "each target uses its own part")]
#![allow(clippy::unwrap_used, reason = "a harness may fail")]

#[path = "shape.rs"]
mod shape;

use std::sync::LazyLock;

use exuvia_bundle::{Digest, Item, Limits as BundleLimits, MemoryTree, Tree};
use exuvia_delta::{Limits, Options, apply, info, make};

/// Everything behind a delta's header, or with a first byte that is odd, behind its manifest. Its
/// checksum is put right, so that what is behind it is reached.
pub(crate) fn container(data: &[u8]) {
    static TREES: LazyLock<(MemoryTree, Vec<u8>)> = LazyLock::new(|| {
        let old =
            tree([("dir/moved", noise(1, 500)), ("file", noise(2, 3000)), ("kept", noise(3, 50))]);
        let new =
            tree([("file", noise(4, 3000)), ("kept", noise(3, 50)), ("other", noise(5, 200))]);
        let manifest = framed_manifest(&new);
        (old, manifest)
    });
    let (base, manifest) = &*TREES;
    let Some((first, rest)) = data.split_first() else { return };
    let start = if first % 2 == 1 { &manifest[..] } else { &[] };
    let patch = sealed(&[b"EXUDELT3", base.manifest().digest().as_bytes(), &[7; 32], start, rest]);
    let _ = info(&mut &patch[..]);
    assert!(applied(base, &patch).is_err(), "no delta has this result");
}

/// A walk of the specification with edits, as a whole delta: it gives its file or nothing.
pub(crate) fn walk(data: &[u8]) {
    let Some(shape::Walk { old, new, walk }) = shape::edited_walk(data) else { return };
    let (base, result) = (tree([("file", old)]), tree([("file", new.clone())]));
    let mut part = vec![3, 1];
    number(&mut part, new.len() as u64);
    number(&mut part, walk.len() as u64);
    let digests = [*base.manifest().digest().as_bytes(), *result.manifest().digest().as_bytes()];
    let head = [&b"EXUDELT3"[..], &digests[0], &digests[1]].concat();
    let patch = sealed(&[&head, &framed_manifest(&result), &part, &walk, &[0]]);
    match applied(&base, &patch) {
        Ok(made) => assert!(made == result),
        Err(_) => assert!(data.len() >= 4, "a walk without an edit is in order"),
    }
}

/// With a first byte that is odd a walk of the specification with edits, else an old file and a
/// walk as they come: without a container, so that nothing has a hash.
pub(crate) fn decode(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    if first % 2 == 0 {
        return exuvia_delta::fuzz::walk(rest);
    }
    let Some(shape::Walk { old, new, walk }) = shape::edited_walk(rest) else { return };
    let length = |bytes: &[u8]| (bytes.len() as u16).to_le_bytes();
    exuvia_delta::fuzz::walk(&[&length(&old)[..], &old, &length(&new), &walk].concat());
}

/// Makes the walk between the two files of a [`shape::pair`], and applies it.
pub(crate) fn round_trip(data: &[u8]) {
    let Some((old, new)) = shape::pair(data) else { return };
    exuvia_delta::fuzz::round_trip(&[&(old.len() as u16).to_le_bytes()[..], &old, &new].concat());
}

/// The delta between the two files of a [`shape::pair`] leads to the new one, whatever they look like.
pub(crate) fn images(data: &[u8]) {
    let Some((old, new)) = shape::pair(data) else { return };
    let (base, new) = (tree([("file", old)]), tree([("file", new)]));
    let mut options = Options::default();
    // A slow line: walks, wherever they save a byte.
    (options.threads, options.level, options.line) = (1, 1, 0);
    let mut patch = Vec::new();
    let made = make(&base, &new, &mut patch, &options, &mut |_| {}).unwrap();
    assert_eq!(made.result, new.manifest().digest());
    assert!(applied(&base, &patch).unwrap() == new);
}

fn applied(base: &MemoryTree, patch: &[u8]) -> Result<MemoryTree, exuvia_delta::Error> {
    let bundle = BundleLimits { bundle_length: 1 << 20, files: 100, ..BundleLimits::default() };
    let limits = Limits { bundle, ..Limits::default() };
    let mut out = MemoryTree::default();
    apply(base, &mut &*patch, &limits, &mut out)?;
    Ok(out)
}

fn tree<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> MemoryTree {
    let item = |bytes| Item::File { executable: false, bytes };
    MemoryTree::new(files.into_iter().map(|(path, bytes)| (path, item(bytes)))).unwrap()
}

/// A manifest as a delta has it: its length, and a frame of one raw block.
fn framed_manifest(new: &MemoryTree) -> Vec<u8> {
    let manifest = new.manifest().encode();
    let length = manifest.len() as u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(length.to_le_bytes());
    frame.extend(&(length << 3 | 1).to_le_bytes()[..3]);
    frame.extend(&manifest);
    let mut framed = Vec::new();
    number(&mut framed, manifest.len() as u64);
    number(&mut framed, frame.len() as u64);
    framed.extend(frame);
    framed
}

fn sealed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.extend(Digest::of(&bytes).as_bytes());
    bytes
}

fn number(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
