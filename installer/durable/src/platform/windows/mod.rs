//! Windows, by paths: there is no `openat`. Every path is a resolved one (`\\?\…`), so no segment means a
//! device and none is shortened; links and junctions are looked for and refused. Who may write to a
//! directory of ours, and could put one there meanwhile, is checked by whoever opens it.

#![allow(unsafe_code)]

mod system;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_READONLY, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT,
};

use super::Pointers;
use crate::dir::{Access, Entry, Exchange, FileKind, Metadata};
use crate::file::aside_names;
pub(crate) use system::{free_space, is_read_only};

/// A directory, by its path.
pub(crate) type Handle = PathBuf;

/// Making a symbolic link takes a right that users do not have.
pub(crate) const POINTERS: Pointers = Pointers::Files;

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

/// A colon would lead into a stream of another file.
pub(crate) fn is_name(segment: &OsStr) -> bool {
    !segment.as_encoded_bytes().iter().any(|byte| matches!(byte, 0..=31 | b':'))
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

/// Writable, since only such a file may be flushed; read only where that is refused, as for a program
/// that runs. A link is opened itself, and then refused for what it is.
pub(crate) fn open_file(dir: &Handle, name: &OsStr) -> io::Result<File> {
    let path = dir.join(name);
    let open = |write| {
        let mut options = OpenOptions::new();
        options.read(true).write(write);
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS).open(&path)
    };
    let file = open(true).or_else(|_| open(false))?;
    match kind(file.metadata()?.file_type()) {
        FileKind::File => Ok(file),
        FileKind::Dir => Err(io::ErrorKind::IsADirectory.into()),
        FileKind::Link | FileKind::Special => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A user who may not write the lock file of a per-machine installation still locks it.
pub(crate) fn open_lock(dir: &Handle, name: &OsStr) -> io::Result<File> {
    let path = dir.join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    match options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(&path) {
        // The first answer tells what is wrong: it could not be created.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            OpenOptions::new().read(true).open(&path).map_err(|_| error)
        }
        opened => opened,
    }
}

/// There is no `exec`, and children inherit no lock: this process stays, and holds it.
pub(crate) fn keep_across_exec(_file: &File) -> io::Result<bool> {
    Ok(false)
}

/// Replaces a file that stands at the new name. Virus scanners and indexers hold fresh files open for
/// moments, so what is refused for that is tried again for two thirds of a second. What is marked read
/// only is not any more, as a rename over it asks nobody on other systems. A program that runs cannot be
/// replaced, but it may be renamed: it gives way.
pub(crate) fn rename(from: &Handle, old: &OsStr, to: &Handle, new: &OsStr) -> io::Result<()> {
    let (from, target) = (from.join(old), to.join(new));
    let refused = match patiently(|| system::rename(&from, &target)) {
        Err(error) if is_busy(&error) => error,
        result => return result,
    };
    // It is what is renamed that is in use.
    let Ok(found) = fs::symlink_metadata(&target) else { return Err(refused) };
    if found.is_file() && found.file_attributes() & FILE_ATTRIBUTE_READONLY != 0 {
        make_writable(&target, &found)?;
        return patiently(|| system::rename(&from, &target));
    }
    if !found.is_file() || Path::new(new).extension().is_none_or(|end| end != "exe") {
        return Err(refused);
    }
    let aside = give_way(to, new)?.ok_or(refused)?;
    system::rename(&from, &target).inspect_err(|_| {
        // Or nothing would stand there at all.
        let _ = system::rename(&aside, &target);
    })
}

/// Renames a program that runs to a name that the next sweep removes, if it runs no longer then.
fn give_way(dir: &Handle, name: &OsStr) -> io::Result<Option<PathBuf>> {
    let target = dir.join(name);
    for aside in aside_names(name) {
        let aside = dir.join(aside);
        match fs::remove_file(&aside) {
            // An earlier one, which still runs.
            Err(error) if error.kind() != io::ErrorKind::NotFound => continue,
            _ => return system::rename(&target, &aside).map(|()| Some(aside)),
        }
    }
    Ok(None)
}

/// Tries again what is refused because somebody has a file open, for a while.
fn patiently<T>(step: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let mut pause = Duration::from_millis(10);
    for _ in 0..6 {
        match step() {
            Err(error) if is_busy(&error) => std::thread::sleep(pause),
            result => return result,
        }
        pause *= 2;
    }
    step()
}

/// Two that say so, and the one that also means a missing right.
fn is_busy(error: &io::Error) -> bool {
    let busy = [ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION];
    error.raw_os_error().is_some_and(|code| busy.contains(&code.cast_unsigned()))
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

/// A mark of being read only keeps nothing from being removed, as it does not on other systems.
pub(crate) fn remove_file(dir: &Handle, name: &OsStr) -> io::Result<()> {
    let path = dir.join(name);
    let found = fs::symlink_metadata(&path)?;
    if found.is_file() && found.file_attributes() & FILE_ATTRIBUTE_READONLY != 0 {
        make_writable(&path, &found)?;
    }
    // A link to a directory is a directory to the call that removes it.
    patiently(|| match found.file_type().is_symlink() && is_dir(&found) {
        true => fs::remove_dir(&path),
        false => fs::remove_file(&path),
    })
}

/// What was removed in it is gone only when the last process has closed it.
pub(crate) fn remove_dir(dir: &Handle, name: &OsStr) -> io::Result<()> {
    patiently(|| fs::remove_dir(dir.join(name)))
}

#[allow(clippy::permissions_set_readonly_false, reason = "there is nobody else's bit here")]
fn make_writable(path: &Path, found: &fs::Metadata) -> io::Result<()> {
    let mut permissions = found.permissions();
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

fn is_dir(found: &fs::Metadata) -> bool {
    found.file_attributes() & FILE_ATTRIBUTE_DIRECTORY != 0
}

pub(crate) fn metadata(dir: &Handle, name: &OsStr) -> io::Result<Metadata> {
    let metadata = fs::symlink_metadata(dir.join(name))?;
    Ok(Metadata { kind: kind(metadata.file_type()), length: metadata.len(), executable: None })
}

pub(crate) fn entries(dir: &Handle) -> io::Result<Vec<Entry>> {
    fs::read_dir(dir)?
        .map(|entry| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), kind: kind(entry.file_type()?) })
        })
        .collect()
}

/// `FlushFileBuffers`. That a file could only be opened for reading is a failure too.
pub(crate) fn flush(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Renames are written through by themselves; a directory is flushed beyond that where the system lets
/// it be, for what was created and removed in it. Else the file system's journal keeps the order.
pub(crate) fn flush_dir(dir: &Handle) -> io::Result<()> {
    let mut options = OpenOptions::new();
    if let Ok(dir) = options.write(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(dir) {
        let _ = dir.sync_all();
    }
    Ok(())
}

/// Each file is flushed by itself afterwards.
pub(crate) fn flush_all(_dir: &Handle) -> io::Result<bool> {
    Ok(false)
}

/// Links are refused here by looking, which gives no error number.
pub(crate) fn is_link_refused(_errno: i32) -> bool {
    false
}

/// There are no labels here.
pub(crate) fn carry_label<T>(_from: &T, _to: &T) -> bool {
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

#[cfg(test)]
mod tests;
