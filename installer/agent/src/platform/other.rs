//! Systems without anything better: looking at the clock now and then, and no machine's agent yet.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use super::{Until, Woken};
use crate::clock;
use crate::notices::Notice;
use crate::surroundings::Surroundings;

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

/// Nobody can be listened to yet.
pub(crate) struct Door {}

impl Door {
    /// Not here yet.
    pub(crate) fn open(_path: &Path) -> io::Result<Door> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nobody comes.
    pub(crate) fn wait(&self, _patience: Duration) -> io::Result<Option<Guest>> {
        Ok(None)
    }

    /// It is not.
    pub(crate) fn is_given(&self) -> bool {
        false
    }
}

/// Nobody.
pub(crate) struct Guest {}

impl Guest {
    /// Nobody's.
    pub(crate) fn user(&self) -> u32 {
        u32::MAX
    }

    /// Nothing.
    pub(crate) fn read(&mut self, _most: usize, _patience: Duration) -> Vec<u8> {
        Vec::new()
    }

    /// To nobody.
    pub(crate) fn reply(&mut self, _line: &[u8]) {}
}

/// Nothing is told.
pub(crate) async fn surroundings() -> Surroundings {
    Surroundings::default()
}

/// Nothing is shown yet.
pub(crate) struct Shown {}

impl Shown {
    /// None.
    pub(crate) async fn answer(&self, _patience: Duration) -> Option<String> {
        None
    }

    /// There is nothing to take away.
    pub(crate) async fn close(&self) {}
}

/// Not yet.
pub(crate) async fn show(_notice: &Notice, _in_place_of: Option<&Shown>) -> Option<Shown> {
    None
}

/// Nothing is told.
pub(crate) async fn do_not_disturb() -> bool {
    false
}

/// Nobody fetches in place of somebody else yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nobody {}

/// None.
pub(crate) fn without_rights() -> Option<Nobody> {
    None
}

/// Not yet.
pub(crate) fn give(_folder: &Path, _to: Nobody) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Leads nowhere yet.
#[derive(Debug)]
pub(crate) struct Channel {}

/// Not yet.
#[cfg(test)]
pub(crate) fn channel() -> io::Result<(Channel, Channel)> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Channel {
    /// Nothing takes long.
    pub(crate) fn limit(&self, _patience: Duration) -> io::Result<()> {
        Ok(())
    }

    /// It is.
    pub(crate) fn close(&self) {}
}

impl Read for Channel {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Channel {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Not yet.
pub(crate) fn spawn_without_rights(
    _who: Nobody,
    _args: &[OsString],
    _home: &Path,
) -> io::Result<(Child, Channel)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not yet.
pub(crate) fn renounce_rights() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
