//! Putting a tree together: a bundle stream goes in, a flushed directory comes out, or nothing.

use crate::error::Error;
use exuvia_bundle::{Limits, Manifest, Node, RelPath, Sink, Unpacker};
use exuvia_core::Digest;
use exuvia_core::release::Facts;
use exuvia_durable::{Dir, FileWriter, Staging};
use std::io::{self, Write};
use std::path::Path;

/// Where the bytes of a bundle come from: it writes them into what it is given.
pub(crate) struct Fill<'a>(pub(crate) &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>);

/// Unpacks the signed bundle into `place` beneath `root`, in place of what an
/// earlier attempt left there. When this returns
/// a manifest, the tree is whole, is the signed one, and is flushed. After an error the space is
/// given back.
pub(crate) fn unpack(
    root: &Dir,
    place: &Path,
    facts: &Facts,
    fill: Fill<'_>,
) -> Result<Manifest, Error> {
    root.remove_tree(place)?;
    enough_space(root, facts.bundle.length)?;
    let result = write_tree(root, place, facts, fill);
    if result.is_err() {
        // Best effort: the failure is what gets reported, and the next prune tries again.
        let _ = root.remove_tree(place);
    }
    result
}

fn write_tree(root: &Dir, place: &Path, facts: &Facts, fill: Fill<'_>) -> Result<Manifest, Error> {
    let signed = &facts.bundle;
    let limits = Limits { bundle_length: signed.length, files: signed.files, ..Limits::default() };
    let sink = Tree { staging: root.stage(place)?, open: None };
    let mut unpacker = Unpacker::new(sink, limits);
    (fill.0)(&mut unpacker).map_err(source)?;
    let bundle = unpacker.finish().map_err(Error::Bundle)?;
    let found = Digest::from_bytes(*bundle.digest().as_bytes());
    if found != signed.digest {
        return Err(Error::WrongBundle { found, signed: signed.digest });
    }
    if bundle.length() != signed.length {
        return Err(Error::WrongFacts { what: "length" });
    }
    if bundle.manifest().files() != signed.files {
        return Err(Error::WrongFacts { what: "files" });
    }
    let program = bundle.manifest().entries().iter().find(|e| e.path.as_str() == facts.executable);
    match program.map(|entry| &entry.node) {
        Some(Node::File { executable: true, .. }) => {}
        _ => return Err(Error::WrongFacts { what: "executable" }),
    }
    let manifest = bundle.manifest().clone();
    bundle.into_sink().staging.finish()?;
    Ok(manifest)
}

/// Moves a finished staging directory, or the one file in it, to its place.
pub(crate) fn settle(
    root: &Dir,
    manifest: &Manifest,
    staging: &Path,
    place: &Path,
    single: bool,
) -> Result<(), Error> {
    if !single {
        return Ok(root.rename(staging, place)?);
    }
    let [only] = manifest.entries() else {
        return Err(Error::WrongFacts { what: "kind: more than one file" });
    };
    root.rename(staging.join(only.path.as_str()), place)?;
    Ok(root.remove_tree(staging)?)
}

/// What a failed `fill` says: our own errors travel inside an `io::Error`.
fn source(error: io::Error) -> Error {
    match exuvia_bundle::Error::from_io(error) {
        Ok(refused) => Error::Bundle(refused),
        Err(error) => match error.downcast::<exuvia_durable::Error>() {
            Ok(disk) => Error::Disk(disk),
            Err(error) => Error::Fill(error),
        },
    }
}

fn enough_space(root: &Dir, length: u64) -> Result<(), Error> {
    let (needed, available) = (length.saturating_add(RESERVE), root.free_space()?);
    if available < needed {
        return Err(Error::Space { path: root.path().to_owned(), needed, available });
    }
    Ok(())
}

struct Tree {
    staging: Staging,
    open: Option<FileWriter>,
}

impl Sink for Tree {
    fn begin(&mut self, _manifest: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn dir(&mut self, path: &RelPath) -> io::Result<()> {
        self.staging.dir(path.as_str()).map_err(carry)
    }

    fn file(&mut self, path: &RelPath, executable: bool, _length: u64) -> io::Result<()> {
        self.open = Some(self.staging.file(path.as_str(), executable).map_err(carry)?);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.open.as_mut().ok_or(io::ErrorKind::InvalidInput)?.write_all(bytes)
    }

    fn end_file(&mut self) -> io::Result<()> {
        let file = self.open.take().ok_or(io::ErrorKind::InvalidInput)?;
        self.staging.end(file).map_err(carry)
    }

    fn link(&mut self, path: &RelPath, target: &str) -> io::Result<()> {
        self.staging.link(path.as_str(), target).map_err(carry)
    }
}

fn carry(error: exuvia_durable::Error) -> io::Error {
    io::Error::new(error.source.kind(), error)
}

/// Left free for records, manifests and everybody else.
const RESERVE: u64 = 16 << 20;
