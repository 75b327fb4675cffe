//! Cutting fresh content into blocks, and choosing what each refers to.

use std::{collections::HashSet, io};

use exuvia_bundle::{Entry, Node, Tree};

use super::{
    similar::Similar,
    window::{Anchors, choose},
};
use crate::{Error, Limits, origin::Origins};

/// Bytes of content in a block: half of what the format allows. Together with [`WINDOW`] a power of
/// two, as the compressor's tables are. Blocks twice or four times as large were measured to come
/// out the same to half a percent, and to take longer and more memory on both sides.
const BLOCK: u64 = 7 << 20;
/// Bytes that a block refers to in an old file that is larger.
const WINDOW: u64 = 9 << 20;

pub(super) struct Plan {
    pub(super) blocks: Vec<Block>,
    /// Files with fresh content, and their bytes.
    pub(super) files: u64,
    pub(super) fresh: u64,
}

#[derive(Default)]
pub(super) struct Block {
    /// Pieces of the new tree.
    pub(super) content: Vec<Piece>,
    /// Pieces of the old tree.
    pub(super) reference: Vec<Piece>,
}

/// A part of a file, by its place among all entries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Piece {
    pub(super) entry: usize,
    pub(super) offset: u64,
    pub(super) count: u64,
}

/// Cuts the fresh content of `new` into blocks.
pub(super) fn plan(old: &dyn Tree, new: &dyn Tree, limits: &Limits) -> Result<Plan, Error> {
    let origins = Origins::new(old.manifest());
    let similar = Similar::new(old.manifest(), new.manifest());
    let mut builder = Builder::new(old, new, limits);
    let (mut files, mut fresh) = (0, 0);
    for (entry, Entry { path, node }) in new.manifest().entries().iter().enumerate() {
        let Node::File { length, sha256, .. } = node else { continue };
        if origins.of(path, *length, *sha256).is_some() {
            continue;
        }
        builder.file(Piece { entry, offset: 0, count: *length }, similar.to(path, *length))?;
        files += 1;
        fresh += length;
    }
    builder.flush();
    Ok(Plan { blocks: builder.blocks, files, fresh })
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

struct Builder<'a> {
    old: &'a dyn Tree,
    new: &'a dyn Tree,
    limits: &'a Limits,
    blocks: Vec<Block>,
    /// The block at hand, its bytes of content and reference, and what it refers to.
    block: Block,
    length: u64,
    referred: u64,
    refers: HashSet<Piece>,
}

impl<'a> Builder<'a> {
    fn new(old: &'a dyn Tree, new: &'a dyn Tree, limits: &'a Limits) -> Self {
        let (blocks, block, refers) = (Vec::new(), Block::default(), HashSet::new());
        Self { old, new, limits, blocks, block, length: 0, referred: 0, refers }
    }

    /// Adds a fresh file that resembles the old entry `base`.
    fn file(&mut self, file: Piece, base: Option<usize>) -> Result<(), Error> {
        let base = base.map(|entry| Piece { entry, offset: 0, count: length(self.old, entry) });
        match base.filter(|base| base.count > 0) {
            Some(base) if base.count > WINDOW => self.windowed(file, base),
            base => {
                for piece in self.cut(file) {
                    self.add(piece, base.as_slice());
                }
                Ok(())
            }
        }
    }

    /// A file whose base is too large to refer to as a whole: each block gets parts of it.
    fn windowed(&mut self, file: Piece, base: Piece) -> Result<(), Error> {
        let anchors = Anchors::of(self.old, base)?;
        for piece in self.cut(file) {
            let parts = choose(&anchors, self.new, piece, base, WINDOW)?;
            self.add(piece, &parts);
        }
        Ok(())
    }

    fn cut(&self, file: Piece) -> Vec<Piece> {
        let step = BLOCK;
        (0..file.count.div_ceil(step))
            .map(|at| {
                let offset = at * step;
                Piece { offset, count: step.min(file.count - offset), ..file }
            })
            .collect()
    }

    /// Adds a piece to the block at hand if it and what it refers to fit, else to a new one.
    fn add(&mut self, piece: Piece, reference: &[Piece]) {
        let wanted: Vec<&Piece> = reference.iter().filter(|r| !self.refers.contains(r)).collect();
        let slices = (self.block.reference.len() + wanted.len()) as u64;
        if self.length + piece.count > BLOCK
            || self.referred + sum(wanted.iter().copied()) > self.limits.reference
            || slices > self.limits.slices
        {
            self.flush();
        }
        for &slice in reference {
            if self.refers.insert(slice) {
                self.block.reference.push(slice);
                self.referred += slice.count;
            }
        }
        self.block.content.push(piece);
        self.length += piece.count;
    }

    fn flush(&mut self) {
        let block = std::mem::take(&mut self.block);
        (self.length, self.referred) = (0, 0);
        self.refers.clear();
        if !block.content.is_empty() {
            self.blocks.push(block);
        }
    }
}

/// Bytes of these pieces.
pub(super) fn sum<'a>(pieces: impl Iterator<Item = &'a Piece>) -> u64 {
    pieces.map(|piece| piece.count).sum()
}

fn length(tree: &dyn Tree, entry: usize) -> u64 {
    match tree.manifest().entries().get(entry) {
        Some(Entry { node: Node::File { length, .. }, .. }) => *length,
        _ => 0,
    }
}
