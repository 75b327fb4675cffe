//! Removing a tree without ever leaving it.

use std::ffi::OsStr;
use std::io;

use crate::dir::{Dir, FileKind};
use crate::error::{Error, Step};
use crate::platform;
use crate::steps;

/// Deeper trees than this were not made by Exuvia, whose bundles end at 64; each level holds an
/// open directory and a stack frame.
const DEPTH: usize = 256;

/// Removes `name` and all beneath it; nothing to remove is fine.
pub(crate) fn tree(dir: &Dir, name: &OsStr) -> Result<(), Error> {
    level(dir, name, DEPTH)
}

fn level(dir: &Dir, name: &OsStr, depth: usize) -> Result<(), Error> {
    let path = dir.path().join(name);
    let Some(metadata) = dir.metadata(name)? else { return Ok(()) };
    if metadata.kind != FileKind::Dir {
        return gone(steps::mutate(Step::Remove, &path, || {
            platform::remove_file(dir.handle(), name)
        }));
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::new(Step::Remove, &path, io::ErrorKind::InvalidFilename.into()));
    };
    // `subdir` refuses a link, so a directory that was exchanged for one since is not entered.
    let inner = dir.subdir(name)?;
    for entry in inner.entries()? {
        level(&inner, &entry.name, depth)?;
    }
    gone(steps::mutate(Step::Remove, &path, || platform::remove_dir(dir.handle(), name)))
}

/// Somebody else removed it first: as good.
fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
