//! Locks that die with their process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::at::At;
use crate::dir::Dir;
use crate::error::{Error, Step};
use crate::platform;

/// An advisory whole-file lock (`flock`), held until it is dropped or its process dies, whatever
/// the way. The lock file is created when missing and never removed, since removing it would let two
/// holders lock two different files.
#[derive(Debug)]
pub struct Lock {
    pub(crate) file: File,
    path: PathBuf,
    /// Children hold it too, on purpose.
    inherited: bool,
}

impl Lock {
    /// Waits up to `patience` for the exclusive lock; `None` when somebody still holds it then.
    ///
    /// # Errors
    /// Local: the lock file cannot be opened, or the file system has no locks.
    pub fn exclusive(
        dir: &Dir,
        name: impl AsRef<Path>,
        patience: Duration,
    ) -> Result<Option<Lock>, Error> {
        let lock = Lock::open(dir, name.as_ref())?;
        let since = Instant::now();
        loop {
            match lock.file.try_lock() {
                Ok(()) => return Ok(Some(lock)),
                Err(TryLockError::WouldBlock) if since.elapsed() < patience => {
                    std::thread::sleep(PAUSE.min(patience));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(lock.fail(source)),
            }
        }
    }

    /// Takes the exclusive lock if nobody holds it.
    ///
    /// # Errors
    /// As [`Lock::exclusive`].
    pub fn try_exclusive(dir: &Dir, name: impl AsRef<Path>) -> Result<Option<Lock>, Error> {
        Lock::exclusive(dir, name, Duration::ZERO)
    }

    /// Takes a shared lock if nobody holds the exclusive one.
    ///
    /// # Errors
    /// As [`Lock::exclusive`].
    pub fn try_shared(dir: &Dir, name: impl AsRef<Path>) -> Result<Option<Lock>, Error> {
        let lock = Lock::open(dir, name.as_ref())?;
        match lock.file.try_lock_shared() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(lock.fail(source)),
        }
    }

    /// Lets the lock live on through `exec`, in the program that takes this process's place and in
    /// every child started from now on. It is free when the last of them is gone. Where there is no
    /// `exec` it stays this process's, which stays too.
    ///
    /// # Errors
    /// Local: the system cannot do it.
    pub fn keep_across_exec(&mut self) -> Result<(), Error> {
        let kept = platform::keep_across_exec(&self.file).map_err(|source| self.fail(source))?;
        self.inherited = kept;
        Ok(())
    }

    fn open(dir: &Dir, name: &Path) -> Result<Lock, Error> {
        let at = At::find(dir, name)?;
        let path = at.dir().path().join(at.name());
        match platform::open_lock(at.dir().handle(), at.name()) {
            Ok(file) => Ok(Lock { file, path, inherited: false }),
            Err(source) => Err(Error::new(Step::Lock, path, source)),
        }
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::new(Step::Lock, &self.path, source)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was started just now holds a copy of it until
        // its `exec` has closed that, and a lock is free when the last copy is gone.
        if !self.inherited {
            let _ = self.file.unlock();
        }
    }
}

const PAUSE: Duration = Duration::from_millis(20);
