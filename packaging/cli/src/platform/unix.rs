use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{Mode, Special};

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const ANY_EXECUTE: u32 = 0o111;

/// Any execute bit makes a file executable (docs/formats.md §4).
pub(crate) fn mode(metadata: &Metadata) -> Mode {
    Mode { executable: metadata.mode() & ANY_EXECUTE != 0 }
}

/// Rights of a file beyond its plain mode, if it has any.
pub(crate) fn special(path: &Path, metadata: &Metadata) -> io::Result<Option<Special>> {
    if metadata.mode() & (SET_UID | SET_GID) != 0 {
        return Ok(Some(Special::SetId));
    }
    Ok(has_capabilities(path)?.then_some(Special::Capabilities))
}

/// Leaves a directory to its owner alone.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o700))
}

pub(crate) fn read_at(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    file.read_at(buf, offset)
}

#[cfg(target_os = "linux")]
fn has_capabilities(path: &Path) -> io::Result<bool> {
    use rustix::io::Errno;
    let mut value = [0; 64];
    match rustix::fs::lgetxattr(path, "security.capability", &mut value) {
        Ok(_) | Err(Errno::RANGE) => Ok(true),
        // No such attribute, or a file system that knows none.
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn has_capabilities(_: &Path) -> io::Result<bool> {
    Ok(false)
}
