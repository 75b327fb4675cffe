//! Why the demo did not reach its end.

use std::io;
use std::path::{Path, PathBuf};

use exuvia::Check;

use crate::{Error, Exit};

/// Why the demo stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The publisher's side.
    #[error(transparent)]
    Publisher(#[from] Error),
    /// The updater's side.
    #[error(transparent)]
    Update(#[from] exuvia::Error),
    /// An updater could not be set up.
    #[error(transparent)]
    Build(#[from] exuvia::BuildError),
    /// A name of the story is none.
    #[error(transparent)]
    Name(#[from] exuvia_core::names::NameError),
    /// A version of the story is none.
    #[error(transparent)]
    Version(#[from] semver::Error),
    /// A file of the demo's own.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The story went another way.
    #[error("{step}: expected {expected}, found {found}")]
    Unexpected {
        /// The step.
        step: String,
        /// What should have come.
        expected: String,
        /// What came.
        found: String,
    },
}

impl Failure {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Publisher(error) => error.exit(),
            Failure::Update(exuvia::Error::Repository(_)) => Exit::Refused,
            Failure::Update(exuvia::Error::Network(_)) => Exit::Network,
            _ => Exit::Failed,
        }
    }

    /// One line: what to do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Failure::Publisher(error) => error.advice(),
            Failure::Update(error) => error.advice().to_owned(),
            Failure::Io { .. } => "check the disk and the rights of that file".to_owned(),
            _ => "keep the folder with --keep DIR and report it with its contents".to_owned(),
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Failure + '_ {
        move |source| Failure::Io { path: path.to_owned(), source }
    }
}

pub(super) fn unexpected(step: &str, expected: &str, found: &str) -> Failure {
    let [step, expected, found] = [step, expected, found].map(str::to_owned);
    Failure::Unexpected { step, expected, found }
}

/// What a check found, in words.
pub(super) fn describe(check: &Check) -> String {
    match check {
        Check::UpToDate => "nothing newer".to_owned(),
        Check::Held(held) => format!("a release held back: {held}"),
        Check::Offer(offer) => format!("an offer of {}", offer.version()),
    }
}
