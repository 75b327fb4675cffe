//! What Linux and macOS have in common: everything relative to a directory's file descriptor.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::{Errno, FdFlags};

use super::Pointers;
use crate::dir::{Access, Entry, FileKind, Metadata};

/// An open directory.
pub(crate) type Handle = OwnedFd;

pub(crate) const POINTERS: Pointers = Pointers::Links;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE_MODE: Mode = Mode::from_bits_retain(0o644);
const EXECUTABLE_MODE: Mode = Mode::from_bits_retain(0o755);

pub(crate) fn open_root(path: &Path) -> io::Result<Handle> {
    Ok(fs::open(path, DIRECTORY, Mode::empty())?)
}

/// Opens one segment. A link is refused, whatever it points to.
pub(crate) fn open_dir(dir: &Handle, name: &OsStr) -> io::Result<Handle> {
    Ok(fs::openat(dir, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?)
}

pub(crate) fn clone_handle(dir: &Handle) -> io::Result<Handle> {
    dir.try_clone()
}

pub(crate) fn make_dir(dir: &Handle, name: &OsStr) -> io::Result<()> {
    Ok(fs::mkdirat(dir, name, Mode::RWXU)?)
}

pub(crate) fn set_dir_mode(dir: &Handle, access: Access) -> io::Result<()> {
    let mode = match access {
        Access::Owner => Mode::RWXU,
        Access::Everyone => EXECUTABLE_MODE,
    };
    Ok(fs::fchmod(dir, mode)?)
}

/// `O_EXCL` refuses whatever stands there, a dangling link too. The mode starts at 0600: nobody else
/// reads a half-written file, and its final mode is set when it is finished.
pub(crate) fn create(dir: &Handle, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?))
}

pub(crate) fn set_mode(file: &File, executable: bool) -> io::Result<()> {
    Ok(fs::fchmod(file, if executable { EXECUTABLE_MODE } else { FILE_MODE })?)
}

/// `O_NONBLOCK` so that a fifo planted here cannot make us wait; it is then refused as no file.
pub(crate) fn open_file(dir: &Handle, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::openat(dir, name, flags, Mode::empty())?;
    match kind(fs::FileType::from_raw_mode(fs::fstat(&file)?.st_mode)) {
        FileKind::File => Ok(File::from(file)),
        FileKind::Dir => Err(io::ErrorKind::IsADirectory.into()),
        FileKind::Link | FileKind::Special => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A user who may not write the lock file of a per-machine installation still locks it: `flock`
/// asks for an open file, not for a writable one.
pub(crate) fn open_lock(dir: &Handle, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match fs::openat(dir, name, flags | OFlags::RDWR | OFlags::CREATE, FILE_MODE) {
        Err(error @ (Errno::ACCESS | Errno::ROFS)) => {
            match fs::openat(dir, name, flags | OFlags::RDONLY, Mode::empty()) {
                Ok(file) => Ok(File::from(file)),
                // The first answer tells what is wrong: it could not be created.
                Err(_) => Err(error.into()),
            }
        }
        result => {
            let file = File::from(result?);
            // Whatever the umask was: a user who cannot open it runs a version that nobody sees
            // running. Only its owner may, and has to.
            let _ = fs::fchmod(&file, FILE_MODE);
            Ok(file)
        }
    }
}

/// Whether children hold the lock of this file too from now on.
pub(crate) fn keep_across_exec(file: &File) -> io::Result<bool> {
    rustix::io::fcntl_setfd(file, FdFlags::empty())?;
    Ok(true)
}

/// Any segment is a name.
pub(crate) fn is_name(_segment: &OsStr) -> bool {
    true
}

pub(crate) fn rename(from: &Handle, old: &OsStr, to: &Handle, new: &OsStr) -> io::Result<()> {
    Ok(fs::renameat(from, old, to, new)?)
}

pub(crate) fn symlink(target: &Path, dir: &Handle, name: &OsStr) -> io::Result<()> {
    Ok(fs::symlinkat(target, dir, name)?)
}

pub(crate) fn read_link(dir: &Handle, name: &OsStr) -> io::Result<PathBuf> {
    let target = fs::readlinkat(dir, name, Vec::new())?;
    Ok(OsString::from_vec(target.into_bytes()).into())
}

pub(crate) fn remove_file(dir: &Handle, name: &OsStr) -> io::Result<()> {
    Ok(fs::unlinkat(dir, name, AtFlags::empty())?)
}

pub(crate) fn remove_dir(dir: &Handle, name: &OsStr) -> io::Result<()> {
    Ok(fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?)
}

pub(crate) fn metadata(dir: &Handle, name: &OsStr) -> io::Result<Metadata> {
    let stat = fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    Ok(Metadata {
        kind: kind(fs::FileType::from_raw_mode(stat.st_mode)),
        length: u64::try_from(stat.st_size).unwrap_or(0),
        executable: Some(mode.intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH)),
    })
}

pub(crate) fn entries(dir: &Handle) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    // `read_from` opens the directory anew, so that two listings do not share one position.
    for entry in fs::Dir::read_from(dir.as_fd())? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            // Not every file system tells the type in its listing.
            fs::FileType::Unknown => match metadata(dir, name) {
                Ok(metadata) => metadata.kind,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            },
            known => kind(known),
        };
        entries.push(Entry { name: name.to_owned(), kind });
    }
    Ok(entries)
}

/// Blocks that an ordinary user may still take.
pub(crate) fn free_space(dir: &Handle) -> io::Result<u64> {
    let stat = fs::fstatvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub(crate) fn is_read_only(dir: &Handle) -> io::Result<bool> {
    Ok(fs::fstatvfs(dir)?.f_flag.contains(fs::StatVfsMountFlags::RDONLY))
}

pub(crate) fn is_link_refused(errno: i32) -> bool {
    errno == Errno::LOOP.raw_os_error()
}

fn kind(file_type: fs::FileType) -> FileKind {
    match file_type {
        fs::FileType::RegularFile => FileKind::File,
        fs::FileType::Directory => FileKind::Dir,
        fs::FileType::Symlink => FileKind::Link,
        _ => FileKind::Special,
    }
}
