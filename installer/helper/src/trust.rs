//! The same verifier as everywhere, over a folder of metadata files.

use crate::error::Error;
use exuvia_core::offline::{self, Learnt};
use exuvia_core::{App, Channel, Floors, Limits, Platform, Releases, Start, Time};
use exuvia_durable::{Dir, Kind};
use std::path::Path;

/// Verifies the metadata in `folder` from `root` on. What it taught holds, also when it is refused.
pub(crate) fn read(
    root: &[u8],
    floors: Floors,
    folder: &Path,
    whose: (&App, &Channel, &Platform),
    now: Time,
) -> Result<(Learnt, Result<Releases, Error>), Error> {
    let files = Dir::open(folder)?;
    let start = Start { embedded: root, stored: None, floors, now, limits: Limits::default() };
    Ok(offline::releases(start, whose, &mut |name, limit| match files.read(name, limit) {
        Err(error) if error.kind() == Kind::TooLarge => {
            Err(exuvia_core::Error::TooLong { role: name.to_owned(), limit }.into())
        }
        other => Ok(other?),
    }))
}
