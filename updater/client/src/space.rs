//! Whether a download and what it becomes fit on the disk.

use std::path::Path;

use exuvia_durable::Dir;

use crate::error::LocalError;
use crate::part;

/// Room for `download` more bytes in `cache`, those held already included, and for a version of
/// `staged` bytes beside the one at `place`.
///
/// # Errors
/// [`LocalError::NoSpace`] with what is needed and what is there.
pub(crate) fn check(
    cache: &Path,
    download: u64,
    place: &Path,
    staged: u64,
) -> Result<(), LocalError> {
    let free = Dir::open_or_create(cache)?.free_space()?;
    let download = download.saturating_sub(part::held(cache));
    enough(cache, download, free)?;
    let staged = staged.saturating_add(RESERVE);
    // A first installation's place does not exist yet.
    let Some(root) = place.ancestors().find(|path| path.is_dir()) else { return Ok(()) };
    let beside = Dir::open(root)?.free_space()?;
    // Two disks with the same room to a mebibyte are one. Taken for one by chance, they are asked for
    // more than they need; taken for two, the helper still looks before it writes.
    let needed = if beside.abs_diff(free) < NOISE { staged + download } else { staged };
    enough(root, needed, beside)
}

fn enough(path: &Path, needed: u64, free: u64) -> Result<(), LocalError> {
    match needed > free {
        true => Err(LocalError::NoSpace { path: path.to_owned(), needed, free }),
        false => Ok(()),
    }
}

/// What the helper leaves free.
const RESERVE: u64 = 16 << 20;
/// What others write and remove between two looks.
const NOISE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(download: u64, staged: u64) -> Option<u64> {
        let dir = tempfile::tempdir().unwrap();
        let (cache, place) = (dir.path().join("cache"), dir.path().join("apps/notes"));
        match check(&cache, download, &place, staged) {
            Err(LocalError::NoSpace { needed, free, .. }) => {
                assert!(free < needed);
                Some(needed)
            }
            other => other.map(|()| None).unwrap(),
        }
    }

    #[test]
    fn a_download_and_the_new_version_both_need_room() {
        let dir = tempfile::tempdir().unwrap();
        let free = Dir::open(dir.path()).unwrap().free_space().unwrap();
        let (most, half) = (free / 10 * 9, free / 10 * 6);
        assert_eq!(needed(most, 0), None);
        assert_eq!(needed(0, most), None);
        assert_eq!(needed(half, half), Some(half + half + RESERVE));
        assert_eq!(needed(1 << 60, 0), Some(1 << 60));
    }

    #[test]
    fn what_is_held_already_needs_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let free = Dir::open(dir.path()).unwrap().free_space().unwrap();
        std::fs::write(dir.path().join("a.part"), vec![0; 1 << 20]).unwrap();
        assert!(check(dir.path(), free + (256 << 20), dir.path(), 0).is_err());
        let held = part::held(dir.path());
        assert_eq!(held, 1 << 20);
        check(dir.path(), held, dir.path(), 0).unwrap();
    }
}
