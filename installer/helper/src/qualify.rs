//! Starting a staged program once, before anything depends on it: a missing library, a wrong
//! architecture or a crash at the start is found here and not by the user.

use crate::install::Install;
use crate::platform::{self, Finished, RunAs};
use exuvia_plan::{Phase, Qualify, ReleaseRef};
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

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
    #[error("it ended with status {code}")]
    Exited {
        /// The exit status.
        code: i32,
    },
    /// A signal ended it.
    #[error("signal {signal} ended it")]
    Killed {
        /// The signal's number.
        signal: i32,
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

/// Starts the staged program. `Ok(None)` if it answered.
pub(crate) fn run(
    install: &Install,
    next: &ReleaseRef,
    phase: &Phase,
) -> Result<Option<QualifySkipped>, QualifyFailure> {
    let program = install.executable(next, phase);
    let nonce = platform::nonce();
    let user = platform::unprivileged(install.path());
    let mut command = Command::new(&program);
    if let RunAs::User { .. } = user {
        // Root's environment is none of a stranger's business.
        command.env_clear().env("PATH", "/usr/bin:/bin");
    }
    match &install.layout().qualify {
        Qualify::No => return Ok(Some(QualifySkipped::NotAsked)),
        Qualify::Args(args) => command.args(args),
        Qualify::Nonce => command.env(QUALIFY, &nonce),
    };
    command.env_remove(TRIAL).stdin(Stdio::null()).stderr(Stdio::null());
    platform::clean_environment(&mut command);
    match (platform::run(&mut command, user, LIMIT, MAX_OUTPUT), user) {
        (Err(error), RunAs::User { user, .. })
            if error.kind() == io::ErrorKind::PermissionDenied =>
        {
            Ok(Some(QualifySkipped::OutOfReach { user }))
        }
        (Err(error), _) => Err(QualifyFailure::CannotStart { kind: error.kind() }),
        (Ok(finished), _) => judge(finished, install, &nonce),
    }
}

fn judge(
    finished: Finished,
    install: &Install,
    nonce: &str,
) -> Result<Option<QualifySkipped>, QualifyFailure> {
    let (status, output) = match finished {
        Finished::Ended { status, output } => (status, output),
        Finished::TimedOut => {
            return Err(QualifyFailure::TimedOut { seconds: LIMIT.as_secs() });
        }
    };
    match platform::code_and_signal(status) {
        (Some(0), _) => {}
        (_, Some(signal)) => return Err(QualifyFailure::Killed { signal }),
        (code, None) => return Err(QualifyFailure::Exited { code: code.unwrap_or(-1) }),
    }
    let expected = answer(nonce);
    let answered =
        output.split(|b| *b == b'\n').any(|line| line.trim_ascii_end() == expected.as_bytes());
    match install.layout().qualify {
        Qualify::Nonce if !answered => Err(QualifyFailure::NoAnswer),
        _ => Ok(None),
    }
}

/// The line that a staged program prints (formats §10).
pub(crate) fn answer(nonce: &str) -> String {
    format!("exuvia-qualified {nonce}")
}

/// The environment variable that carries the nonce.
pub(crate) const QUALIFY: &str = "EXUVIA_QUALIFY";
/// The environment variable that marks a watched process.
pub(crate) const TRIAL: &str = "EXUVIA_TRIAL";
const LIMIT: Duration = Duration::from_secs(10);
const MAX_OUTPUT: usize = 64 << 10;
