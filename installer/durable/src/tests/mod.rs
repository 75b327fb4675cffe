//! Behaviour of the durable steps, on a real file system.

pub(crate) mod durability;
mod locks;
mod names;

use crate::Dir;

/// A fresh directory, and its handle.
pub(crate) fn sandbox() -> (tempfile::TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::open(folder.path()).unwrap();
    (folder, dir)
}

pub(crate) fn names(dir: &Dir) -> Vec<String> {
    dir.entries().unwrap().into_iter().map(|e| e.name.into_string().unwrap()).collect()
}
