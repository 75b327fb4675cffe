//! What Unix alone has: links that anybody makes, modes, `exec`.

mod links;
mod locks;
mod modes;

use std::path::Path;

fn mode(path: impl AsRef<Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
