//! Applying a delta.

use std::io::{self, Read, Write};

use exuvia_bundle::{
    Digest, Entry, Error as BundleError, Hasher, Manifest, Node, Reader, RelPath, Tree, Writer,
};

use crate::{Error, Limits, error::Bound, frame, input::Input, limits::within, origin::Origins};

/// A delta was applied: the whole new bundle came out, with the digest that the delta states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Digest of the new bundle.
    pub digest: Digest,
    /// Bytes of the new bundle.
    pub length: u64,
    /// Files taken over from the old tree as they are.
    pub kept: u64,
    /// Files with fresh content.
    pub fresh: u64,
}

/// Applies a delta to the tree `old`, whose bundle has `old_digest`, and writes the new bundle's
/// stream to `out`. What was written is of no use unless [`Applied`] is returned.
///
/// # Errors
/// Local: [`Error::WrongBase`] and, if a file of the base was changed, [`Error::BaseChanged`];
/// [`Error::Read`], [`Error::Patch`], [`Error::Write`]. Of the repository: all others.
pub fn apply(
    old: &dyn Tree,
    old_digest: Digest,
    patch: &mut dyn Read,
    limits: &Limits,
    out: &mut dyn Write,
) -> Result<Applied, Error> {
    let mut input = Input::new(patch);
    let header = input.header()?;
    if header.base != old_digest {
        return Err(Error::WrongBase { expected: header.base, actual: old_digest });
    }
    let manifest = read_manifest(&mut input, old.manifest(), limits)?;
    let origins = Origins::new(old.manifest());
    let mut fresh = Fresh { input, old, limits, slices: Vec::new(), content: Vec::new(), at: 0 };
    let mut writer = Writer::new(out, &manifest).map_err(from_bundle)?;
    let (mut kept, mut made) = (0, 0);
    while let Some(Entry { path, node: Node::File { length, sha256, .. } }) = writer.next_file() {
        if let Some(origin) = origins.of(path, *length, *sha256) {
            keep(old, origin, &mut writer)?;
            kept += 1;
        } else {
            let written = writer.file(&mut (&mut fresh).take(*length));
            written.map_err(|error| fresh.explain(from_bundle(error)))?;
            made += 1;
        }
    }
    fresh.finish()?;
    let written = writer.finish().map_err(from_bundle)?;
    if written.digest != header.result {
        return Err(Error::WrongResult { expected: header.result, actual: written.digest });
    }
    Ok(Applied { digest: written.digest, length: written.length, kept, fresh: made })
}

fn read_manifest(
    input: &mut Input<'_>,
    old: &Manifest,
    limits: &Limits,
) -> Result<Manifest, Error> {
    let length = within(Bound::Manifest, input.number()?, limits.bundle.manifest_length)?;
    let bytes = frame::read(input, length, &old.encode())?;
    Ok(Manifest::parse(&bytes, &limits.bundle)?)
}

/// Takes a whole old file over. Its hash is the new entry's, which the writer checks.
fn keep(old: &dyn Tree, path: &RelPath, writer: &mut Writer<'_, impl Write>) -> Result<(), Error> {
    let file = old.open(path).map_err(|source| unreadable(path, source))?;
    writer.file(&mut Reader::new(&*file)).map_err(|error| match from_bundle(error) {
        Error::Bundle(BundleError::Content { .. } | BundleError::Length { .. }) => {
            Error::BaseChanged { path: path.to_string() }
        }
        error => error,
    })
}

/// The contents of the blocks, one after another.
struct Fresh<'a> {
    input: Input<'a>,
    old: &'a dyn Tree,
    limits: &'a Limits,
    /// What the block at hand refers to.
    slices: Vec<Slice<'a>>,
    /// Content of the block at hand, given out up to `at`.
    content: Vec<u8>,
    at: usize,
}

struct Slice<'a> {
    path: &'a RelPath,
    sha256: Digest,
    offset: u64,
    count: u64,
}

impl Read for Fresh<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.content.len() {
            self.next_block().map_err(io::Error::other)?;
        }
        let rest = &self.content[self.at..];
        let read = rest.len().min(buf.len());
        buf[..read].copy_from_slice(&rest[..read]);
        self.at += read;
        Ok(read)
    }
}

impl Fresh<'_> {
    fn next_block(&mut self) -> Result<(), Error> {
        // Before the next block is allocated.
        self.content = Vec::new();
        self.at = 0;
        let length = within(Bound::Block, self.input.number()?, self.limits.block)?;
        if length == 0 {
            return Err(self.input.syntax());
        }
        self.read_slices()?;
        let prefix = self.read_prefix()?;
        self.content = frame::read(&mut self.input, length, &prefix)?;
        Ok(())
    }

    fn read_slices(&mut self) -> Result<(), Error> {
        self.slices.clear();
        let slices = within(Bound::Slices, self.input.number()?, self.limits.slices)?;
        let mut sum = 0_u64;
        for _ in 0..slices {
            let entry = usize::try_from(self.input.number()?).ok();
            let entry = entry.and_then(|at| self.old.manifest().entries().get(at));
            let (offset, count) = (self.input.number()?, self.input.number()?);
            sum = within(Bound::Reference, sum.saturating_add(count), self.limits.reference)?;
            match entry {
                Some(Entry { path, node: Node::File { length, sha256, .. } })
                    if count > 0 && offset.checked_add(count).is_some_and(|end| end <= *length) =>
                {
                    self.slices.push(Slice { path, sha256: *sha256, offset, count });
                }
                _ => return Err(self.input.syntax()),
            }
        }
        Ok(())
    }

    fn read_prefix(&self) -> Result<Vec<u8>, Error> {
        let total: u64 = self.slices.iter().map(|slice| slice.count).sum();
        let mut prefix = vec![0; usize::try_from(total).map_err(|_| self.input.syntax())?];
        let mut rest = &mut prefix[..];
        for Slice { path, offset, count, .. } in &self.slices {
            // It fits: the sum of all counts did.
            let (part, after) = rest.split_at_mut(*count as usize);
            let file = self.old.open(path).map_err(|source| unreadable(path, source))?;
            file.read_exact_at(*offset, part).map_err(|source| match source.kind() {
                io::ErrorKind::UnexpectedEof => Error::BaseChanged { path: path.to_string() },
                _ => unreadable(path, source),
            })?;
            rest = after;
        }
        Ok(prefix)
    }

    /// A wrong file or frame may be the fault of an old file: hashes those of the block at hand.
    fn explain(&self, error: Error) -> Error {
        if !matches!(error, Error::Bundle(_) | Error::Frame { .. }) {
            return error;
        }
        let changed = self.slices.iter().find_map(|slice| match hash(self.old, slice.path) {
            Ok(actual) if actual == slice.sha256 => None,
            Ok(_) => Some(Error::BaseChanged { path: slice.path.to_string() }),
            Err(error) => Some(error),
        });
        changed.unwrap_or(error)
    }

    fn finish(mut self) -> Result<(), Error> {
        if self.at != self.content.len() || self.input.number()? != 0 {
            return Err(self.input.syntax());
        }
        self.input.finish()
    }
}

fn hash(old: &dyn Tree, path: &RelPath) -> Result<Digest, Error> {
    let file = old.open(path).map_err(|source| unreadable(path, source))?;
    let mut reader = Reader::new(&*file);
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match reader.read(&mut chunk).map_err(|source| unreadable(path, source))? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&chunk[..read]),
        }
    }
}

/// Sorts what a [`Writer`] says: our own errors come back out of its reader.
fn from_bundle(error: BundleError) -> Error {
    match error {
        BundleError::Write { source } => Error::Write { source },
        BundleError::Read { path, source } => {
            source.downcast::<Error>().unwrap_or_else(|source| Error::Read { path, source })
        }
        error => Error::Bundle(error),
    }
}

fn unreadable(path: &RelPath, source: io::Error) -> Error {
    Error::Read { path: path.to_string(), source }
}
