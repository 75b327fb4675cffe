//! Windows, by paths: there is no `openat` in std. The file system's own journal makes renames
//! durable; only file contents are flushed. Exchange is not there and says so.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::dir::{Access, Entry, Exchange, FileKind, Metadata};

/// A directory, by its path.
pub(crate) type Handle = PathBuf;

pub(crate) fn open_root(path: &Path) -> io::Result<Handle> {
    let path = fs::canonicalize(path)?;
    if fs::metadata(&path)?.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Opens one segment. A link or junction is refused, whatever it points to.
pub(crate) fn open_dir(dir: &Handle, name: &OsStr) -> io::Result<Handle> {
    match metadata(dir, name)?.kind {
        FileKind::Dir => Ok(dir.join(name)),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

pub(crate) fn clone_handle(dir: &Handle) -> io::Result<Handle> {
    Ok(dir.clone())
}

pub(crate) fn make_dir(dir: &Handle, name: &OsStr) -> io::Result<()> {
    fs::create_dir(dir.join(name))
}

/// Access here comes from the parent's inherited rights.
pub(crate) fn set_dir_mode(_dir: &Handle, _access: Access) -> io::Result<()> {
    Ok(())
}

pub(crate) fn create(dir: &Handle, name: &OsStr) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(dir.join(name))
}

/// There is no execute bit here.
pub(crate) fn set_mode(_file: &File, _executable: bool) -> io::Result<()> {
    Ok(())
}

pub(crate) fn open_file(dir: &Handle, name: &OsStr) -> io::Result<File> {
    match metadata(dir, name)?.kind {
        // Writable, since only such a handle may be flushed; read only where that is refused.
        FileKind::File => {
            let path = dir.join(name);
            OpenOptions::new().read(true).write(true).open(&path).or_else(|_| File::open(&path))
        }
        FileKind::Dir => Err(io::ErrorKind::IsADirectory.into()),
        FileKind::Link | FileKind::Special => Err(io::ErrorKind::InvalidInput.into()),
    }
}

pub(crate) fn open_lock(dir: &Handle, name: &OsStr) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(name))
}

pub(crate) fn keep_across_exec(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Virus scanners hold fresh files open for moments, so a refused rename is tried again.
pub(crate) fn rename(from: &Handle, old: &OsStr, to: &Handle, new: &OsStr) -> io::Result<()> {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    let mut pause = std::time::Duration::from_millis(10);
    for _ in 0..6 {
        match fs::rename(from.join(old), to.join(new)) {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION)
                ) =>
            {
                std::thread::sleep(pause);
                pause *= 2;
            }
            result => return result,
        }
    }
    fs::rename(from.join(old), to.join(new))
}

pub(crate) fn exchange(_: &Handle, _: &OsStr, _: &Handle, _: &OsStr) -> io::Result<Exchange> {
    Ok(Exchange::Unsupported)
}

pub(crate) fn symlink(target: &Path, dir: &Handle, name: &OsStr) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, dir.join(name))
}

pub(crate) fn read_link(dir: &Handle, name: &OsStr) -> io::Result<PathBuf> {
    fs::read_link(dir.join(name))
}

pub(crate) fn remove_file(dir: &Handle, name: &OsStr) -> io::Result<()> {
    fs::remove_file(dir.join(name))
}

pub(crate) fn remove_dir(dir: &Handle, name: &OsStr) -> io::Result<()> {
    fs::remove_dir(dir.join(name))
}

pub(crate) fn metadata(dir: &Handle, name: &OsStr) -> io::Result<Metadata> {
    let metadata = fs::symlink_metadata(dir.join(name))?;
    Ok(Metadata { kind: kind(metadata.file_type()), length: metadata.len(), executable: false })
}

pub(crate) fn entries(dir: &Handle) -> io::Result<Vec<Entry>> {
    fs::read_dir(dir)?
        .map(|entry| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), kind: kind(entry.file_type()?) })
        })
        .collect()
}

pub(crate) fn flush(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Directories cannot be flushed here; the journal keeps the order of renames.
pub(crate) fn flush_dir(_dir: &Handle) -> io::Result<()> {
    Ok(())
}

/// Each file is flushed by itself afterwards.
pub(crate) fn flush_all(_dir: &Handle) -> io::Result<bool> {
    Ok(false)
}

pub(crate) fn free_space(_dir: &Handle) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn is_read_only(_dir: &Handle) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Links are refused here by looking, which gives no error number.
pub(crate) fn is_link_refused(_errno: i32) -> bool {
    false
}

fn kind(file_type: fs::FileType) -> FileKind {
    if file_type.is_symlink() {
        FileKind::Link
    } else if file_type.is_dir() {
        FileKind::Dir
    } else if file_type.is_file() {
        FileKind::File
    } else {
        FileKind::Special
    }
}

/// There are no labels here.
pub(crate) fn carry_label<T>(_from: &T, _to: &T) -> bool {
    false
}
