//! Making a delta.

mod encode;
mod plan;
mod similar;
mod window;

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    thread,
};

use exuvia_bundle::{Digest, Hasher, Tree, pack};

use self::plan::Block;
use crate::{Error, Limits, MAGIC};

/// How a delta is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Zstandard's level, 1 to 22.
    pub level: i32,
    /// Blocks compressed at the same time, each in about 180 MiB of memory. Makes no difference to
    /// the bytes. By default one for each processor, four at most.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { level: 19, threads: processors.min(4) }
    }
}

/// How far the making of a delta is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes done in this phase.
    pub done: u64,
    /// Bytes in this phase altogether.
    pub total: u64,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Both trees are read and checked against their manifests.
    Read,
    /// Fresh content is compressed.
    Compress,
}

/// A delta was made. It is not yet proved: whoever publishes it applies it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Made {
    /// Digest of the old bundle.
    pub base: Digest,
    /// Digest of the new bundle.
    pub result: Digest,
    /// Bytes of the delta.
    pub length: u64,
    /// Files with fresh content.
    pub files: u64,
    /// Bytes of fresh content.
    pub fresh: u64,
}

/// Makes the delta from `old` to `new` and writes it to `out`. The same trees, options and build of
/// this crate give the same bytes, however many threads there are.
///
/// # Errors
/// [`Error::Bundle`] if a tree is not what its manifest says; [`Error::Read`], [`Error::Write`],
/// [`Error::Compress`].
pub fn make(
    old: &dyn Tree,
    new: &dyn Tree,
    out: &mut dyn Write,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Made, Error> {
    let total = old.manifest().bundle_length() + new.manifest().bundle_length();
    let mut counter = Counter { done: 0, total, progress };
    let base = pack(old, &mut counter)?.digest;
    let result = pack(new, &mut counter)?.digest;

    let limits = Limits::default();
    let mut output = Output { out, hasher: Hasher::new(), length: 0 };
    output.put(MAGIC)?;
    output.put(base.as_bytes())?;
    output.put(result.as_bytes())?;
    let manifest = new.manifest().encode();
    output.number(manifest.len() as u64)?;
    output.frame(&encode::compress(&manifest, &old.manifest().encode(), options)?)?;

    let plan = plan::plan(old, new, &limits)?;
    let (total, mut done) = (plan.fresh, 0);
    progress(Progress { phase: Phase::Compress, done, total });
    for blocks in plan.blocks.chunks(options.threads.max(1)) {
        for (block, frame) in blocks.iter().zip(compress_all(old, new, blocks, options)?) {
            let content = plan::sum(block.content.iter());
            output.number(content)?;
            output.number(block.reference.len() as u64)?;
            for piece in &block.reference {
                output.number(piece.entry as u64)?;
                output.number(piece.offset)?;
                output.number(piece.count)?;
            }
            output.frame(&frame)?;
            done += content;
            progress(Progress { phase: Phase::Compress, done, total });
        }
    }
    output.number(0)?;
    let checksum = output.hasher.clone().finish();
    output.put(checksum.as_bytes())?;
    output.out.flush().map_err(|source| Error::Write { source })?;
    Ok(Made { base, result, length: output.length, files: plan.files, fresh: plan.fresh })
}

/// The frames of some blocks, made at the same time.
fn compress_all(
    old: &dyn Tree,
    new: &dyn Tree,
    blocks: &[Block],
    options: &Options,
) -> Result<Vec<Vec<u8>>, Error> {
    let read = |block: &Block| -> Result<_, Error> {
        Ok((plan::read(new, &block.content)?, plan::read(old, &block.reference)?))
    };
    let inputs = blocks.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    thread::scope(|scope| {
        let workers: Vec<_> = inputs
            .iter()
            .map(|(content, prefix)| scope.spawn(|| encode::compress(content, prefix, options)))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or(Err(Error::Compress { reason: "the compressor broke down" }))
        };
        workers.into_iter().map(join).collect()
    })
}

/// Takes the bundle of a tree, only to count it.
struct Counter<'a> {
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl Write for Counter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Often enough for a bar, seldom enough to cost nothing.
        const STEP: u64 = 1 << 20;
        let before = self.done / STEP;
        self.done += bytes.len() as u64;
        if self.done / STEP != before || self.done == self.total {
            let (done, total) = (self.done, self.total);
            (self.progress)(Progress { phase: Phase::Read, done, total });
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Output<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
    length: u64,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| Error::Write { source })
    }

    fn number(&mut self, mut number: u64) -> Result<(), Error> {
        while number >= 0x80 {
            self.put(&[(number & 0x7f) as u8 | 0x80])?;
            number >>= 7;
        }
        self.put(&[number as u8])
    }

    fn frame(&mut self, frame: &[u8]) -> Result<(), Error> {
        self.number(frame.len() as u64)?;
        self.put(frame)
    }
}
