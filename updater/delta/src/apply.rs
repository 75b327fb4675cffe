//! Applying a delta.

use std::io::{self, Read};

use exuvia_bundle::{
    Digest, Entry, Error as BundleError, FileWriter, Manifest, Node, Reader, RelPath, Sink, Tree,
    Writer,
};

use crate::{
    Error, Limits,
    base::{Base, unreadable},
    error::Bound,
    frame,
    input::{Input, Part},
    limits::within,
    origin::Origins,
    pool::{Given, Pool},
    tag, walk,
};

/// A delta was applied: the whole new tree came out, as the delta states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Digest of the new tree's manifest.
    pub manifest: Digest,
    /// Bytes of the new bundle.
    pub length: u64,
    /// Files taken over from the old tree as they are.
    pub kept: u64,
    /// Files with fresh content.
    pub fresh: u64,
}

/// Applies a delta to the tree `old` and hands the new tree to `out`; to have it as the stream of a
/// bundle, that is a [`Stream`](exuvia_bundle::Stream). What went there is of no use unless
/// [`Applied`] is returned.
///
/// # Errors
/// Local: [`Error::WrongBase`] and, if a file of the base was changed, [`Error::BaseChanged`];
/// [`Error::Read`], [`Error::Patch`], [`Error::Write`]. Of the repository: all others.
pub fn apply(
    old: &dyn Tree,
    patch: &mut dyn Read,
    limits: &Limits,
    out: &mut dyn Sink,
) -> Result<Applied, Error> {
    let mut input = Input::new(patch);
    let header = input.header()?;
    let known = old.manifest().encode();
    let actual = Digest::of(&known);
    if header.base != actual {
        return Err(Error::WrongBase { expected: header.base, actual });
    }
    let (manifest, digest) = read_manifest(&mut input, &known, limits)?;
    if header.result != digest {
        return Err(Error::WrongResult { expected: header.result, actual: digest });
    }
    let origins = Origins::new(old.manifest());
    let mut fresh = Fresh { input, old, pool: Pool::new(old, limits), run: 0 };
    let mut writer = Writer::new(out, &manifest).map_err(from_bundle)?;
    let (mut kept, mut made) = (0, 0);
    while let Some(Entry { path, node: Node::File { length, sha256, .. } }) = writer.next_file() {
        if let Some(origin) = origins.of(path, *length, *sha256) {
            keep(old, origin, &mut writer)?;
            kept += 1;
        } else {
            fresh.file(*length, writer.begin().map_err(from_bundle)?)?;
            made += 1;
        }
    }
    fresh.finish()?;
    writer.finish().map_err(from_bundle)?;
    Ok(Applied { manifest: digest, length: manifest.bundle_length(), kept, fresh: made })
}

fn read_manifest(
    input: &mut Input<'_>,
    old: &[u8],
    limits: &Limits,
) -> Result<(Manifest, Digest), Error> {
    let length = within(Bound::Manifest, input.number()?, limits.bundle.manifest_length)?;
    let bytes = frame::read(input, length, old)?;
    Ok((Manifest::parse(&bytes, &limits.bundle)?, Digest::of(&bytes)))
}

/// Takes a whole old file over. Its hash is the new entry's, which the writer checks.
fn keep(old: &dyn Tree, path: &RelPath, writer: &mut Writer<'_, impl Sink>) -> Result<(), Error> {
    let file = old.open(path).map_err(|source| unreadable(path, source))?;
    writer.file(&mut Reader::new(&*file)).map_err(|error| match from_bundle(error) {
        Error::Bundle(BundleError::Content { .. } | BundleError::Length { .. }) => {
            Error::BaseChanged { path: path.to_string() }
        }
        error => error,
    })
}

/// Everything of a delta behind the manifest.
struct Fresh<'a> {
    input: Input<'a>,
    old: &'a dyn Tree,
    pool: Pool<'a>,
    /// How many of the files that come next are in the blocks.
    run: u64,
}

impl<'a> Fresh<'a> {
    /// Writes the next fresh file.
    fn file(&mut self, length: u64, out: FileWriter<'_, '_, impl Sink>) -> Result<(), Error> {
        if self.run > 0 {
            self.run -= 1;
            return self.packed(length, out);
        }
        match self.input.byte()? {
            tag::RUN => {
                let run = self.input.number()?;
                self.run = run.checked_sub(1).ok_or_else(|| self.input.syntax())?;
                self.packed(length, out)
            }
            tag::WALK => self.walked(length, out),
            _ => Err(self.input.syntax()),
        }
    }

    fn packed(&mut self, length: u64, mut out: FileWriter<'_, '_, impl Sink>) -> Result<(), Error> {
        let given = match self.pool.give(length, &mut self.input, &mut out) {
            Ok(()) => out.finish().map_err(from_bundle),
            Err(Given::In(error)) => Err(error),
            Err(Given::Out(error)) => Err(from_io(error)),
        };
        given.map_err(|error| explain(error, || self.pool.changed()))
    }

    fn walked(&mut self, length: u64, mut out: FileWriter<'_, '_, impl Sink>) -> Result<(), Error> {
        let base = self.base()?;
        if self.input.number()? != length {
            return Err(self.input.syntax());
        }
        let patch_length = self.input.number()?;
        let mut patch = self.input.part(patch_length);
        let walked = match &base {
            Some(base) => walk::decode(&*base.open(self.old)?, length, &mut patch, &mut out),
            None => walk::decode(&&[][..], length, &mut patch, &mut out),
        };
        let walked = match walked {
            Ok(()) if patch.left() == 0 => out.finish().map_err(from_bundle),
            Ok(()) => Err(patch.damaged()),
            Err(fault) => Err(from_fault(fault, base.as_ref(), &patch)),
        };
        walked.map_err(|error| explain(error, || base?.changed(self.old)))
    }

    /// The old file that a walk goes along, or none.
    fn base(&mut self) -> Result<Option<Base<'a>>, Error> {
        let number = usize::try_from(self.input.number()?).map_err(|_| self.input.syntax())?;
        let Some(at) = number.checked_sub(1) else { return Ok(None) };
        match self.old.manifest().entries().get(at) {
            Some(Entry { path, node: Node::File { sha256, .. } }) => {
                Ok(Some(Base { path, sha256: *sha256 }))
            }
            _ => Err(self.input.syntax()),
        }
    }

    fn finish(mut self) -> Result<(), Error> {
        if self.run != 0 || !self.pool.is_empty() || self.input.byte()? != tag::END {
            return Err(self.input.syntax());
        }
        self.input.finish()
    }
}

/// A wrong file or part may be the fault of an old file: only then is it worth hashing some.
fn explain(error: Error, changed: impl FnOnce() -> Option<Error>) -> Error {
    match error {
        Error::Bundle(_) | Error::Frame { .. } => changed().unwrap_or(error),
        _ => error,
    }
}

/// Sorts why a walk gave nothing.
fn from_fault(fault: walk::Fault, base: Option<&Base<'_>>, patch: &Part<'_, '_>) -> Error {
    match fault {
        walk::Fault::Limit { bound, value, max } => Error::Limit { bound, value, max },
        walk::Fault::Patch(error) | walk::Fault::Out(error) => from_io(error),
        walk::Fault::Old(source) => {
            base.map_or_else(|| patch.damaged(), |base| base.unread(source))
        }
        walk::Fault::Damaged => patch.damaged(),
    }
}

/// Sorts what a [`Writer`] says.
fn from_bundle(error: BundleError) -> Error {
    match error {
        BundleError::Write { source } => Error::Write { source },
        BundleError::Read { path, source } => Error::Read { path, source },
        error => Error::Bundle(error),
    }
}

/// Sorts what came through an `io::Error`: what the delta's bytes say, or a [`FileWriter`].
fn from_io(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|error| match BundleError::from_io(error) {
        Ok(error) => from_bundle(error),
        Err(source) => Error::Write { source },
    })
}
