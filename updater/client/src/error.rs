//! What can go wrong, by who must act.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use semver::Version;

use crate::cancel::Cancelled;
use crate::fetch::FetchError;

/// Any failure of a run. The family says who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the mirrors served is not what the publisher signed: the publisher, or an attacker.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Nothing could be had: wait and try again.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// This machine: disk, rights, another updater at work.
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl Error {
    /// The exit code a command reports it with: 4 refused, 5 network, 1 local.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Repository(_) => 4,
            Error::Network(_) => 5,
            Error::Local(_) => 1,
        }
    }

    /// One line: what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Error::Repository(error) => error.advice(),
            Error::Network(error) => error.advice(),
            Error::Local(error) => error.advice(),
        }
    }

    /// How long the server asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Network(error) => error.source.retry_after(),
            _ => None,
        }
    }
}

/// Something was served that must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// A file that the signed metadata names is on no mirror.
    #[error("{path} is missing on every mirror")]
    Missing {
        /// Its path below the mirrors.
        path: String,
    },
    /// A file is longer than its signed length or than the limit for its kind.
    #[error("{path} from {mirror} is longer than {limit} bytes")]
    TooLong {
        /// The mirror.
        mirror: String,
        /// Path below the mirror.
        path: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// No route leads to the release: every delta and the full bundle failed.
    #[error("version {version} cannot be rebuilt from what the mirrors serve")]
    NoRoute {
        /// The release.
        version: Version,
    },
}

impl RepositoryError {
    fn advice(&self) -> &'static str {
        match self {
            RepositoryError::Missing { .. } => {
                "tell the publisher: the repository is incomplete; nothing was changed"
            }
            _ => "nothing was changed; if it lasts, tell the publisher",
        }
    }
}

/// No mirror could be heard.
#[derive(Debug, thiserror::Error)]
#[error("{path} from {mirror}: {source}")]
#[non_exhaustive]
pub struct NetworkError {
    /// The mirror that failed last.
    pub mirror: String,
    /// Path below the mirror.
    pub path: String,
    /// Why.
    pub source: FetchError,
}

impl NetworkError {
    fn advice(&self) -> &'static str {
        match self.source {
            FetchError::NotMetadata => "log in to the network, then try again",
            FetchError::Unreadable { .. } => "check that the folder is there and readable",
            _ => "check the connection, or try again later",
        }
    }
}

/// This machine is in the way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The program does not run from an installation that Exuvia made, so that nothing can be
    /// replaced. A check is still possible.
    #[error("{} is not part of an installation", path.display())]
    NotInstalled {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// Another process is downloading or staging for this installation.
    #[error("another update of this installation is under way")]
    Busy,
    /// The run was ended by [`Cancel`](crate::Cancel), or its future was dropped.
    #[error("cancelled")]
    Cancelled,
    /// Too little room.
    #[error("{} needs {needed} bytes and has {free}", path.display())]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A file of the updater's own could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LocalError {
    fn advice(&self) -> &'static str {
        match self {
            LocalError::NotInstalled { .. } => {
                "install the application first, or update it by hand"
            }
            LocalError::Busy => "wait until it is done",
            LocalError::Cancelled => "start again when convenient; what was received is kept",
            LocalError::NoSpace { .. } => "make room on the disk and try again",
            LocalError::Io { .. } => "check the disk and the rights of that file",
        }
    }
}

impl From<Cancelled> for Error {
    fn from(_: Cancelled) -> Self {
        Error::Local(LocalError::Cancelled)
    }
}
