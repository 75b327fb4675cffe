//! The one error of this crate: a step that failed on a path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file step that did not work. A *local* failure: disk, rights, or a file where it should not be.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step} {}: {source}", .path.display())]
#[non_exhaustive]
pub struct Error {
    /// What was attempted.
    pub step: Step,
    /// Where: the path as the caller would name it, for people to read.
    pub path: PathBuf,
    /// What the system answered.
    pub source: io::Error,
}

impl Error {
    pub(crate) fn new(step: Step, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self { step, path: path.as_ref().to_owned(), source }
    }

    /// What the failure means for the person who must act.
    pub fn kind(&self) -> Kind {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Kind::ReadOnly,
            io::ErrorKind::PermissionDenied => Kind::Permission,
            io::ErrorKind::NotFound => Kind::NotFound,
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => Kind::Exists,
            io::ErrorKind::FileTooLarge => Kind::TooLarge,
            io::ErrorKind::Unsupported => Kind::Unsupported,
            io::ErrorKind::CrossesDevices => Kind::OtherDevice,
            io::ErrorKind::ResourceBusy
            | io::ErrorKind::ExecutableFileBusy
            | io::ErrorKind::WouldBlock => Kind::Busy,
            io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory => Kind::WrongPath,
            _ if is_link_refused(&self.source) => Kind::WrongPath,
            _ => Kind::Io,
        }
    }
}

/// `ELOOP` is what `O_NOFOLLOW` answers; its `ErrorKind` is not stable yet.
fn is_link_refused(source: &io::Error) -> bool {
    source.raw_os_error().is_some_and(crate::platform::is_link_refused)
}

/// Failures sorted by what can be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The disk or the user's quota is full: free space.
    DiskFull,
    /// The file system is mounted read only.
    ReadOnly,
    /// The user may not do this here.
    Permission,
    /// The file or directory does not exist.
    NotFound,
    /// Something is there already.
    Exists,
    /// The file is larger than the caller's limit.
    TooLarge,
    /// Somebody else is using it.
    Busy,
    /// The two places lie on different file systems.
    OtherDevice,
    /// A link, file or directory where another kind was expected, or a name that leaves the directory.
    WrongPath,
    /// This system or file system cannot do it.
    Unsupported,
    /// The device failed, or anything else: `source` tells.
    Io,
}

/// What was being done. Displays as a verb: "cannot `rename` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Open a file or directory.
    Open,
    /// Read a file, link or directory.
    Read,
    /// Create a directory.
    CreateDir,
    /// Create a file.
    Create,
    /// Write into a file.
    Write,
    /// Set the mode of a file or directory.
    SetMode,
    /// Flush a file or directory to the device.
    Flush,
    /// Rename a file or directory.
    Rename,
    /// Exchange two directory entries.
    Exchange,
    /// Create a symbolic link.
    Link,
    /// Remove a file or directory.
    Remove,
    /// Take or pass on a lock.
    Lock,
    /// Ask for the free space.
    FreeSpace,
    /// Find enough of it.
    MakeRoom,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Open => "open",
            Step::Read => "read",
            Step::CreateDir => "create directory",
            Step::Create => "create",
            Step::Write => "write",
            Step::SetMode => "set the mode of",
            Step::Flush => "flush",
            Step::Rename => "rename",
            Step::Exchange => "exchange",
            Step::Link => "link",
            Step::Remove => "remove",
            Step::Lock => "lock",
            Step::FreeSpace => "ask for the free space of",
            Step::MakeRoom => "make room in",
        })
    }
}
