//! What a staged program has to show before anything depends on it (formats §10).

use crate::policy::Qualify;
use std::io;

/// How a staged program failed to qualify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QualifyFailure {
    /// The system cannot execute it: wrong architecture, or its interpreter is missing.
    #[error("the system cannot execute it ({kind})")]
    CannotStart {
        /// The system's reason.
        kind: io::ErrorKind,
    },
    /// It ended with a status other than 0; 127 commonly means a missing library.
    #[error("it ended with status {code}{}", after(said))]
    Exited {
        /// The exit status.
        code: i32,
        /// The last line of its standard error, shortened; may be empty.
        said: String,
    },
    /// A signal ended it.
    #[error("signal {signal} ended it{}", after(said))]
    Killed {
        /// The signal's number.
        signal: i32,
        /// The last line of its standard error, shortened; may be empty.
        said: String,
    },
    /// It did not end in time, and was killed.
    #[error("it did not end within {seconds} seconds")]
    TimedOut {
        /// The time it was given.
        seconds: u64,
    },
    /// It ended well but did not answer the nonce.
    #[error("it did not answer")]
    NoAnswer,
}

/// Why a staged program was not started at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QualifySkipped {
    /// The layout says so (`"qualify": false`).
    #[error("the application is configured not to be started before the swap")]
    NotAsked,
    /// Root starts no downloaded program, and the unprivileged user cannot reach the tree.
    #[error("user {user} cannot reach the program")]
    OutOfReach {
        /// The user it would have run as.
        user: u32,
    },
}

impl Qualify {
    /// Judges how a started program ended and what it printed, `errors` being the end of its
    /// standard error.
    ///
    /// # Errors
    /// [`QualifyFailure`].
    pub fn judge(
        &self,
        code: Option<i32>,
        signal: Option<i32>,
        output: &[u8],
        errors: &[u8],
        nonce: &str,
    ) -> Result<(), QualifyFailure> {
        let said = last_line(errors);
        match (code, signal) {
            (Some(0), _) => {}
            (_, Some(signal)) => return Err(QualifyFailure::Killed { signal, said }),
            (code, None) => return Err(QualifyFailure::Exited { code: code.unwrap_or(-1), said }),
        }
        let answer = qualify_answer(nonce);
        let mut lines = output.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        match self {
            Qualify::Nonce if !lines.any(|line| line == answer.as_bytes()) => {
                Err(QualifyFailure::NoAnswer)
            }
            _ => Ok(()),
        }
    }
}

/// The line that a staged program prints.
pub fn qualify_answer(nonce: &str) -> String {
    format!("exuvia-qualified {nonce}")
}

/// The last line that says something, for people: no control characters, [`SAID`] bytes at most.
fn last_line(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut line: String = last.chars().filter(|c| !c.is_control()).collect();
    line.truncate(line.floor_char_boundary(SAID));
    line
}

fn after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

const SAID: usize = 200;
