//! What a reader is willing to take.

use std::fmt;

use crate::{Error, error::Bound, walk};

/// Upper bounds for applying a delta. The default is the format's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bounds of the new bundle; a reader that has signed facts sets them from these.
    pub bundle: exuvia_bundle::Limits,
    /// Bytes of content of one block.
    pub block: u64,
    /// Bytes of old content that one block refers to.
    pub reference: u64,
    /// Slices of old content that one block refers to.
    pub slices: u64,
}

impl Limits {
    /// Bytes that applying a delta allocates at most, without the two manifests: to read a block,
    /// or to walk while a block is at hand.
    pub fn memory(&self) -> u64 {
        self.block + walk::MEMORY.max(self.reference + packed_bound(self.block))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bundle: exuvia_bundle::Limits::default(),
            block: 8 << 20,
            reference: 16 << 20,
            slices: 200_000,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "length of the manifest",
            Self::Block => "length of a block",
            Self::Packed => "length of a frame",
            Self::Reference => "length of a block's references",
            Self::Slices => "number of a block's slices",
            Self::Copies => "number of a walk's copies",
            Self::Sections => "number of a walk's sections",
            Self::Foretold => "length of a walk's foretold sections",
        })
    }
}

/// Most bytes of a frame with `length` bytes of content.
pub(crate) fn packed_bound(length: u64) -> u64 {
    length.saturating_add(length / 128).saturating_add(1024)
}

/// Hands `value` back if it is within `max`.
pub(crate) fn within(bound: Bound, value: u64, max: u64) -> Result<u64, Error> {
    if value > max { Err(Error::Limit { bound, value, max }) } else { Ok(value) }
}
