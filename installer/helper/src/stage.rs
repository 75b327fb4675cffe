//! Putting a tree together: a bundle stream goes in, a flushed directory comes out, or nothing.

use crate::error::Error;
use crate::held::Held;
use exuvia_bundle::{Limits, Manifest, RelPath, Sink, Unpacker};
use exuvia_core::Facts;
use exuvia_durable::{FileWriter, Staging};
use exuvia_plan::{ReleaseRef, check_bundle};
use std::io::{self, Write};
use std::path::Path;

/// Where the bytes of a bundle come from: it writes them into what it is given.
pub(crate) struct Fill<'a>(pub(crate) &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>);

impl Held<'_> {
    /// Unpacks the signed bundle to where a release is put together, in place of what an earlier
    /// attempt left there. When this returns a manifest, the tree is whole, is the signed one, and is
    /// flushed. After an error the space is given back.
    pub(crate) fn unpack(
        &self,
        facts: &Facts,
        next: &ReleaseRef,
        fill: Fill<'_>,
    ) -> Result<Manifest, Error> {
        let (root, staging) = (self.install().root(), self.install().layout().staging(next));
        root.remove_tree(&staging)?;
        root.check_room(facts.bundle.length.saturating_add(RESERVE))?;
        let result = self.write_tree(&staging, facts, fill);
        if result.is_err() {
            // Best effort: the failure is what gets reported, and the next prune tries again.
            let _ = root.remove_tree(&staging);
        }
        result
    }

    fn write_tree(&self, at: &Path, facts: &Facts, fill: Fill<'_>) -> Result<Manifest, Error> {
        let (bundle_length, files) = (facts.bundle.length, facts.bundle.files);
        let sink = Tree { staging: self.install().root().stage(at)?, open: None };
        let mut unpacker =
            Unpacker::new(sink, Limits { bundle_length, files, ..Limits::default() });
        (fill.0)(&mut unpacker).map_err(source)?;
        let bundle = unpacker.finish()?;
        check_bundle(facts, &bundle, self.install().layout().is_single_file())?;
        let manifest = bundle.manifest().clone();
        bundle.into_sink().staging.finish()?;
        Ok(manifest)
    }

    /// Moves what [`unpack`](Self::unpack) put together to its place.
    pub(crate) fn place(&self, next: &ReleaseRef, place: &Path) -> Result<(), Error> {
        let (root, layout) = (self.install().root(), self.install().layout());
        root.rename(layout.put_together(next), place)?;
        Ok(root.remove_tree(layout.staging(next))?)
    }
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
