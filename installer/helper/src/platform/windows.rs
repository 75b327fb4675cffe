//! Windows: not there yet. Opening an installation says so, so nothing below is reached.

use super::{Finished, RunAs};
use crate::error::Error;
use exuvia_plan::socket::Reply;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

pub(crate) fn check_owner(_state: &Path, _of: &Path) -> Result<(), Error> {
    Err(Error::NotYet { system: SYSTEM })
}

pub(crate) fn check_own_program() -> Result<(), Error> {
    Err(Error::NotYet { system: SYSTEM })
}

pub(crate) fn is_machines(_state: &Path) -> bool {
    false
}

pub(crate) fn ask_machine(_line: &str) -> io::Result<Reply> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn nonce() -> String {
    String::new()
}

pub(crate) fn check_program(_program: &Path, _of: &Path) -> Result<(), Error> {
    Err(Error::NotYet { system: SYSTEM })
}

/// Whether this process may do everything; never asked where nothing can be installed yet.
pub fn is_root() -> bool {
    false
}

pub(crate) fn clean_environment(_command: &mut Command, _user: RunAs) {}

pub(crate) fn unprivileged(_install: &Path) -> RunAs {
    RunAs::Myself
}

pub(crate) fn run(
    _command: &mut Command,
    _user: RunAs,
    _limit: Duration,
    _max_output: usize,
) -> io::Result<Finished> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn code_and_signal(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), None)
}

pub(crate) fn spawn(_command: &mut Command) -> io::Result<Child> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn exec(_command: &mut Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

pub(crate) fn mirror(status: ExitStatus) -> ! {
    std::process::exit(status.code().unwrap_or(1))
}

pub(crate) fn forward(_child: &Child, _signal: i32) {}

pub(crate) struct Signals {}

impl Signals {
    pub(crate) fn watch() -> Result<Signals, Error> {
        Err(Error::NotYet { system: SYSTEM })
    }

    pub(crate) fn wait(&mut self, _patience: Option<Duration>) -> Vec<i32> {
        Vec::new()
    }
}

const SYSTEM: &str = "Windows";
