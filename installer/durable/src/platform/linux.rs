//! What only Linux does this way.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{self, RenameFlags, XattrFlags};
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

/// Gives a file or directory the label of another one; `false` if that has none.
pub(crate) fn carry_label(from: &impl AsFd, to: &impl AsFd) -> bool {
    let Some(wanted) = label(from) else { return false };
    if label(to).as_ref() != Some(&wanted) {
        // The policy has the last word on who may be labelled how.
        let _ = fs::fsetxattr(to, LABEL, &wanted, XattrFlags::empty());
    }
    true
}

fn label(of: &impl AsFd) -> Option<Vec<u8>> {
    let mut value = [0; 256];
    let length = fs::fgetxattr(of, LABEL, &mut value).ok()?;
    value.get(..length).map(<[u8]>::to_vec)
}

const LABEL: &str = "security.selinux";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_that_forbids_the_exchange_is_a_system_without_it() {
        assert!(means_unsupported(Errno::PERM));
        assert!(!means_unsupported(Errno::ACCESS) && !means_unsupported(Errno::NOSPC));
    }
}
