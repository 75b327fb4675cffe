//! What only Linux does this way.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use rustix::fs::{self, RenameFlags};
use rustix::io::Errno;

use super::unix::Handle;
use crate::dir::Exchange;

/// `renameat2(RENAME_EXCHANGE)`. `ENOSYS` is an old kernel, `EINVAL` a file system without it
/// (FUSE, NFS, ZFS before 2.2), `EPERM` and `EOPNOTSUPP` what some sandboxes and overlays answer.
/// `EINVAL` also means one entry inside the other, which no fallback makes work either.
pub(crate) fn exchange(a: &Handle, x: &OsStr, b: &Handle, y: &OsStr) -> io::Result<Exchange> {
    match fs::renameat_with(a, x, b, y, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Exchange::Exchanged),
        Err(errno) if means_unsupported(errno) => Ok(Exchange::Unsupported),
        Err(errno) => Err(errno.into()),
    }
}

/// Where it is a right that is missing after all, what is tried instead is told so too.
fn means_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM)
}

pub(crate) fn flush(file: &File) -> io::Result<()> {
    Ok(fs::fsync(file)?)
}

pub(crate) fn flush_dir(dir: &Handle) -> io::Result<()> {
    Ok(fs::fsync(dir)?)
}

/// Writes out the whole file system in one pass.
pub(crate) fn flush_all(dir: &Handle) -> io::Result<()> {
    Ok(fs::syncfs(dir)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_that_forbids_the_exchange_is_a_system_without_it() {
        assert!(means_unsupported(Errno::PERM));
        assert!(!means_unsupported(Errno::ACCESS) && !means_unsupported(Errno::NOSPC));
    }
}
