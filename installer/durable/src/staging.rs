//! A new tree, written freely and made durable at once.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use crate::at::At;
use crate::dir::{Access, Dir, FileKind, make_dir};
use crate::error::{Error, Step};
use crate::file::FileWriter;
use crate::platform;
use crate::steps;

/// A directory tree under construction. Nothing of it is durable before [`Staging::finish`].
#[derive(Debug)]
pub struct Staging {
    root: Dir,
    /// Where the last name was made: names come in order, so the next one mostly goes there too.
    near: RefCell<Option<Dir>>,
}

impl Staging {
    pub(crate) fn new(root: Dir) -> Self {
        Self { root, near: RefCell::new(None) }
    }

    /// Finds the directory of a name and makes something there.
    fn make<T>(
        &self,
        name: &Path,
        make: impl FnOnce(&Dir, &OsStr) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let at = At::find_near(&self.root, name, self.near.take())?;
        let made = make(at.dir(), at.name());
        self.near.replace(at.into_parent());
        made
    }

    /// The directory that is being filled, for reading back.
    pub fn root(&self) -> &Dir {
        &self.root
    }

    /// Creates a directory of mode 0755; its parent must exist.
    ///
    /// # Errors
    /// Local: something of that name exists, or a parent is a link.
    pub fn dir(&self, name: impl AsRef<Path>) -> Result<(), Error> {
        self.make(name.as_ref(), |dir, name| make_dir(dir, name, Access::Everyone).map(drop))
    }

    /// Begins a file of mode 0644 or 0755. End it with [`Staging::end`].
    ///
    /// # Errors
    /// Local: something of that name exists, or a parent is a link.
    pub fn file(&self, name: impl AsRef<Path>, executable: bool) -> Result<FileWriter, Error> {
        self.make(name.as_ref(), |dir, name| FileWriter::create(dir, name, executable))
    }

    /// Ends a file: its mode is set; it is flushed with the whole tree.
    ///
    /// # Errors
    /// Local.
    pub fn end(&self, file: FileWriter) -> Result<(), Error> {
        file.defer()
    }

    /// Creates a whole file at once.
    ///
    /// # Errors
    /// Local.
    pub fn write(
        &self,
        name: impl AsRef<Path>,
        executable: bool,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let name = name.as_ref();
        let mut file = self.file(name, executable)?;
        file.write_all(bytes)
            .map_err(|source| Error::new(Step::Write, self.root.path().join(name), source))?;
        self.end(file)
    }

    /// Creates a symbolic link. The target is stored, not looked at.
    ///
    /// # Errors
    /// Local: something of that name exists, or a parent is a link.
    pub fn link(&self, name: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<(), Error> {
        let target = target.as_ref();
        self.make(name.as_ref(), |dir, name| {
            let path = dir.path().join(name);
            steps::mutate(Step::Link, &path, || platform::symlink(target, dir.handle(), name))
        })
    }

    /// Flushes every file and directory of the tree and opens it to other users (mode 0755). The
    /// entry of the tree itself was flushed when it was created.
    ///
    /// The whole file system is asked to write at once, where the system can: one pass in the
    /// device's order. Where its answer tells every failure, that is all. Else each file and directory
    /// is then flushed by itself, which finds nothing left to write and reports what failed; but that
    /// has the device empty its cache for each of them, a millisecond or more a file.
    ///
    /// # Errors
    /// Local: something could not be flushed; the tree must then be thought lost.
    pub fn finish(self) -> Result<Dir, Error> {
        self.finish_with(platform::flush_all)
    }

    pub(crate) fn finish_with(
        self,
        flush_all: impl FnOnce(&platform::Handle) -> io::Result<bool>,
    ) -> Result<Dir, Error> {
        let root = self.root;
        let flushed = steps::mutate(Step::Flush, root.path(), || flush_all(root.handle()))?;
        root.set_access(Access::Everyone)?;
        match flushed {
            true => root.sync()?,
            false => flush_tree(&root)?,
        }
        Ok(root)
    }
}

/// Flushes files and directories, children before their parent.
fn flush_tree(dir: &Dir) -> Result<(), Error> {
    for entry in dir.entries()? {
        match entry.kind {
            FileKind::Dir => flush_tree(&dir.subdir(&entry.name)?)?,
            FileKind::File => {
                let file = dir.open_file(&entry.name)?;
                let path = dir.path().join(&entry.name);
                steps::mutate(Step::Flush, &path, || platform::flush(&file))?;
            }
            // A link lives in its directory, which is flushed below; others are never made here.
            FileKind::Link | FileKind::Special => {}
        }
    }
    dir.sync()
}
