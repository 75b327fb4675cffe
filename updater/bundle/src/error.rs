//! Why a bundle or a manifest was refused.

use std::io;

use crate::{Digest, Limit, PathError};

/// Why a bundle or manifest was refused, or could not be written.
///
/// [`Error::Read`] and [`Error::Write`] are local (a disk, a right). All others are the
/// repository's: whoever made the bundle made a wrong one, or it was damaged on its way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that some system would take for something else.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The manifest is not in the one form that its content has.
    #[error("the manifest departs from its canonical form at byte {offset}")]
    Syntax {
        /// Bytes into the manifest.
        offset: usize,
    },
    /// The manifest is of a format version that this reader does not know.
    #[error("the manifest has format version {version}, this reader knows version 1")]
    Version {
        /// The version it states.
        version: u64,
    },
    /// Two entries have the same path, or one stands before its predecessor.
    #[error("the manifest lists {path:?} out of order or twice")]
    Order {
        /// The entry that is out of order.
        path: String,
    },
    /// The directory above an entry has no entry of its own, or is not a directory.
    #[error("the manifest lists {path:?} but not the directory it lies in")]
    Parent {
        /// The entry without a parent.
        path: String,
    },
    /// Two paths that some file system takes for one.
    #[error("{first:?} and {second:?} are one path on some systems")]
    Clash {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A symbolic link that does not stay inside, or is not plain.
    #[error("the link {path:?} to {target:?} {fault}")]
    Link {
        /// The entry of the link.
        path: String,
        /// What it points to, cut to a readable length.
        target: String,
        /// What is wrong with it.
        fault: LinkFault,
    },
    /// Something is larger than the reader takes.
    #[error("the {limit} is {value}, over the limit of {max}")]
    Limit {
        /// Which bound.
        limit: Limit,
        /// The value found; the true one may be higher.
        value: u64,
        /// The bound.
        max: u64,
    },
    /// The stream does not begin with the header of a manifest.
    #[error("not a bundle: it does not begin with a manifest")]
    NotABundle,
    /// A header or padding is not what the manifest calls for.
    #[error("byte {offset} of the bundle is not what its manifest calls for")]
    Frame {
        /// Bytes into the bundle stream.
        offset: u64,
    },
    /// The content of a file is not the one that the manifest names.
    #[error("{path:?} has SHA-256 {actual}, the manifest says {expected}")]
    Content {
        /// The file.
        path: String,
        /// What the manifest states.
        expected: Digest,
        /// What arrived.
        actual: Digest,
    },
    /// The stream ended early.
    #[error("the bundle ends after {length} bytes, before its end")]
    Truncated {
        /// Bytes that arrived.
        length: u64,
    },
    /// The stream goes on after its end.
    #[error("the bundle goes on after its end at byte {length}")]
    Trailing {
        /// Where it should have ended.
        length: u64,
    },
    /// The bundle was refused before; nothing more is taken.
    #[error("the bundle was refused before")]
    Refused,
    /// A file given to a writer is longer or shorter than its manifest says.
    #[error("{path:?} does not have the {expected} bytes that the manifest says")]
    Length {
        /// The file.
        path: String,
        /// Bytes by the manifest.
        expected: u64,
    },
    /// A writer was given more files than the manifest lists.
    #[error("the manifest lists no further file")]
    NoSuchFile,
    /// A writer was finished before this file was given.
    #[error("{path:?} is in the manifest but was not written")]
    Unwritten {
        /// The first file that is missing.
        path: String,
    },
    /// Local: the content of a file could not be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Local: the stream that a bundle is written to failed.
    #[error("cannot write the bundle")]
    Write {
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// Takes back out what [`Unpacker`](crate::Unpacker) put into an [`io::Error`]. An error of the
    /// sink's own comes back as it is.
    ///
    /// # Errors
    /// The same `io::Error`, if it is not one of ours.
    pub fn from_io(error: io::Error) -> Result<Self, io::Error> {
        error.downcast::<Self>()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Read { source, .. } | Error::Write { source } => source.kind(),
            Error::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// What is wrong with a symbolic link. Reads as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkFault {
    /// No target, or one over 1,024 bytes.
    #[error("has a target of no or too much length")]
    Length,
    /// The target begins with `/`, or holds a segment that no path may have.
    #[error("has a target that is not a plain relative path")]
    Target,
    /// The target climbs above the tree.
    #[error("leads outside")]
    Outside,
    /// The target is no entry of the manifest.
    #[error("leads to nothing in the manifest")]
    Missing,
    /// A segment before the last is not a directory (a link or a file).
    #[error("leads through something that is not a directory")]
    Through,
    /// Over eight links one after another, or a circle of them.
    #[error("is part of a circle or a chain of over 8 links")]
    Chain,
}
