//! What the tests of deltas share.
#![allow(dead_code, reason = "every test file uses another part")]

use std::io;

use exuvia_bundle::{Item, Manifest, MemoryTree, ReadAt, RelPath, Stream, Tree, pack};
use exuvia_delta::{Applied, Error, Limits, Options, apply, make};

pub(crate) fn tree<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> MemoryTree {
    let item = |bytes| Item::File { executable: false, bytes };
    MemoryTree::new(files.into_iter().map(|(path, bytes)| (path, item(bytes)))).unwrap()
}

pub(crate) fn packed(tree: &MemoryTree) -> Vec<u8> {
    let mut stream = Vec::new();
    pack(tree, &mut stream).unwrap();
    stream
}

pub(crate) fn delta(old: &MemoryTree, new: &MemoryTree, level: i32) -> Vec<u8> {
    let mut options = Options::default();
    options.level = level;
    let mut patch = Vec::new();
    let made = make(old, new, &mut patch, &options, &mut |_| {}).unwrap();
    assert_eq!(made.length, patch.len() as u64);
    patch
}

pub(crate) fn applied(old: &MemoryTree, patch: &[u8]) -> (Result<Applied, Error>, Vec<u8>) {
    let mut out = Vec::new();
    let mut stream = Stream::new(&mut out);
    let result = apply(old, &mut &*patch, &Limits::default(), &mut stream);
    stream.finish().unwrap();
    (result, out)
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
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

/// A tree one file of which was changed behind its manifest's back.
pub(crate) struct Damaged<'a> {
    pub(crate) tree: &'a MemoryTree,
    pub(crate) path: &'a str,
    pub(crate) damage: fn(&mut Vec<u8>),
}

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (&self.0[..]).read_at(offset, buf)
    }
}

impl Tree for Damaged<'_> {
    fn manifest(&self) -> &Manifest {
        self.tree.manifest()
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>> {
        let mut bytes = self.tree.bytes(path).ok_or(io::ErrorKind::NotFound)?.to_vec();
        if path.as_str() == self.path {
            (self.damage)(&mut bytes);
        }
        Ok(Box::new(Bytes(bytes)))
    }
}
