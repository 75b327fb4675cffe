//! What commands fail with.

use exuvia::{BuildError, LocalError, Version};
use serde::{Serialize, Serializer};

/// Why a command failed; pages get it as `{ family, message, advice }`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The update itself failed.
    #[error(transparent)]
    Update(#[from] exuvia::Error),
    /// No updater can be set up.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The check was given a proxy that is no address.
    #[error("the proxy is not an address")]
    Proxy,
    /// `install` was called before `download`.
    #[error("{version} was not downloaded yet")]
    NotDownloaded {
        /// The version.
        version: Version,
    },
    /// The release was withdrawn, or another one took its place, since the check.
    #[error("{version} is not offered any more")]
    NotOffered {
        /// The version.
        version: Version,
    },
    /// There is no such update: it was closed.
    #[error("this update was closed")]
    Closed,
    /// Tauri failed.
    #[error(transparent)]
    Tauri(#[from] tauri::Error),
    /// The installed version cannot be started.
    #[error("{}: {source}", path.display())]
    Relaunch {
        /// The path that outlives versions.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<LocalError> for Error {
    fn from(error: LocalError) -> Error {
        Error::Update(error.into())
    }
}

impl Error {
    /// Whether it only says that the user ended it.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Error::Update(exuvia::Error::Local(LocalError::Cancelled)))
    }

    /// Who must act.
    pub(crate) fn family(&self) -> &'static str {
        match self {
            error if error.is_cancelled() => "canceled",
            Error::Update(exuvia::Error::Repository(_)) | Error::NotOffered { .. } => "repository",
            Error::Update(exuvia::Error::Network(_)) => "network",
            Error::Update(_) | Error::Relaunch { .. } => "local",
            _ => "usage",
        }
    }

    /// What to do, in one line.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Error::Update(error) => error.advice(),
            Error::NotOffered { .. } | Error::Closed => "check again",
            Error::NotDownloaded { .. } => "download it first",
            Error::Proxy => "write it as http://HOST:PORT or socks5h://HOST:PORT",
            Error::Relaunch { .. } => "start the application by hand",
            Error::Build(_) | Error::Tauri(_) => {
                "this is a fault of the application; tell its makers"
            }
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    family: &'a str,
    message: String,
    advice: &'a str,
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (family, advice) = (self.family(), self.advice());
        Told { family, message: self.to_string(), advice }.serialize(serializer)
    }
}
