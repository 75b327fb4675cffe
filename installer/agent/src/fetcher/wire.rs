//! What passes between who asks and who fetches: lines of JSON, and bytes whose number was said before.

use std::io::{self, BufRead, Read, Write};

use exuvia::{Digest, Error, LocalError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Order {
    /// To bring metadata up to date.
    Check,
    /// A metadata file, by its name in a repository.
    File { name: String },
    /// A bundle.
    Bundle { digest: Digest },
    /// To send a report.
    Report { body: Value },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Word {
    /// It is at work.
    Alive,
    /// Something that an administrator may want to know.
    Warned { text: String },
    /// So many bytes follow.
    Bytes { length: u64 },
    /// There is no such file.
    Missing,
    /// It is done.
    Done,
    /// It cannot be done.
    Failed(Failed),
}

/// Why who fetches could not, by its own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    /// What happened.
    pub(crate) text: String,
    /// What to do.
    pub(crate) advice: String,
    /// The exit code that this is worth.
    pub(crate) code: u8,
    /// Seconds for which a server asked to be left alone.
    pub(crate) retry_after: Option<u32>,
    /// Another one fetches.
    pub(crate) busy: bool,
}

impl Failed {
    /// As it is told.
    pub(super) fn of(failure: &Failure) -> Failed {
        Failed {
            text: failure.to_string(),
            advice: failure.advice().to_owned(),
            code: failure.code(),
            retry_after: failure.retry_after(),
            busy: matches!(failure, Failure::Update(Error::Local(LocalError::Busy))),
        }
    }
}

impl From<Failed> for Failure {
    /// As it is taken: whoever said it may say anything.
    fn from(failed: Failed) -> Failure {
        let Failed { text, advice, code, retry_after, busy } = failed;
        if busy {
            return LocalError::Busy.into();
        }
        let (text, advice, code) = (plain(&text), plain(&advice), code.clamp(1, 5));
        Failure::Fetcher(Failed { text, advice, code, retry_after, busy })
    }
}

/// A line that fits into a log.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}

/// Writes a line.
pub(super) fn send(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Reads a line.
pub(super) fn receive<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    input.take(LONGEST).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(serde_json::from_slice(&line)?),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Longest line.
const LONGEST: u64 = 64 * 1024;
