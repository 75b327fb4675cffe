//! Why a step was not made.

use exuvia_plan::socket::Reason;
use exuvia_plan::{QualifyFailure, RecordError, Refusal, StepError};
use semver::Version;
use std::io;
use std::path::PathBuf;

/// Why a step was not made. The installed version stands, whatever the error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file step failed. *Local.*
    #[error(transparent)]
    Disk(#[from] exuvia_durable::Error),
    /// Nothing that Exuvia installed is there. *Local.*
    #[error("{} is not an installation of Exuvia", .path.display())]
    NotInstalled {
        /// The path that was looked at.
        path: PathBuf,
    },
    /// The first installation was interrupted; it has to be repeated. *Local.*
    #[error("the installation in {} was never finished: install it again", .path.display())]
    Unfinished {
        /// The installation.
        path: PathBuf,
    },
    /// Something that is not ours stands where the application would be installed. *Local.*
    #[error("{} holds something else already", .path.display())]
    Occupied {
        /// The path.
        path: PathBuf,
    },
    /// The state beside the application may be written by others than its owner. *Local.*
    #[error("{} belongs to another user, or others may write to it", .path.display())]
    Untrusted {
        /// The state directory.
        path: PathBuf,
    },
    /// A state record is damaged or newer. *Local.*
    #[error("{}: {source}", .path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The release is trusted, and does not belong here. *Repository.*
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another process is changing the installation, or the version is still running. *Local.*
    #[error("{} is in use by another process", .path.display())]
    Busy {
        /// The lock that is held.
        path: PathBuf,
    },
    /// The step is not possible as things stand. *Local.*
    #[error(transparent)]
    Phase(#[from] StepError),
    /// No tree of any release that the journal names exists. *Local.*
    #[error("no version of the application is left in {}: install it again", .path.display())]
    Lost {
        /// The installation.
        path: PathBuf,
    },
    /// A program could not be started. *Local.*
    #[error("cannot start {}: {source}", .path.display())]
    Spawn {
        /// The program.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The caller's source of the bundle failed. *Whatever the source is.*
    #[error("the bundle could not be read: {0}")]
    Fill(io::Error),
    /// The metadata is refused. *Repository.*
    #[error("the metadata is not trusted: {0}")]
    Metadata(#[from] exuvia_core::Error),
    /// The bundle is refused. *Repository.*
    #[error("the bundle is refused: {0}")]
    Bundle(#[from] exuvia_bundle::Error),
    /// The staged program did not start as it should; it is remembered as bad. *Repository.*
    #[error("{version} does not start here: {why}")]
    Unqualified {
        /// Its version.
        version: Version,
        /// What happened.
        why: QualifyFailure,
    },
    /// The versioned layout needs a program that becomes the launcher. *Local.*
    #[error("the versioned layout needs a launcher, none was given")]
    NoLauncher,
    /// The agent of the machine cannot be asked. *Local.*
    #[error("the agent of this machine does not answer: {source}")]
    Agent {
        /// What the system answered.
        source: io::Error,
    },
    /// The agent of the machine declines. *Local.*
    #[error("the agent of this machine declines: {reason}")]
    Declined {
        /// Why.
        reason: Reason,
    },
}

/// Who must act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The publisher, or somebody who attacks: the release is not trusted.
    Repository,
    /// This machine: its disk, its rights, its state.
    Local,
}

impl Error {
    /// Who must act.
    pub fn family(&self) -> Family {
        use exuvia_bundle::Error as B;
        match self {
            Error::Bundle(B::Read { .. } | B::Write { .. })
            | Error::Refused(Refusal::Layout(_)) => Family::Local,
            Error::Metadata(_)
            | Error::Refused(_)
            | Error::Bundle(_)
            | Error::Unqualified { .. } => Family::Repository,
            _ => Family::Local,
        }
    }
}
