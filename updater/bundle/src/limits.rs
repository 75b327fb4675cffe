//! What a reader is willing to take.

use std::fmt;

use crate::Error;

/// Upper bounds for a bundle and its manifest. The default is the format's own (§4); a reader that
/// has signed facts tightens `bundle_length` and `files` to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of every kind.
    pub entries: u64,
    /// Bytes of the encoded manifest.
    pub manifest_length: u64,
    /// Bytes of the whole bundle stream.
    pub bundle_length: u64,
    /// Entries that are files.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 200_000,
            manifest_length: 64 << 20,
            bundle_length: 64 << 30,
            files: 200_000,
        }
    }
}

/// Which bound of [`Limits`] was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::entries`]
    Entries,
    /// [`Limits::manifest_length`]
    ManifestLength,
    /// [`Limits::bundle_length`]
    BundleLength,
    /// [`Limits::files`]
    Files,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entries => "number of entries",
            Self::ManifestLength => "length of the manifest",
            Self::BundleLength => "length of the bundle",
            Self::Files => "number of files",
        })
    }
}

/// Hands `value` back if it is within `max`.
pub(crate) fn within(limit: Limit, value: u64, max: u64) -> Result<u64, Error> {
    if value > max { Err(Error::Limit { limit, value, max }) } else { Ok(value) }
}
