//! Files being written: new ones, and replacements of old ones.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::dir::Dir;
use crate::error::{Error, Step};
use crate::platform;
use crate::steps;

/// A new file being written. Durable after [`FileWriter::finish`]; dropping it leaves what was
/// written so far, unflushed.
#[derive(Debug)]
pub struct FileWriter {
    file: File,
    path: PathBuf,
    executable: bool,
}

impl FileWriter {
    pub(crate) fn create(dir: &Dir, name: &OsStr, executable: bool) -> Result<Self, Error> {
        let path = dir.path().join(name);
        let file = steps::mutate(Step::Create, &path, || platform::create(dir.handle(), name))?;
        Ok(Self { file, path, executable })
    }

    /// Sets the mode and flushes contents and mode. The name is durable once the directory has been
    /// flushed too ([`Dir::sync`]).
    ///
    /// Closing comes after the flush, when nothing is left that a failing close could lose.
    ///
    /// # Errors
    /// Local: the mode or the flush failed. The file must then be thought lost.
    pub fn finish(self) -> Result<(), Error> {
        self.set_mode()?;
        steps::mutate(Step::Flush, &self.path, || platform::flush(&self.file))
    }

    /// Sets the mode and leaves the flush to [`Staging::finish`](crate::Staging::finish).
    pub(crate) fn defer(self) -> Result<(), Error> {
        self.set_mode()
    }

    /// The mode comes last and explicitly, so that the umask has no say.
    fn set_mode(&self) -> Result<(), Error> {
        steps::mutate(Step::SetMode, &self.path, || platform::set_mode(&self.file, self.executable))
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        steps::write(&self.file, &self.path, bytes)?;
        Ok(bytes.len())
    }

    /// Does nothing: flushing to the device is [`FileWriter::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that will take the place of another one on [`Replacement::commit`]. Dropping it removes
/// the temporary file and changes nothing.
#[derive(Debug)]
pub struct Replacement {
    dir: Dir,
    name: OsString,
    temporary: OsString,
    writer: Option<FileWriter>,
}

impl Replacement {
    pub(crate) fn begin(dir: Dir, name: &OsStr, executable: bool) -> Result<Self, Error> {
        let mut writer = None;
        let temporary = with_temporary_name(name, |temporary| {
            writer = Some(FileWriter::create(&dir, temporary, executable)?);
            Ok(())
        })?;
        Ok(Self { dir, name: name.to_owned(), temporary, writer })
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// Local.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let path = self.dir.path().join(&self.name);
        Write::write_all(self, bytes).map_err(|source| Error::new(Step::Write, path, source))
    }

    /// Flush the file, rename it over the old one, flush the directory: in this order and nowhere
    /// else. Once the rename is visible the contents are on the device.
    ///
    /// # Errors
    /// Local. When the last flush fails the new bytes may already be visible.
    pub fn commit(mut self) -> Result<(), Error> {
        if let Some(writer) = self.writer.take()
            && let Err(error) = self.flush_and_rename(writer)
        {
            tidy(&self.dir, &self.temporary);
            return Err(error);
        }
        self.dir.sync()
    }

    fn flush_and_rename(&self, writer: FileWriter) -> Result<(), Error> {
        writer.finish()?;
        steps::mutate(Step::Rename, &self.dir.path().join(&self.name), || {
            platform::rename(self.dir.handle(), &self.temporary, self.dir.handle(), &self.name)
        })
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Does nothing: flushing to the device is [`Replacement::commit`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            tidy(&self.dir, &self.temporary);
        }
    }
}

const PREFIX: &str = ".exuvia-tmp-";

/// Calls `create` with fresh names until one is free. Names are unique per process and `create`
/// must refuse existing ones, so two writers never share a temporary file.
pub(crate) fn with_temporary_name(
    name: &OsStr,
    mut create: impl FnMut(&OsStr) -> Result<(), Error>,
) -> Result<OsString, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut temporary = OsString::from(format!("{PREFIX}{}-{number}-", std::process::id()));
        temporary.push(name);
        match create(&temporary) {
            Ok(()) => return Ok(temporary),
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
    }
}

/// Whether a name is one that [`with_temporary_name`] makes.
pub(crate) fn is_temporary_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Names for what gives way while it is in use, which a sweep removes as it does temporary ones.
#[allow(dead_code, reason = "only Windows keeps what is in use from being replaced")]
pub(crate) fn aside_names(name: &OsStr) -> impl Iterator<Item = OsString> {
    (0..8).map(move |number| {
        let mut aside = OsString::from(format!("{PREFIX}aside-{number}-"));
        aside.push(name);
        aside
    })
}

/// Removes a temporary file after a failure. Best effort: the failure is what gets reported.
pub(crate) fn tidy(dir: &Dir, temporary: &OsStr) {
    let path = dir.path().join(temporary);
    let _ = steps::mutate(Step::Remove, &path, || platform::remove_file(dir.handle(), temporary));
}
