use std::fs::{File, Metadata};
use std::io;
use std::os::windows::fs::FileExt as _;
use std::path::Path;

use super::{Mode, Special};

/// Windows keeps no execute bit; the application's own executable is marked by `release`.
pub(crate) fn mode(_: &Metadata) -> Mode {
    Mode { executable: false }
}

pub(crate) fn special(_: &Path, _: &Metadata) -> io::Result<Option<Special>> {
    Ok(None)
}

/// A user's own folders are private already.
pub(crate) fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn read_at(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    file.seek_read(buf, offset)
}
