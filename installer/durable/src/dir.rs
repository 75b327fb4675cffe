//! An open directory, and the durable steps relative to it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::at::{At, segments};
use crate::error::{Error, Step};
use crate::file::{FileWriter, Replacement};
use crate::platform::{self, Handle};
use crate::staging::Staging;
use crate::steps;

/// An open directory. Every operation is relative to the handle, so it stays in this directory even
/// if somebody renames or replaces the path by which it was opened.
///
/// Names are relative paths of one or more plain segments.
#[derive(Debug)]
pub struct Dir {
    handle: Handle,
    path: PathBuf,
}

impl Dir {
    /// Opens an existing directory. The only place where links are followed.
    ///
    /// # Errors
    /// Local: the path is no directory, or may not be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Dir, Error> {
        let path = path.as_ref();
        let handle = platform::open_root(path).map_err(|e| Error::new(Step::Open, path, e))?;
        Ok(Dir { handle, path: path.to_owned() })
    }

    /// Opens a directory, creating it and its missing parents first.
    ///
    /// # Errors
    /// Local: a parent is no directory, or may not be written.
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Dir, Error> {
        let path = path.as_ref();
        match Dir::open(path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Dir::open(path);
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        Dir::open_or_create(parent)?.subdir_or_create(name)
    }

    /// The path by which this directory was opened, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Opens a directory beneath this one.
    ///
    /// # Errors
    /// Local: it does not exist, or a segment is a link or a file.
    pub fn subdir(&self, name: impl AsRef<Path>) -> Result<Dir, Error> {
        let name = name.as_ref();
        let path = self.path.join(name);
        let mut here: Option<Dir> = None;
        for segment in segments(&path, name)? {
            let from = here.as_ref().unwrap_or(self);
            let path = from.path.join(segment);
            let handle = platform::open_dir(&from.handle, segment)
                .map_err(|source| Error::new(Step::Open, &path, source))?;
            here = Some(Dir { handle, path });
        }
        // `segments` gave at least one.
        here.ok_or_else(|| Error::new(Step::Open, path, io::ErrorKind::InvalidInput.into()))
    }

    /// Opens a directory beneath this one, creating its last segment when it is missing.
    ///
    /// # Errors
    /// Local: as [`Dir::subdir`] and [`Dir::create_dir`].
    pub fn subdir_or_create(&self, name: impl AsRef<Path>) -> Result<Dir, Error> {
        let name = name.as_ref();
        match self.subdir(name) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        match self.create_dir(name) {
            // Another process was quicker; what counts is that it is a directory now.
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => self.subdir(name),
            result => result,
        }
    }

    /// Creates a directory (mode 0755) and opens it. Durable on return.
    ///
    /// # Errors
    /// Local: something of that name exists, or this directory may not be written.
    pub fn create_dir(&self, name: impl AsRef<Path>) -> Result<Dir, Error> {
        self.create_dir_with(name.as_ref(), Access::Everyone)
    }

    fn create_dir_with(&self, name: &Path, access: Access) -> Result<Dir, Error> {
        let at = At::find(self, name)?;
        let dir = make_dir(at.dir(), at.name, access)?;
        at.dir().sync()?;
        Ok(dir)
    }

    /// Replaces a file as a whole: write beside, flush, rename over, flush the directory. After a
    /// kill or power cut at any moment the name holds the old bytes or the new bytes.
    /// The mode is 0644.
    ///
    /// # Errors
    /// Local. When the last flush fails the new bytes may already be visible.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
        let mut replacement = self.replace(name, false)?;
        replacement.write_all(bytes)?;
        replacement.commit()
    }

    /// As [`Dir::write`] with mode 0755, for programs.
    ///
    /// # Errors
    /// As [`Dir::write`].
    pub fn write_executable(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
        let mut replacement = self.replace(name, true)?;
        replacement.write_all(bytes)?;
        replacement.commit()
    }

    /// As [`Dir::write`], streamed: nothing changes until [`Replacement::commit`].
    ///
    /// # Errors
    /// Local: the temporary file cannot be created.
    pub fn replace(&self, name: impl AsRef<Path>, executable: bool) -> Result<Replacement, Error> {
        let at = At::find(self, name.as_ref())?;
        Replacement::begin(at.dir().try_clone()?, at.name, executable)
    }

    /// Copies an open program to `name` (mode 0755), durably: its name appears when its content is on
    /// the device.
    ///
    /// # Errors
    /// Local.
    pub fn copy_program(&self, mut from: File, name: impl AsRef<Path>) -> Result<(), Error> {
        let mut out = self.replace(&name, true)?;
        let failed = |source| Error::new(Step::Write, self.path.join(&name), source);
        io::copy(&mut from, &mut out).map_err(failed)?;
        out.commit()
    }

    /// Creates a file that did not exist. Mode 0644 or 0755 whatever the umask.
    ///
    /// # Errors
    /// Local: something of that name exists (a link too), or the directory may not be written.
    pub fn create_file(
        &self,
        name: impl AsRef<Path>,
        executable: bool,
    ) -> Result<FileWriter, Error> {
        let at = At::find(self, name.as_ref())?;
        FileWriter::create(at.dir(), at.name, executable)
    }

    /// Begins a new tree under `name`, which must not exist. Until it is finished nobody else may
    /// enter it (mode 0700), so that what is checked while it is written cannot be changed meanwhile.
    ///
    /// # Errors
    /// Local: as [`Dir::create_dir`].
    pub fn stage(&self, name: impl AsRef<Path>) -> Result<Staging, Error> {
        Ok(Staging::new(self.create_dir_with(name.as_ref(), Access::Owner)?))
    }

    /// Reads a regular file of at most `limit` bytes; `None` when it does not exist.
    ///
    /// # Errors
    /// Local: larger than the limit ([`Kind::TooLarge`](crate::Kind::TooLarge)), no regular file, or unreadable.
    pub fn read(&self, name: impl AsRef<Path>, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let name = name.as_ref();
        let file = match self.open_file(name) {
            Ok(file) => file,
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let fail = |source| Error::new(Step::Read, self.path.join(name), source);
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(fail(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(Some(bytes))
    }

    /// Opens a regular file for reading. Never blocks on a fifo, never follows a link.
    ///
    /// # Errors
    /// Local: it does not exist, is no regular file, or may not be read.
    pub fn open_file(&self, name: impl AsRef<Path>) -> Result<File, Error> {
        let at = At::find(self, name.as_ref())?;
        platform::open_file(&at.dir().handle, at.name)
            .map_err(|source| Error::new(Step::Open, at.path(), source))
    }

    /// What stands under `name`; `None` when nothing does. A link is described, not followed.
    ///
    /// # Errors
    /// Local: the directory may not be searched.
    pub fn metadata(&self, name: impl AsRef<Path>) -> Result<Option<Metadata>, Error> {
        let at = match At::find(self, name.as_ref()) {
            Ok(at) => at,
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match platform::metadata(&at.dir().handle, at.name) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::new(Step::Read, at.path(), source)),
        }
    }

    /// The target of a symbolic link; `None` when nothing of that name exists.
    ///
    /// # Errors
    /// Local: it is no link.
    pub fn read_link(&self, name: impl AsRef<Path>) -> Result<Option<PathBuf>, Error> {
        let at = At::find(self, name.as_ref())?;
        match platform::read_link(&at.dir().handle, at.name) {
            Ok(target) => Ok(Some(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::new(Step::Read, at.path(), source)),
        }
    }

    /// What this directory holds, sorted by name.
    ///
    /// # Errors
    /// Local: it may not be read.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = platform::entries(&self.handle)
            .map_err(|source| Error::new(Step::Read, &self.path, source))?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Renames within this directory (or beneath it), replacing a file that stands at `to`.
    /// Durable on return.
    ///
    /// # Errors
    /// Local. When the flush fails the rename may already be visible: look again.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), Error> {
        self.rename_into(from, self, to)
    }

    /// As [`Dir::rename`], into another directory of the same file system.
    ///
    /// # Errors
    /// As [`Dir::rename`].
    pub fn rename_into(
        &self,
        from: impl AsRef<Path>,
        other: &Dir,
        to: impl AsRef<Path>,
    ) -> Result<(), Error> {
        let from = At::find(self, from.as_ref())?;
        let to = At::find(other, to.as_ref())?;
        steps::mutate(Step::Rename, &from.path(), || {
            platform::rename(&from.dir().handle, from.name, &to.dir().handle, to.name)
        })?;
        // The new name first: a power cut between the two leaves both, never none.
        to.dir().sync()?;
        if from.dir().path != to.dir().path { from.dir().sync() } else { Ok(()) }
    }

    /// Exchanges two entries in one atomic step. Durable on return.
    ///
    /// # Errors
    /// Local. A file system or system that cannot do it is not an error but
    /// [`Exchange::Unsupported`], with nothing changed.
    pub fn exchange(&self, a: impl AsRef<Path>, b: impl AsRef<Path>) -> Result<Exchange, Error> {
        let (a, b) = (At::find(self, a.as_ref())?, At::find(self, b.as_ref())?);
        let done = steps::mutate(Step::Exchange, &a.path(), || {
            platform::exchange(&a.dir().handle, a.name, &b.dir().handle, b.name)
        })?;
        if done == Exchange::Exchanged {
            a.dir().sync()?;
            if a.dir().path != b.dir().path {
                b.dir().sync()?;
            }
        }
        Ok(done)
    }

    /// Points a symbolic link somewhere else by making a new one beside it and renaming it over:
    /// a reader finds the old target or the new one. Durable on return.
    ///
    /// # Errors
    /// Local.
    pub(crate) fn symlink_replace(
        &self,
        name: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<(), Error> {
        let at = At::find(self, name.as_ref())?;
        let (dir, target) = (at.dir(), target.as_ref());
        let temporary = crate::file::with_temporary_name(at.name, |temporary| {
            steps::mutate(Step::Link, &dir.path.join(temporary), || {
                platform::symlink(target, &dir.handle, temporary)
            })
        })?;
        let renamed = steps::mutate(Step::Rename, &at.path(), || {
            platform::rename(&dir.handle, &temporary, &dir.handle, at.name)
        });
        if let Err(error) = renamed {
            crate::file::tidy(dir, &temporary);
            return Err(error);
        }
        dir.sync()
    }

    /// Removes a file or link, if it is there. Durable on return.
    ///
    /// # Errors
    /// Local: it is a directory, or may not be removed.
    pub fn remove_file(&self, name: impl AsRef<Path>) -> Result<(), Error> {
        let at = At::find(self, name.as_ref())?;
        let removed = steps::mutate(Step::Remove, &at.path(), || {
            platform::remove_file(&at.dir().handle, at.name)
        });
        match removed {
            Ok(()) => at.dir().sync(),
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes temporary files that killed writers left in this directory. Only while holding the
    /// lock that all writers of this directory take.
    ///
    /// # Errors
    /// Local.
    pub fn sweep(&self) -> Result<(), Error> {
        for entry in self.entries()? {
            if entry.kind != FileKind::Dir && crate::file::is_temporary_name(&entry.name) {
                self.remove_file(&entry.name)?;
            }
        }
        Ok(())
    }

    /// Flushes this directory: its names, not the contents of its files.
    ///
    /// # Errors
    /// Local.
    pub fn sync(&self) -> Result<(), Error> {
        steps::mutate(Step::Flush, &self.path, || platform::flush_dir(&self.handle))
    }

    /// Bytes that this user may still write to this file system.
    ///
    /// # Errors
    /// Local.
    pub fn free_space(&self) -> Result<u64, Error> {
        platform::free_space(&self.handle)
            .map_err(|source| Error::new(Step::FreeSpace, &self.path, source))
    }

    /// Whether that many bytes can be written here.
    ///
    /// # Errors
    /// Local: [`Kind::DiskFull`](crate::Kind::DiskFull) if not.
    pub fn check_room(&self, needed: u64) -> Result<(), Error> {
        let free = self.free_space()?;
        if free >= needed {
            return Ok(());
        }
        let full = format!("{needed} bytes are needed, {free} are free");
        let full = io::Error::new(io::ErrorKind::StorageFull, full);
        Err(Error::new(Step::MakeRoom, &self.path, full))
    }

    /// Whether the file system takes no change.
    ///
    /// # Errors
    /// Local.
    pub fn is_read_only(&self) -> Result<bool, Error> {
        platform::is_read_only(&self.handle)
            .map_err(|source| Error::new(Step::FreeSpace, &self.path, source))
    }

    /// Sets the mode exactly, so that the umask has no say. Not flushed.
    pub(crate) fn set_access(&self, access: Access) -> Result<(), Error> {
        steps::mutate(Step::SetMode, &self.path, || platform::set_dir_mode(&self.handle, access))
    }

    /// A second handle of the same directory.
    ///
    /// # Errors
    /// Local: too many open files.
    pub fn try_clone(&self) -> Result<Dir, Error> {
        let handle = platform::clone_handle(&self.handle)
            .map_err(|source| Error::new(Step::Open, &self.path, source))?;
        Ok(Dir { handle, path: self.path.clone() })
    }
}

/// What [`Dir::exchange`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Exchange {
    /// The two entries have changed places.
    Exchanged,
    /// This file system or system has no such step; nothing was changed.
    Unsupported,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without any path.
    pub name: OsString,
    /// What it is.
    pub kind: FileKind,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A device, socket or fifo.
    Special,
}

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// Length in bytes, for a regular file.
    pub length: u64,
    /// Whether any execute bit is set; `None` where the system keeps none.
    pub executable: Option<bool>,
}

/// Who may enter a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Mode 0700.
    Owner,
    /// Mode 0755.
    Everyone,
}

/// Creates a directory without flushing its parent.
pub(crate) fn make_dir(parent: &Dir, name: &OsStr, access: Access) -> Result<Dir, Error> {
    let path = parent.path.join(name);
    steps::mutate(Step::CreateDir, &path, || platform::make_dir(&parent.handle, name))?;
    let handle = platform::open_dir(&parent.handle, name)
        .map_err(|source| Error::new(Step::Open, &path, source))?;
    let dir = Dir { handle, path };
    dir.set_access(access)?;
    Ok(dir)
}
