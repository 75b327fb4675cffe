//! Starting a staged program once, before anything depends on it: a missing library, a wrong
//! architecture or a crash at the start is found here and not by the user.

use crate::install::Install;
use crate::platform::{self, Finished, RunAs};
use exuvia_plan::{Phase, Qualify, QualifyFailure, QualifySkipped, ReleaseRef};
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Starts the staged program. `Ok(None)` if it answered.
pub(crate) fn run(
    install: &Install,
    next: &ReleaseRef,
    phase: &Phase,
) -> Result<Option<QualifySkipped>, QualifyFailure> {
    let qualify = &install.layout().qualify;
    let (user, nonce) = (platform::unprivileged(install.path()), platform::nonce());
    let mut command = Command::new(install.executable(next, phase));
    platform::clean_environment(&mut command, user);
    match qualify {
        Qualify::No => return Ok(Some(QualifySkipped::NotAsked)),
        Qualify::Args(args) => command.args(args),
        Qualify::Nonce => command.env(QUALIFY, &nonce),
    };
    command.env_remove(TRIAL).stdin(Stdio::null());
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    match (platform::run(&mut command, user, LIMIT, MAX_OUTPUT), user) {
        (Err(error), RunAs::User { user, .. }) if denied(&error) => {
            Ok(Some(QualifySkipped::OutOfReach { user }))
        }
        (Err(error), _) => Err(QualifyFailure::CannotStart { kind: error.kind() }),
        (Ok(Finished::TimedOut), _) => Err(QualifyFailure::TimedOut { seconds: LIMIT.as_secs() }),
        (Ok(Finished::Ended { status, output, errors }), _) => {
            let (code, signal) = platform::code_and_signal(status);
            qualify.judge(code, signal, &output, &errors, &nonce).map(|()| None)
        }
    }
}

/// The environment variable that carries the nonce.
pub(crate) const QUALIFY: &str = "EXUVIA_QUALIFY";
/// The environment variable that marks a watched process.
pub(crate) const TRIAL: &str = "EXUVIA_TRIAL";
const LIMIT: Duration = Duration::from_secs(10);
const MAX_OUTPUT: usize = 64 << 10;
