//! Cutting fresh content into blocks, choosing what each refers to, and compressing them.

use std::{
    collections::{HashSet, VecDeque},
    thread, vec,
};

use exuvia_bundle::Tree;

use super::{
    Fresh, Options, encode,
    output::Output,
    pieces::{Piece, read, sum},
    window::{Anchors, choose},
};
use crate::{Error, Limits, tag};

/// Bytes of content in a block. Together with [`WINDOW`] a power of two, as the compressor's tables
/// are. Blocks twice or four times as large were measured to come out the same to half a percent,
/// and to take longer and more memory on both sides.
const BLOCK: u64 = 7 << 20;
/// Bytes that a block refers to in an old file that is larger.
const WINDOW: u64 = 9 << 20;

/// Bytes of memory in which one block is compressed.
const BLOCK_MEMORY: u64 = 192 << 20;

/// Blocks that are still to be written, in order.
pub(super) struct Blocks<'a> {
    old: &'a dyn Tree,
    new: &'a dyn Tree,
    level: i32,
    threads: usize,
    planned: vec::IntoIter<Block>,
    ready: VecDeque<(Block, Vec<u8>)>,
}

#[derive(Default)]
struct Block {
    /// Pieces of the new tree.
    content: Vec<Piece>,
    /// Pieces of the old tree.
    reference: Vec<Piece>,
}

impl<'a> Blocks<'a> {
    /// Cuts the content of `files` into blocks.
    pub(super) fn plan<'f>(
        old: &'a dyn Tree,
        new: &'a dyn Tree,
        files: impl Iterator<Item = &'f Fresh>,
        options: &Options,
    ) -> Result<Self, Error> {
        let mut builder = Builder::new(old, new);
        for file in files {
            builder.file(file)?;
        }
        builder.flush();
        let room = usize::try_from(options.memory / BLOCK_MEMORY).unwrap_or(usize::MAX);
        let threads = options.threads.min(room).max(1);
        let (planned, ready) = (builder.blocks.into_iter(), VecDeque::new());
        Ok(Self { old, new, level: options.level, threads, planned, ready })
    }

    /// Writes the next block and says how much content it gives.
    pub(super) fn put_next(&mut self, output: &mut Output<'_>) -> Result<u64, Error> {
        if self.ready.is_empty() {
            let next: Vec<Block> = self.planned.by_ref().take(self.threads).collect();
            let frames = self.compress(&next)?;
            self.ready.extend(next.into_iter().zip(frames));
        }
        let missing = Error::Compress { reason: "there is no block left" };
        let (block, frame) = self.ready.pop_front().ok_or(missing)?;
        let content = sum(&block.content);
        output.put(&[tag::BLOCK])?;
        output.number(content)?;
        output.number(block.reference.len() as u64)?;
        for piece in &block.reference {
            output.number(piece.entry as u64)?;
            output.number(piece.offset)?;
            output.number(piece.count)?;
        }
        output.frame(&frame)?;
        Ok(content)
    }

    /// The frames of some blocks, made at the same time.
    fn compress(&self, blocks: &[Block]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |block: &Block| -> Result<_, Error> {
            Ok((read(self.new, &block.content)?, read(self.old, &block.reference)?))
        };
        let inputs = blocks.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let level = self.level;
        thread::scope(|scope| {
            let workers: Vec<_> = inputs
                .iter()
                .map(|(content, prefix)| scope.spawn(|| encode::compress(content, prefix, level)))
                .collect();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| {
                let broken = Err(Error::Compress { reason: "the compressor broke down" });
                worker.join().unwrap_or(broken)
            };
            workers.into_iter().map(join).collect()
        })
    }
}

struct Builder<'a> {
    old: &'a dyn Tree,
    new: &'a dyn Tree,
    limits: Limits,
    blocks: Vec<Block>,
    /// The block at hand, its bytes of content and reference, and what it refers to.
    block: Block,
    length: u64,
    referred: u64,
    refers: HashSet<Piece>,
}

impl<'a> Builder<'a> {
    fn new(old: &'a dyn Tree, new: &'a dyn Tree) -> Self {
        let limits = Limits::default();
        let (blocks, block, refers) = (Vec::new(), Block::default(), HashSet::new());
        Self { old, new, limits, blocks, block, length: 0, referred: 0, refers }
    }

    fn file(&mut self, fresh: &Fresh) -> Result<(), Error> {
        let file = Piece { entry: fresh.entry, offset: 0, count: fresh.length };
        let base = fresh.base.map(|(entry, count)| Piece { entry, offset: 0, count });
        match base {
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
