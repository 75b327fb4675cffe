//! Systems without anything better: looking at the clock now and then.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Until, Woken};
use crate::clock;

/// Nothing is told of folders.
#[derive(Debug)]
pub(crate) struct Folders;

impl Folders {
    /// None.
    pub(crate) fn watch(_folders: &[PathBuf]) -> Folders {
        Folders
    }
}

/// Waits, at most for a quarter of an hour, so that a clock that was set is noticed.
pub(crate) fn wait(until: &Until, _folders: &Folders) -> io::Result<Woken> {
    let left = until.time.saturating_sub(clock::now().as_unix()).clamp(1, 900);
    std::thread::sleep(Duration::from_secs(left.unsigned_abs()));
    Ok(Woken::Time)
}
