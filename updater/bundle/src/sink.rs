//! Where a tree goes.

use std::io;

use crate::{Manifest, RelPath};

/// Where an [`Unpacker`](crate::Unpacker) or a [`Writer`](crate::Writer) puts a tree. Called in the
/// manifest's order, with what has been checked:
/// [`Sink::begin`] once, then for each entry `dir`, `link`, or `file`, any number of `data` and
/// `end_file`. `end_file` comes only when the content had the right hash. Any error ends the
/// reading and goes to the one who pushes bytes in, as it is.
pub trait Sink {
    /// The manifest is in order; from here on things are written.
    ///
    /// # Errors
    /// The sink's own, here and below.
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()>;

    /// A directory; its parent came before.
    ///
    /// # Errors
    /// The sink's own.
    fn dir(&mut self, path: &RelPath) -> io::Result<()>;

    /// A file begins.
    ///
    /// # Errors
    /// The sink's own.
    fn file(&mut self, path: &RelPath, executable: bool, length: u64) -> io::Result<()>;

    /// The next bytes of the file that began last.
    ///
    /// # Errors
    /// The sink's own.
    fn data(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The file is whole, and its hash is right.
    ///
    /// # Errors
    /// The sink's own.
    fn end_file(&mut self) -> io::Result<()>;

    /// A symbolic link; it may come before what it points to.
    ///
    /// # Errors
    /// The sink's own.
    fn link(&mut self, path: &RelPath, target: &str) -> io::Result<()>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        (**self).begin(manifest)
    }
    fn dir(&mut self, path: &RelPath) -> io::Result<()> {
        (**self).dir(path)
    }
    fn file(&mut self, path: &RelPath, executable: bool, length: u64) -> io::Result<()> {
        (**self).file(path, executable, length)
    }
    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).data(bytes)
    }
    fn end_file(&mut self) -> io::Result<()> {
        (**self).end_file()
    }
    fn link(&mut self, path: &RelPath, target: &str) -> io::Result<()> {
        (**self).link(path, target)
    }
}
