//! The contents of the blocks, one after another.

use std::io::{self, Write};

use exuvia_bundle::{Entry, Node, Tree};

use crate::{Error, Limits, base::Base, error::Bound, frame, input::Input, limits::within, tag};

/// The block at hand, given out up to `at`.
pub(crate) struct Pool<'a> {
    old: &'a dyn Tree,
    limits: &'a Limits,
    /// What the block at hand refers to.
    slices: Vec<Slice<'a>>,
    content: Vec<u8>,
    at: usize,
}

struct Slice<'a> {
    base: Base<'a>,
    offset: u64,
    count: u64,
}

impl<'a> Pool<'a> {
    pub(crate) fn new(old: &'a dyn Tree, limits: &'a Limits) -> Self {
        Self { old, limits, slices: Vec::new(), content: Vec::new(), at: 0 }
    }

    /// Whether everything was given out.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.content.len()
    }

    /// Writes the next `length` bytes to `out`, reading blocks from `input` as they are needed.
    /// The error of `out` comes back inside the outer one.
    pub(crate) fn give(
        &mut self,
        length: u64,
        input: &mut Input<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Given> {
        let mut left = length;
        while left > 0 {
            if self.is_empty() {
                if input.byte()? != tag::BLOCK {
                    return Err(input.syntax().into());
                }
                self.next_block(input)?;
            }
            let rest = &self.content[self.at..];
            let part = &rest[..usize::try_from(left).unwrap_or(usize::MAX).min(rest.len())];
            out.write_all(part).map_err(Given::Out)?;
            self.at += part.len();
            left -= part.len() as u64;
        }
        Ok(())
    }

    fn next_block(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        // Before the next block is allocated.
        self.content = Vec::new();
        self.at = 0;
        let length = within(Bound::Block, input.number()?, self.limits.block)?;
        if length == 0 {
            return Err(input.syntax());
        }
        self.read_slices(input)?;
        let prefix = self.read_prefix(input)?;
        self.content = frame::read(input, length, &prefix)?;
        Ok(())
    }

    fn read_slices(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        self.slices.clear();
        let slices = within(Bound::Slices, input.number()?, self.limits.slices)?;
        let mut sum = 0_u64;
        for _ in 0..slices {
            let entry = usize::try_from(input.number()?).ok();
            let entry = entry.and_then(|at| self.old.manifest().entries().get(at));
            let (offset, count) = (input.number()?, input.number()?);
            sum = within(Bound::Reference, sum.saturating_add(count), self.limits.reference)?;
            match entry {
                Some(Entry { path, node: Node::File { length, sha256, .. } })
                    if count > 0 && offset.checked_add(count).is_some_and(|end| end <= *length) =>
                {
                    let base = Base { path, sha256: *sha256 };
                    self.slices.push(Slice { base, offset, count });
                }
                _ => return Err(input.syntax()),
            }
        }
        Ok(())
    }

    fn read_prefix(&self, input: &Input<'_>) -> Result<Vec<u8>, Error> {
        let total: u64 = self.slices.iter().map(|slice| slice.count).sum();
        let mut prefix = vec![0; usize::try_from(total).map_err(|_| input.syntax())?];
        let mut rest = &mut prefix[..];
        for Slice { base, offset, count } in &self.slices {
            // It fits: the sum of all counts did.
            let (part, after) = rest.split_at_mut(*count as usize);
            let file = base.open(self.old)?;
            file.read_exact_at(*offset, part).map_err(|source| base.unread(source))?;
            rest = after;
        }
        Ok(prefix)
    }

    /// Whether an old file of the block at hand is not what its manifest says.
    pub(crate) fn changed(&self) -> Option<Error> {
        self.slices.iter().find_map(|slice| slice.base.changed(self.old))
    }
}

/// Why the pool gave nothing.
pub(crate) enum Given {
    /// A block is wrong, or could not be read.
    In(Error),
    /// Whoever takes the content refused it.
    Out(io::Error),
}

impl From<Error> for Given {
    fn from(error: Error) -> Self {
        Self::In(error)
    }
}
