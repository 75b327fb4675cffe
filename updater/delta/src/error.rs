//! Why a delta was refused.

use std::io;

use exuvia_bundle::Digest;

/// Why a delta was refused, or could not be made.
///
/// Local: [`Error::WrongBase`], [`Error::BaseChanged`], [`Error::Read`], [`Error::Patch`],
/// [`Error::Write`]. All others are the repository's: the delta is wrong or was damaged on its way.
/// After any of them the full bundle is the way on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first bytes are not those of a delta.
    #[error("not a delta")]
    NotADelta,
    /// A delta in a format that this reader does not know.
    #[error("a delta in format {version:?}, this reader knows format '3'")]
    Format {
        /// The format's digit.
        version: char,
    },
    /// Local: the delta is for another base.
    #[error("the delta is for the tree of the manifest {expected}, not for {actual}")]
    WrongBase {
        /// The digest that the delta states.
        expected: Digest,
        /// The digest of the manifest that is here.
        actual: Digest,
    },
    /// Local: a file of the base is not what the base's manifest says.
    #[error("{path:?} is not as it was installed")]
    BaseChanged {
        /// The file.
        path: String,
    },
    /// Something is larger than the reader takes.
    #[error("the {bound} is {value}, over the limit of {max}")]
    Limit {
        /// Which bound.
        bound: Bound,
        /// The value found.
        value: u64,
        /// The bound.
        max: u64,
    },
    /// The bytes do not follow the grammar.
    #[error("the delta departs from its format before byte {offset}")]
    Syntax {
        /// Bytes into the delta, at the end of what was read.
        offset: u64,
    },
    /// A part does not give the content that was stated.
    #[error("the part that ends at byte {offset} of the delta is damaged")]
    Frame {
        /// Bytes into the delta, at the end of what was read.
        offset: u64,
    },
    /// The delta ends early.
    #[error("the delta ends after {offset} bytes, before its end")]
    Truncated {
        /// Bytes that arrived.
        offset: u64,
    },
    /// The delta goes on after its end.
    #[error("the delta goes on after its end at byte {offset}")]
    Trailing {
        /// Where it should have ended.
        offset: u64,
    },
    /// The delta's own checksum is not that of its bytes.
    #[error("the delta is damaged: its checksum is not that of its bytes")]
    Checksum,
    /// The new manifest is not the one that the delta states.
    #[error("the delta gives the tree of the manifest {actual} instead of {expected}")]
    WrongResult {
        /// The digest that the delta states.
        expected: Digest,
        /// The digest of what came out.
        actual: Digest,
    },
    /// The new manifest or one of its files was refused.
    #[error("the delta gives a bundle that is refused")]
    Bundle(#[from] exuvia_bundle::Error),
    /// Local: a file could not be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Local: the delta could not be read.
    #[error("cannot read the delta")]
    Patch {
        /// The system's reason.
        source: io::Error,
    },
    /// Local: the output could not be written.
    #[error("cannot write what comes out")]
    Write {
        /// The output's reason.
        source: io::Error,
    },
    /// Making only: the compressor failed.
    #[error("cannot compress: {reason}")]
    Compress {
        /// The compressor's reason.
        reason: &'static str,
    },
}

/// Which bound of [`Limits`](crate::Limits) was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The new manifest, [`Limits::manifest_length`](exuvia_bundle::Limits::manifest_length).
    Manifest,
    /// [`Limits::block`](crate::Limits::block)
    Block,
    /// A frame that is larger than its content can call for.
    Packed,
    /// [`Limits::reference`](crate::Limits::reference)
    Reference,
    /// [`Limits::slices`](crate::Limits::slices)
    Slices,
    /// The copies of a walk.
    Copies,
    /// The segments or sections of a walk's executable.
    Sections,
    /// The sections that a walk has foretold.
    Foretold,
}
