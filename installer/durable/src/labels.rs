//! Labels of mandatory access control (SELinux): a new version gets those that the administrator, or
//! the policy of the system, has given to the old one at the same paths.

use std::ffi::OsStr;
use std::path::Path;

use crate::at::At;
use crate::dir::{Dir, FileKind};
use crate::error::Error;
use crate::platform;

impl Dir {
    /// Gives what lies at `to`, and beneath it, the labels of what lies at the same paths at `from`.
    /// Where there are no labels this looks no further. A label that may not be set stays what it is:
    /// whether the program starts so is found out when it is tried.
    ///
    /// # Errors
    /// Local: the trees cannot be read.
    pub fn carry_labels(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), Error> {
        let (from, to) = (At::find(self, from.as_ref())?, At::find(self, to.as_ref())?);
        carry((from.dir(), from.name()), (to.dir(), to.name()))
    }
}

fn carry(from: (&Dir, &OsStr), to: (&Dir, &OsStr)) -> Result<(), Error> {
    let kind =
        |(dir, name): (&Dir, &OsStr)| dir.metadata(name).map(|found| found.map(|found| found.kind));
    match (kind(from)?, kind(to)?) {
        (Some(FileKind::File), Some(FileKind::File)) => {
            platform::carry_label(&from.0.open_file(from.1)?, &to.0.open_file(to.1)?);
        }
        (Some(FileKind::Dir), Some(FileKind::Dir)) => {
            let (from, to) = (from.0.subdir(from.1)?, to.0.subdir(to.1)?);
            if platform::carry_label(from.handle(), to.handle()) {
                for entry in to.entries()? {
                    carry((&from, &entry.name), (&to, &entry.name))?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}
