//! Why a step was not made.

use crate::qualify::QualifyFailure;
use exuvia_core::{Digest, Kind};
use exuvia_plan::{LayoutError, RecordError};
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
    #[error("the installation in {} was never finished", .path.display())]
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
    /// A name that cannot be that of an installation. *Local.*
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Another process is changing the installation, or the version is still running. *Local.*
    #[error("{} is in use by another process", .path.display())]
    Busy {
        /// The lock that is held.
        path: PathBuf,
    },
    /// The step does not fit the phase that the installation is in. *Local.*
    #[error("this needs the phase `{needs}`, the installation is in `{found}`")]
    Phase {
        /// The phase or phases in which the step is possible.
        needs: &'static str,
        /// The phase found.
        found: &'static str,
    },
    /// No room for the new version. *Local.*
    #[error("{needed} bytes are needed in {}, {available} are free", .path.display())]
    Space {
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        available: u64,
    },
    /// No tree of any release that the journal names exists. *Local.*
    #[error("no version of the application is left in {}: install it again", .path.display())]
    Lost {
        /// The installation.
        path: PathBuf,
    },
    /// There is no version to go back to. *Local.*
    #[error("no previous version is kept")]
    NoPrevious,
    /// The installed release does not allow going back that far. *Local.*
    #[error("the installed release can only be rolled back to {safe_from} or later, not {to}")]
    Unsafe {
        /// The version kept.
        to: Version,
        /// The oldest version allowed.
        safe_from: Version,
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
    Metadata(exuvia_core::Error),
    /// No release of this application, channel and platform has this bundle. *Repository.*
    #[error("no trusted release has the bundle {digest}")]
    NoSuchRelease {
        /// The bundle asked for.
        digest: Digest,
    },
    /// The release is of another kind than what is installed. *Repository.*
    #[error("the release is of kind {found}, installed is {installed}")]
    WrongKind {
        /// The release's kind.
        found: Kind,
        /// The installation's kind.
        installed: Kind,
    },
    /// The release is not newer than what is or was installed. *Repository.*
    #[error("{offered} is not newer than {floor}, and does not supersede what is installed")]
    NotNewer {
        /// The release's version.
        offered: Version,
        /// The version that it would have to pass.
        floor: Version,
    },
    /// The installed version is too old for this release. *Repository.*
    #[error("the release can only be installed over {from} or later, installed is {installed}")]
    FromTooOld {
        /// The lowest version that may update to the release.
        from: Version,
        /// The installed version.
        installed: Version,
    },
    /// The release has a fact that must be understood, and this version does not. *Repository.*
    #[error("the release has a fact `{field}` that needs a newer updater")]
    NotUnderstood {
        /// The fact.
        field: String,
    },
    /// The release was withdrawn: another one of the channel replaces it. *Repository.*
    #[error("{version} was withdrawn by the publisher")]
    Withdrawn {
        /// Its version.
        version: Version,
    },
    /// The release failed here before. *Repository.*
    #[error("{version} failed here before: {reason}")]
    RememberedBad {
        /// Its version.
        version: Version,
        /// How it failed.
        reason: String,
    },
    /// The bundle is refused. *Repository.*
    #[error("the bundle is refused: {0}")]
    Bundle(exuvia_bundle::Error),
    /// The bundle is sound but not the one that was signed. *Repository.*
    #[error("the bundle is {found}, signed is {signed}")]
    WrongBundle {
        /// Digest of the bundle received.
        found: Digest,
        /// Digest that was signed.
        signed: Digest,
    },
    /// The bundle is the signed one, but contradicts its facts. *Repository.*
    #[error("the bundle does not fit its facts: {what}")]
    WrongFacts {
        /// Which fact.
        what: &'static str,
    },
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
    /// This part does not exist for this system yet. *Local.*
    #[error("not available on {system} yet")]
    NotYet {
        /// The system.
        system: &'static str,
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
            Error::Bundle(B::Read { .. } | B::Write { .. }) => Family::Local,
            Error::Metadata(_)
            | Error::NoSuchRelease { .. }
            | Error::WrongKind { .. }
            | Error::NotNewer { .. }
            | Error::FromTooOld { .. }
            | Error::NotUnderstood { .. }
            | Error::Withdrawn { .. }
            | Error::RememberedBad { .. }
            | Error::Bundle(_)
            | Error::WrongBundle { .. }
            | Error::WrongFacts { .. }
            | Error::Unqualified { .. } => Family::Repository,
            _ => Family::Local,
        }
    }
}
