//! Making a delta.

mod blocks;
mod decide;
mod encode;
mod jobs;
mod output;
mod pieces;
mod rolling;
mod shingles;
mod similar;
mod window;

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    thread,
};

use exuvia_bundle::{Digest, Entry, Manifest, Node, RelPath, Tree, pack};

use self::{blocks::Blocks, output::Output, shingles::Shingles, similar::Similar};
use crate::{Error, MAGIC, origin::Origins, tag};

/// How a delta is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Zstandard's level, 1 to 22.
    pub level: i32,
    /// Things done at the same time, as far as memory goes. Makes no difference to the bytes. By
    /// default one for each processor, four at most.
    pub threads: usize,
    /// Bytes of memory to make do with, at least 256 MiB. A file that would take more is not walked
    /// but packed in blocks, so this may make a difference to the bytes. 3 GiB by default, enough
    /// to walk files of about 250 MB.
    pub memory: u64,
    /// Bytes a second of the line that the delta is made for. Walks are small and take processor
    /// time to apply, blocks are larger and fast: each file is done in the way that is there and
    /// applied the soonest. 250,000 (2 Mbit/s) by default, which takes blocks only where walks gain
    /// little; [`u64::MAX`] for blocks alone.
    pub line: u64,
}

impl Default for Options {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { level: 19, threads: processors.min(4), memory: 3 << 30, line: 250_000 }
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
    /// Digest of the old tree's manifest.
    pub base: Digest,
    /// Digest of the new tree's manifest.
    pub result: Digest,
    /// Bytes of the delta.
    pub length: u64,
    /// Files with fresh content.
    pub files: u64,
    /// Of these, files that are walked.
    pub walks: u64,
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
    pack(old, &mut counter)?;
    pack(new, &mut counter)?;

    let (known, manifest) = (old.manifest().encode(), new.manifest().encode());
    let (base, result) = (Digest::of(&known), Digest::of(&manifest));
    let mut output = Output::new(out);
    output.put(MAGIC)?;
    output.put(base.as_bytes())?;
    output.put(result.as_bytes())?;
    output.number(manifest.len() as u64)?;
    let frame = encode::compress(&manifest, &known, options.level)?;
    output.frame(&frame)?;

    let fresh = fresh(old, new)?;
    let total = fresh.iter().map(|file| file.length).sum();
    let mut told = 0;
    let mut progress = |done: u64| {
        // What was tried in vain is done once more: bars do not go back.
        told = done.max(told);
        progress(Progress { phase: Phase::Compress, done: told, total });
    };
    progress(0);
    let walks = jobs::walks(old, new, &fresh, options, &mut progress)?;
    put_fresh(&mut output, old, new, &fresh, &walks, options, &mut progress)?;
    let length = output.finish()?;
    let walks = walks.iter().flatten().count() as u64;
    Ok(Made { base, result, length, files: fresh.len() as u64, walks, fresh: total })
}

/// Bytes of memory that the making of a delta between these trees puts to use at most, on one
/// thread: what the walk along the largest changed file takes.
pub fn memory_wanted(old: &Manifest, new: &Manifest) -> u64 {
    let (origins, similar) = (Origins::new(old), Similar::new(old, new));
    // A file of a new path may share its contents with any of those without one; with the largest.
    let alone = similar.alone().last().map_or(0, |(length, _)| *length);
    let base = |path: &RelPath, length: u64| match similar.same(path) {
        Some(same) => similar.length(same),
        None => similar.to(path, length).map_or(0, |at| similar.length(at)).max(alone),
    };
    let changed = new.entries().iter().filter_map(|Entry { path, node }| match *node {
        Node::File { length, sha256, .. } if origins.of(path, length, sha256).is_none() => {
            Some(jobs::memory(base(path, length), length))
        }
        _ => None,
    });
    changed.max().unwrap_or(0).max(MIN_MEMORY)
}

/// Less is not enough for a block.
const MIN_MEMORY: u64 = 256 << 20;

/// A new file whose content is not in the old tree.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    /// Its place among the new entries, and its length.
    entry: usize,
    length: u64,
    /// The old entry that resembles it, and its length.
    base: Option<(usize, u64)>,
}

fn fresh(old: &dyn Tree, new: &dyn Tree) -> Result<Vec<Fresh>, Error> {
    let origins = Origins::new(old.manifest());
    let similar = Similar::new(old.manifest(), new.manifest());
    let shingles = Shingles::of(old, similar.alone())?;
    let mut fresh = Vec::new();
    for (entry, Entry { path, node }) in new.manifest().entries().iter().enumerate() {
        let Node::File { length, sha256, .. } = *node else { continue };
        if origins.of(path, length, sha256).is_some() {
            continue;
        }
        // The same path is the surest sign, then what the contents share, then names and lengths.
        let mut base = similar.same(path);
        if base.is_none() {
            base = shingles.best(new, entry, length)?;
        }
        let base = base.or_else(|| similar.to(path, length));
        let base = base.map(|at| (at, similar.length(at)));
        fresh.push(Fresh { entry, length, base });
    }
    Ok(fresh)
}

/// Writes all parts: walks as they are, everything else in runs and blocks.
fn put_fresh(
    output: &mut Output<'_>,
    old: &dyn Tree,
    new: &dyn Tree,
    fresh: &[Fresh],
    walks: &[Option<Vec<u8>>],
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let both = || fresh.iter().zip(walks);
    let packed = both().filter(|(_, walk)| walk.is_none()).map(|(file, _)| file);
    let mut blocks = Blocks::plan(old, new, packed, options)?;
    let walked = both().filter(|(_, walk)| walk.is_some());
    let mut done: u64 = walked.map(|(file, _)| file.length).sum();
    let mut at_hand = 0;
    for group in both().collect::<Vec<_>>().chunk_by(|a, b| a.1.is_none() && b.1.is_none()) {
        if let [(file, Some(walk))] = group {
            output.put(&[tag::WALK])?;
            output.number(file.base.map_or(0, |(entry, _)| entry as u64 + 1))?;
            output.number(file.length)?;
            output.frame(walk)?;
            continue;
        }
        output.put(&[tag::RUN])?;
        output.number(group.len() as u64)?;
        for (file, _) in group {
            while at_hand < file.length {
                let content = blocks.put_next(output)?;
                at_hand += content;
                done += content;
                progress(done);
            }
            at_hand -= file.length;
        }
    }
    output.put(&[tag::END])
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
