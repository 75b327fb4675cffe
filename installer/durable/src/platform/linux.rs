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

/// Writes out the whole file system in one pass. `true` if that answer can be trusted: everything is
/// on the device, and a write that failed since the directory was opened has been told.
pub(crate) fn flush_all(dir: &Handle) -> io::Result<bool> {
    fs::syncfs(dir)?;
    let kind = fs::fstatfs(dir)?.f_type as u64;
    Ok(tells_failures(rustix::system::uname().release().to_bytes(), kind))
}

/// Whether `syncfs` tells what failed: data since Linux 5.8, metadata since 5.17, and where the file
/// system writes to the device itself. One that lies over another (overlay, FUSE, network) has its
/// failures told of the files below, if at all.
fn tells_failures(release: &[u8], kind: u64) -> bool {
    const EXT4: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    const F2FS: u64 = 0xf2f5_2010;
    let mut numbers = release.split(|byte| !byte.is_ascii_digit()).map(|digits| {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        digits.parse().unwrap_or(0)
    });
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // What is signed in the system's structure on some machines had 32 bits before.
    version >= (5, 17) && [EXT4, XFS, BTRFS, F2FS].contains(&(kind & 0xffff_ffff))
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
    fn one_answer_is_trusted_of_new_kernels_and_file_systems_with_a_device() {
        const EXT4: u64 = 0xef53;
        const BTRFS_AS_SIGNED: u64 = 0xffff_ffff_9123_683e;
        for (release, kind, wanted) in [
            (&b"6.18.44-fc-v669"[..], EXT4, true),
            (b"5.17", EXT4, true),
            (b"5.17.0-1-amd64", BTRFS_AS_SIGNED, true),
            (b"5.16.9", EXT4, false),
            (b"4.19.0", EXT4, false),
            (b"unknown", EXT4, false),
            (b"6.18.44", 0x794c_7630, false),
            (b"6.18.44", 0x6969, false),
        ] {
            assert_eq!(tells_failures(release, kind), wanted, "{kind:x}");
        }
    }

    #[test]
    fn a_sandbox_that_forbids_the_exchange_is_a_system_without_it() {
        assert!(means_unsupported(Errno::PERM));
        assert!(!means_unsupported(Errno::ACCESS) && !means_unsupported(Errno::NOSPC));
    }
}
