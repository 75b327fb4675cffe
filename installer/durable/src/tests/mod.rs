//! Behaviour of the durable steps, on a real file system.

mod durability;
mod links;
mod locks;
mod names;

use std::path::Path;

use crate::Dir;

/// A fresh directory, and its handle.
fn sandbox() -> (tempfile::TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::open(folder.path()).unwrap();
    (folder, dir)
}

fn mode(path: impl AsRef<Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(dir: &Dir) -> Vec<String> {
    dir.entries().unwrap().into_iter().map(|e| e.name.into_string().unwrap()).collect()
}
