//! The frame around every state record (formats §7): a line with name and version, one line of
//! compact JSON, a line with the SHA-256 of all that stands before it.
//!
//! The digest is checked before anything is interpreted, so a torn or altered record of any
//! version is [`Damage`], and only an intact one can be [`RecordError::Newer`].

use exuvia_core::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that is kept as one record.
pub trait Record: Serialize + DeserializeOwned {
    /// The name in the first line, as `exuvia-journal`.
    const NAME: &'static str;
    /// The version that this code writes and understands.
    const VERSION: u32 = 1;
    /// The longest record that is read, in bytes.
    const LIMIT: usize = 1 << 20;
}

/// Why a record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The bytes are not a whole record of this name.
    #[error("the {name} record is damaged: {why}")]
    Damaged {
        /// The record's name.
        name: &'static str,
        /// What was found.
        why: Damage,
    },
    /// The record is intact, and was written by a later version of Exuvia: nothing may be touched.
    #[error("the {name} record has version {found}, this program understands {known}")]
    Newer {
        /// The record's name.
        name: &'static str,
        /// The version in its first line.
        found: u32,
        /// The version understood here.
        known: u32,
    },
}

/// In which way a record is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// No bytes at all.
    #[error("it is empty")]
    Empty,
    /// Longer than [`Record::LIMIT`].
    #[error("it is longer than allowed")]
    TooLong,
    /// The digest line is missing or incomplete.
    #[error("it is cut short")]
    Torn,
    /// The digest line does not fit the bytes.
    #[error("its digest is wrong")]
    Digest,
    /// The first line is that of another record, or none.
    #[error("its first line is not that of this record")]
    Header,
    /// The JSON is not one line with exactly the fields of this record.
    #[error("its content is not valid")]
    Body,
}

/// The bytes of `record`, ready to be written as one file.
///
/// ```
/// use exuvia_plan::{Remembered, record};
/// let bytes = record::encode(&Remembered::default());
/// assert!(bytes.starts_with(b"exuvia-remembered 1\n{\"bad\":[]}\nsha256 "));
/// assert_eq!(record::decode::<Remembered>(&bytes), Ok(Remembered::default()));
/// ```
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    let body = serde_json::to_string(record).expect("records have string keys only");
    let mut text = format!("{} {}\n{body}\n", R::NAME, R::VERSION);
    let digest = Digest::of(text.as_bytes());
    text.push_str(&format!("{DIGEST_WORD}{digest}\n"));
    text.into_bytes()
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`RecordError::Damaged`] for bytes that are not exactly one intact record `R`,
/// [`RecordError::Newer`] for an intact one of a later version.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, RecordError> {
    let damaged = |why| RecordError::Damaged { name: R::NAME, why };
    let text = intact(bytes, R::LIMIT).map_err(damaged)?;
    let (header, body) = text.split_once('\n').ok_or(damaged(Damage::Header))?;
    let found = header
        .strip_prefix(R::NAME)
        .and_then(|rest| rest.strip_prefix(' '))
        .and_then(|version| version.parse().ok())
        .filter(|version: &u32| header == format!("{} {version}", R::NAME))
        .ok_or(damaged(Damage::Header))?;
    if found > R::VERSION {
        return Err(RecordError::Newer { name: R::NAME, found, known: R::VERSION });
    }
    if found < R::VERSION {
        return Err(damaged(Damage::Header));
    }
    let line = body.strip_suffix('\n').filter(|line| !line.contains('\n'));
    line.and_then(|line| serde_json::from_str(line).ok()).ok_or(damaged(Damage::Body))
}

/// The text before the digest line, if that line is right.
fn intact(bytes: &[u8], limit: usize) -> Result<&str, Damage> {
    if bytes.is_empty() {
        return Err(Damage::Empty);
    }
    if bytes.len() > limit {
        return Err(Damage::TooLong);
    }
    let at = bytes.len().checked_sub(DIGEST_LINE).ok_or(Damage::Torn)?;
    let (text, line) = bytes.split_at(at);
    if !line.starts_with(DIGEST_WORD.as_bytes()) || !text.ends_with(b"\n") {
        return Err(Damage::Torn);
    }
    if line != format!("{DIGEST_WORD}{}\n", Digest::of(text)).as_bytes() {
        return Err(Damage::Digest);
    }
    std::str::from_utf8(text).map_err(|_| Damage::Body)
}

const DIGEST_WORD: &str = "sha256 ";
const DIGEST_LINE: usize = DIGEST_WORD.len() + 64 + 1;
