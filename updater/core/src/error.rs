//! What can be wrong with a repository's metadata.

use std::fmt;

use crate::Time;
use crate::json::JsonError;

/// Why metadata was refused. All but the last two are of the *repository* family: the publisher, or
/// somebody between, must act; another mirror may have better. Transport and disk errors never
/// reach this crate.
///
/// `role` names the role at fault, `file` the file below `metadata/`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The file is not metadata of its kind.
    Malformed {
        /// The role.
        role: String,
        /// What is wrong with it.
        problem: JsonError,
    },
    /// The file is metadata of another kind.
    WrongType {
        /// The role.
        role: String,
        /// The `_type` found.
        found: String,
    },
    /// The file follows another major version of the TUF specification.
    WrongSpecVersion {
        /// The role.
        role: String,
        /// The `spec_version` found.
        found: String,
    },
    /// A key signed twice, which the specification forbids.
    DuplicateSignature {
        /// The role.
        role: String,
        /// The key.
        keyid: String,
    },
    /// Too few of the role's keys signed the file.
    Threshold {
        /// The role.
        role: String,
        /// How many different keys signed it rightly.
        signed: u64,
        /// How many must.
        needed: u64,
    },
    /// The file is not of the version that its name or parent states.
    WrongVersion {
        /// The role.
        role: String,
        /// The version stated.
        expected: u64,
        /// The version found.
        found: u64,
    },
    /// The file is not of the length that its parent states.
    WrongLength {
        /// The role.
        role: String,
        /// The length stated, in bytes.
        expected: u64,
        /// The length found.
        found: u64,
    },
    /// A hash is not the one that the file's parent states, or none of the stated ones is known.
    WrongHash {
        /// The role.
        role: String,
    },
    /// The file is longer than any good one.
    TooLong {
        /// The role.
        role: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The version is lower than one that was seen before.
    Rollback {
        /// The role.
        role: String,
        /// The lowest acceptable version.
        floor: u64,
        /// The version offered.
        found: u64,
    },
    /// A role that the snapshot listed before is no longer listed.
    Dropped {
        /// The role.
        role: String,
    },
    /// The metadata is out of date: the publisher did not renew it, somebody shows old files, or
    /// this machine's clock is wrong.
    Expired {
        /// The role.
        role: String,
        /// When it expired.
        at: Time,
        /// The time it was judged at.
        now: Time,
    },
    /// The repository does not have a file that it must have.
    Missing {
        /// The file below `metadata/`.
        file: String,
    },
    /// The snapshot does not list a role that a search needs.
    NotListed {
        /// The role.
        role: String,
    },
    /// A search would have to visit too many delegated roles.
    TooManyRoles {
        /// The most that are visited.
        limit: usize,
    },
    /// Comparing paths with the patterns of delegations would take too long.
    TooManyPatterns {
        /// The most characters that are compared.
        limit: u64,
    },
    /// The driver gave an answer that does not belong to what was wanted (a local mistake).
    UnexpectedAnswer,
    /// The machine was asked for its result before it had one (a local mistake).
    Unfinished,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { role, problem } => {
                write!(f, "{role} metadata is malformed: {problem}")
            }
            Self::WrongType { role, found } => write!(f, "{role} metadata is of type {found:?}"),
            Self::WrongSpecVersion { role, found } => {
                write!(f, "{role} metadata follows TUF {found:?}, which is not 1.x")
            }
            Self::DuplicateSignature { role, keyid } => {
                write!(f, "{role} metadata is signed twice by key {keyid}")
            }
            Self::Threshold { role, signed, needed } => {
                write!(f, "{role} metadata is signed by {signed} of the {needed} keys it needs")
            }
            Self::WrongVersion { role, expected, found } => {
                write!(f, "{role} metadata has version {found} instead of {expected}")
            }
            Self::WrongLength { role, expected, found } => {
                write!(f, "{role} metadata has {found} bytes instead of {expected}")
            }
            Self::WrongHash { role } => {
                write!(f, "{role} metadata has another hash than its parent states")
            }
            Self::TooLong { role, limit } => {
                write!(f, "{role} metadata is longer than {limit} bytes")
            }
            Self::Rollback { role, floor, found } => {
                write!(f, "{role} metadata goes back to version {found}, after version {floor}")
            }
            Self::Dropped { role } => write!(f, "the snapshot no longer lists role {role}"),
            Self::Expired { role, at, now } => {
                write!(f, "{role} metadata expired at {at}; it is {now}")
            }
            Self::Missing { file } => write!(f, "the repository has no {file}"),
            Self::NotListed { role } => write!(f, "the snapshot does not list role {role}"),
            Self::TooManyRoles { limit } => {
                write!(f, "the search would visit more than {limit} delegated roles")
            }
            Self::TooManyPatterns { limit } => {
                write!(f, "the search would compare more than {limit} characters of patterns")
            }
            Self::UnexpectedAnswer => f.write_str("an answer does not belong to what was wanted"),
            Self::Unfinished => f.write_str("the result was asked for before the end"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed { problem, .. } => Some(problem),
            _ => None,
        }
    }
}
