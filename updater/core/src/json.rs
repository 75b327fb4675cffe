//! JSON as TUF needs it: read strictly, and written in the one canonical form that is signed.
//!
//! Two readers that disagree about a document are a way round a signature, so whatever readers are
//! known to disagree about is refused: keys that occur twice, numbers that are not integers or that
//! a double cannot hold, depth without end, bytes after the end.

mod canonical;
mod parse;

use std::fmt;

pub use canonical::canonical;
pub use parse::parse;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 32;

/// The largest magnitude of a number: 2^53 − 1, the last one that every reader holds exactly.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Why bytes or a value are not the JSON that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON at all, not UTF-8, or something stands after the end.
    Syntax {
        /// Line of the first wrong byte, from 1.
        line: usize,
        /// Column of the first wrong byte, from 1.
        column: usize,
    },
    /// An object has a key twice.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A number has a fraction, an exponent or a negative zero.
    NotAnInteger,
    /// A number is beyond ±[`MAX_INTEGER`].
    IntegerTooLarge,
    /// Well-formed, but not of the shape that is wanted.
    Shape {
        /// The first difference, such as a missing field, by name.
        problem: String,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => write!(f, "no JSON at line {line} column {column}"),
            Self::DuplicateKey { key } => write!(f, "the key {key:?} occurs twice in an object"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels"),
            Self::NotAnInteger => f.write_str("a number is not an integer"),
            Self::IntegerTooLarge => write!(f, "a number is beyond ±{MAX_INTEGER}"),
            Self::Shape { problem } => f.write_str(problem),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads a strictly parsed value into a type.
pub(crate) fn shape<T: DeserializeOwned>(value: &Value) -> Result<T, JsonError> {
    T::deserialize(value).map_err(|error| JsonError::Shape { problem: error.to_string() })
}
