//! Copies: stretches and blocks that are as foretold, or have to be looked at.

use std::io::Write;

use super::{Failure, Walk};
use crate::model::coder::Coder;
use crate::model::copies::Copy;
use crate::model::decision::{Decisions, Shape};
use crate::model::{Old, hash, magnitude};

/// Bytes of a block, unless a reference lies across its end.
const BLOCK: usize = 32;
/// A shorter stretch is not asked for as a whole.
const LEAST_STRETCH: usize = 2 * BLOCK;

type Stretch = Decisions<4>;
const STRETCH: Shape = Shape(14, 8);
type Whole = Decisions<5>;
const WHOLE: Shape = Shape(16, 8);

/// What foretells whether a stretch or a block is as foretold.
pub(super) struct Blocks {
    stretch: Stretch,
    block: Whole,
    /// Misses of the last blocks and stretches, the latest in the lowest bit.
    pub(super) missed: u32,
    stretches: u32,
    /// Whether a copy begins.
    first: u32,
}

impl Blocks {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 = Stretch::memory(STRETCH) + Whole::memory(WHOLE);

    pub(super) fn new() -> Self {
        Self {
            stretch: Stretch::new(STRETCH),
            block: Whole::new(WHOLE),
            missed: 0,
            stretches: 0,
            first: 0,
        }
    }
}

/// A block of the stretch at hand.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its references, as indices of fields.
    pub(super) fields: (usize, usize),
    pub(super) class: u32,
    pub(super) exec: bool,
}

impl<C: Coder, O: Old, W: Write> Walk<'_, C, O, W> {
    /// Walks a copy.
    pub(super) fn copy(&mut self, copy: &Copy) -> Result<(), Failure> {
        let length = copy.length as usize;
        let mut done = 0;
        self.blocks.first = 1;
        while done < length {
            self.check()?;
            let position = copy.old.saturating_add(done as u64);
            self.window.load(&mut self.known, position, length - done);
            self.window.aim(&mut self.known, self.out.position());
            self.stretch(copy, length - done);
            done += self.window.len().max(1);
        }
        Ok(())
    }

    /// Walks the stretch in the window; `left` bytes of the copy are not done.
    fn stretch(&mut self, copy: &Copy, left: usize) {
        let length = self.window.len();
        let fields = self.window.fields.len();
        if length >= LEAST_STRETCH {
            let section = self.known.place.section(self.out.position());
            let class = u32::from(section.class);
            let unsure = self.unsure(0, fields);
            let blocks = &mut self.blocks;
            let contexts = [
                hash(blocks.stretches & 0xff, class),
                hash(unsure.min(3) | magnitude(fields as u64) << 2, class),
                hash(
                    magnitude(length as u64),
                    blocks.first | magnitude(copy.length.into()) << 1 | (blocks.stretches & 7) << 8,
                ),
                hash(blocks.missed & 0xff, unsure.min(2)),
            ];
            let set = (blocks.stretches & 7) as usize;
            let clean = Self::truth_is(self.truth, self.out.position(), &self.window.foretold);
            let clean = blocks.stretch.flag(&mut self.coder, contexts, set, clean);
            blocks.stretches = blocks.stretches << 1 | u32::from(!clean);
            if clean {
                blocks.first = 0;
                self.accept(0, length, fields);
                return;
            }
        }
        let (mut at, mut field) = (0, 0);
        while at < length {
            let block = self.cut(at, field);
            self.block(copy, block, left - at);
            (at, field) = (block.end, block.fields.1);
        }
    }

    /// The block that begins at `start`, whose first reference is `field` or later.
    fn cut(&mut self, start: usize, field: usize) -> Block {
        let mut end = (start + BLOCK).min(self.window.len());
        let mut next = field;
        while let Some(field) = self.window.fields.get(next)
            && field.at < end
        {
            end = end.max(field.at + field.width);
            self.window.renew(next, &self.known.learnt);
            next += 1;
        }
        let section = self.known.place.section(self.out.position());
        let (class, exec) = (section.class.into(), section.exec);
        Block { start, end, fields: (field, next), class, exec }
    }

    fn block(&mut self, copy: &Copy, block: Block, left: usize) {
        let Block { start, end, fields, class, .. } = block;
        let unsure = self.unsure(fields.0, fields.1);
        let blocks = &mut self.blocks;
        let (missed, first) = (blocks.missed, blocks.first);
        let long = magnitude(copy.length.into());
        let contexts = [
            hash(missed & 0xff, class),
            hash(missed & 7, first << 8 | long << 10 | unsure.min(3) << 16),
            hash(class, (fields.1 - fields.0) as u32 | unsure << 8),
            hash(missed & 0xffff, 1),
            hash(magnitude(left as u64), first | u32::from(unsure > 0) << 1 | (missed & 1) << 3),
        ];
        let foretold = &self.window.foretold[start..end];
        let clean = Self::truth_is(self.truth, self.out.position(), foretold);
        let clean = blocks.block.flag(&mut self.coder, contexts, (missed & 7) as usize, clean);
        blocks.missed = missed << 1 | u32::from(!clean);
        blocks.first = 0;
        if clean {
            self.accept(start, end, fields.1 - fields.0);
        } else {
            self.inspect(block);
        }
    }

    /// References whose target no copy holds and that were not learnt.
    fn unsure(&self, from: usize, to: usize) -> u32 {
        let fields = &self.window.fields[from..to];
        fields.iter().filter(|field| field.aim.state() == 1).count() as u32
    }

    /// Takes over what is as foretold.
    fn accept(&mut self, start: usize, end: usize, fields: usize) {
        self.out.extend(&self.window.foretold[start..end]);
        self.bytes.pass(end - start);
        self.fields.pass(fields);
    }

    /// Walks a block that is not as foretold.
    fn inspect(&mut self, block: Block) {
        let mut next = block.fields.0;
        let mut at = block.start;
        self.misses = 0;
        while at < block.end {
            if next < block.fields.1 && self.window.fields[next].at == at {
                self.field(block, next);
                at += self.window.fields[next].width;
                next += 1;
                continue;
            }
            let free = if next < block.fields.1 { self.window.fields[next].at } else { block.end };
            let whole = self.out.position().is_multiple_of(4) && at + 4 <= free;
            if whole && self.quad(block, at) {
                at += 4;
                continue;
            }
            self.byte(block, at);
            at += 1;
        }
    }
}
