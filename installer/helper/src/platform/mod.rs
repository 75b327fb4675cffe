//! The calls to the system: the same functions for each, and no `cfg` anywhere else.

use std::process::ExitStatus;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(target_os = "macos")]
use macos as os;
#[cfg(unix)]
pub(crate) use os::{clean_environment, nonce};
#[cfg(unix)]
pub use unix::is_root;
#[cfg(unix)]
pub(crate) use unix::{
    Signals, ask_machine, check_own_program, check_owner, check_program, code_and_signal, exec,
    forward, is_machines, mirror, resolved, run, spawn, unprivileged,
};
#[cfg(windows)]
pub use windows::is_root;
#[cfg(windows)]
pub(crate) use windows::{
    Signals, ask_machine, check_own_program, check_owner, check_program, clean_environment,
    code_and_signal, exec, forward, is_machines, mirror, nonce, resolved, run, spawn, unprivileged,
};

/// As whom a downloaded program is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunAs {
    /// As the user of this process.
    Myself,
    /// As somebody without privilege, since this process has it.
    User { user: u32, group: u32 },
}

/// How a program that was given a limited time ended.
#[derive(Debug)]
pub(crate) enum Finished {
    /// By itself; with the beginning of what it printed, and the end of what it complained about.
    Ended { status: ExitStatus, output: Vec<u8>, errors: Vec<u8> },
    /// Not in time: it was killed.
    TimedOut,
}
