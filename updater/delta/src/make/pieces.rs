//! Parts of files.

use std::io;

use exuvia_bundle::Tree;

use crate::Error;

/// A part of a file, by its place among all entries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Piece {
    pub(super) entry: usize,
    pub(super) offset: u64,
    pub(super) count: u64,
}

/// Reads pieces of a tree, one after another.
pub(super) fn read(tree: &dyn Tree, pieces: &[Piece]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let start = bytes.len();
        bytes.resize(start + piece.count as usize, 0);
        read_piece(tree, piece, &mut bytes[start..])?;
    }
    Ok(bytes)
}

/// Reads a piece of a tree, which has the length of `into`.
pub(super) fn read_piece(tree: &dyn Tree, piece: &Piece, into: &mut [u8]) -> Result<(), Error> {
    let entry = tree.manifest().entries().get(piece.entry);
    let path = entry.map(|entry| &entry.path);
    let read = path
        .ok_or_else(|| io::ErrorKind::NotFound.into())
        .and_then(|path| tree.open(path)?.read_exact_at(piece.offset, into));
    read.map_err(|source| Error::Read {
        path: path.map(ToString::to_string).unwrap_or_default(),
        source,
    })
}

/// Bytes of these pieces.
pub(super) fn sum<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> u64 {
    pieces.into_iter().map(|piece| piece.count).sum()
}
