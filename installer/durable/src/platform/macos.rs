//! What only macOS does this way.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use rustix::fs::{self, RenameFlags};
use rustix::io::Errno;

use super::unix::Handle;
use crate::dir::Exchange;

/// `renameatx_np(RENAME_SWAP)`, which APFS has and older file systems do not.
pub(crate) fn exchange(a: &Handle, x: &OsStr, b: &Handle, y: &OsStr) -> io::Result<Exchange> {
    match fs::renameat_with(a, x, b, y, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Exchange::Exchanged),
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => Ok(Exchange::Unsupported),
        Err(errno) => Err(errno.into()),
    }
}

/// `fsync` stops at the drive's cache here; `F_FULLFSYNC` goes through (fcntl(2)). Network file systems
/// and FAT lack it.
pub(crate) fn flush(file: &File) -> io::Result<()> {
    full_flush(file)
}

pub(crate) fn flush_dir(dir: &Handle) -> io::Result<()> {
    full_flush(dir)
}

/// There is no such call here; each file is flushed by itself afterwards.
pub(crate) fn flush_all(_dir: &Handle) -> io::Result<bool> {
    Ok(false)
}

fn full_flush(file: impl std::os::fd::AsFd) -> io::Result<()> {
    match fs::fcntl_fullfsync(&file) {
        Err(Errno::NOTSUP | Errno::INVAL | Errno::NOTTY) => Ok(fs::fsync(&file)?),
        result => Ok(result?),
    }
}

/// There are no labels here.
pub(crate) fn carry_label<T>(_from: &T, _to: &T) -> bool {
    false
}
