//! The one door through which every mutating step passes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Step};

/// Does one mutating step. Everything that changes the disk is called through here or through
/// [`write`], so that a test can count the steps and make any of them fail.
pub(crate) fn mutate<T>(
    step: Step,
    path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> Result<T, Error> {
    #[cfg(any(test, feature = "faults"))]
    if let crate::faults::Verdict::Fail(source) = crate::faults::before(step, path) {
        return Err(Error::new(step, path, source));
    }
    act().map_err(|source| Error::new(step, path, source))
}

/// Writes all of `bytes`. Apart from [`mutate`] because a write can be torn: done by half.
pub(crate) fn write(mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    #[cfg(any(test, feature = "faults"))]
    match crate::faults::before(Step::Write, path) {
        crate::faults::Verdict::Fail(source) => return Err(source),
        crate::faults::Verdict::Tear(source) => {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(source);
        }
        crate::faults::Verdict::Go => {}
    }
    #[cfg(not(any(test, feature = "faults")))]
    let _ = path;
    file.write_all(bytes)
}
