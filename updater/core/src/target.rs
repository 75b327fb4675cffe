//! A file that may be fetched, and the check of its bytes (TUF 5.7).

use std::fmt;

use serde_json::Value;

use crate::hash::Hashes;
use crate::metadata::TargetFile;
use crate::{Digest, hex};

/// A file that verified metadata describes. Only a finished [`Search`](crate::search::Search)
/// makes one, so whoever holds it knows length and hashes before the first byte arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: String,
    file: TargetFile,
    consistent: bool,
}

impl Target {
    pub(crate) fn new(path: String, file: TargetFile, consistent: bool) -> Self {
        Self { path, file, consistent }
    }

    /// The path it is known by. It comes from metadata and is a name: never a path on this disk.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.file.length
    }

    /// Its SHA-256, where stated; others' repositories may have another algorithm alone.
    pub fn sha256(&self) -> Option<Digest> {
        let bytes = hex::decode(self.file.hashes.get("sha256")?)?;
        Some(Digest::from_bytes(bytes.try_into().ok()?))
    }

    /// What the publisher says about it.
    pub fn custom(&self) -> Option<&Value> {
        self.file.custom.as_ref()
    }

    /// Where it lies in the repository: `targets/DIRECTORY/HASH.NAME` with consistent snapshots
    /// (TUF 5.7.3), else `targets/PATH`. Not encoded for a URL.
    pub fn remote_path(&self) -> String {
        let hashes = &self.file.hashes;
        let hash = ["sha256", "sha512"]
            .iter()
            .find_map(|name| hashes.get(*name))
            .filter(|hash| self.consistent && hex::decode(hash).is_some());
        match (hash, self.path.rsplit_once('/')) {
            (None, _) => format!("targets/{}", self.path),
            (Some(hash), None) => format!("targets/{hash}.{}", self.path),
            (Some(hash), Some((directory, name))) => format!("targets/{directory}/{hash}.{name}"),
        }
    }

    /// Starts checking the file's bytes.
    pub fn checker(&self) -> Checker {
        Checker { hashes: Hashes::new(&self.file.hashes), expected: self.file.length, found: 0 }
    }
}

/// Checks the bytes of a target as they arrive, in order from the first.
#[derive(Debug, Clone)]
pub struct Checker {
    hashes: Option<Hashes>,
    expected: u64,
    found: u64,
}

impl Checker {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// They exceed the signed length (repository): stop fetching.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        self.found = self.found.saturating_add(bytes.len() as u64);
        if self.found > self.expected {
            return Err(Mismatch::TooLong { expected: self.expected });
        }
        if let Some(hashes) = &mut self.hashes {
            hashes.update(bytes);
        }
        Ok(())
    }

    /// Judges the whole.
    ///
    /// # Errors
    /// Another length or another hash than the signed ones, or no hash that could be checked
    /// (repository).
    pub fn finish(self) -> Result<Verdict, Mismatch> {
        let (expected, found) = (self.expected, self.found);
        if found != expected {
            return Err(if found > expected {
                Mismatch::TooLong { expected }
            } else {
                Mismatch::TooShort { expected, found }
            });
        }
        let hashes = self.hashes.ok_or(Mismatch::NoKnownHash)?;
        let sha256 = hashes.finish().map_err(|_| Mismatch::WrongHash)?;
        Ok(Verdict { length: found, sha256 })
    }
}

/// Proof that bytes are those of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    length: u64,
    sha256: Option<Digest>,
}

impl Verdict {
    /// The length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256, where the metadata states it.
    pub fn sha256(&self) -> Option<Digest> {
        self.sha256
    }
}

/// Bytes are not those of the target (repository).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// More bytes came than are signed.
    TooLong {
        /// The signed length.
        expected: u64,
    },
    /// Fewer bytes came than are signed.
    TooShort {
        /// The signed length.
        expected: u64,
        /// The bytes that came.
        found: u64,
    },
    /// A hash differs.
    WrongHash,
    /// The metadata states no hash of a known algorithm.
    NoKnownHash,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { expected } => write!(f, "longer than the signed {expected} bytes"),
            Self::TooShort { expected, found } => {
                write!(f, "{found} bytes instead of the signed {expected}")
            }
            Self::WrongHash => f.write_str("the hash is not the signed one"),
            Self::NoKnownHash => f.write_str("no hash of a known algorithm is signed"),
        }
    }
}

impl std::error::Error for Mismatch {}
