//! The program `exuvia-helper`: hand-read arguments, no configuration file.

use crate::clock::now;
use crate::error::{Error, Family};
use crate::install::{Install, Waiting};
use crate::platform;
use crate::receive::Request;
use exuvia_plan::{Command, Verb};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};

/// Runs a command line (without the program's name) and gives the exit code: 0 done, 1 failed
/// here, 2 bad usage, 3 nothing to do, 4 not trusted.
pub fn run(args: &[OsString]) -> u8 {
    let Some(command) = Command::parse(args) else { return say(2, Command::USAGE) };
    match carry_out(command) {
        Ok(Some(())) => 0,
        Ok(None) => 3,
        Err(error) => {
            let (code, advice) = match error.family() {
                Family::Repository => (4, "nothing was changed; tell the publisher"),
                Family::Local => (1, "the installed version stands; mend the cause, try again"),
            };
            say(code, &format!("exuvia-helper: {error}\n{advice}\n"))
        }
    }
}

fn say(code: u8, text: &str) -> u8 {
    let _ = io::stderr().write_all(text.as_bytes());
    code
}

/// `None` if there was nothing to do.
fn carry_out(command: Command) -> Result<Option<()>, Error> {
    if !matches!(command.verb, Verb::Launch(_)) {
        platform::check_own_program()?;
    }
    let install = Install::open(&command.install)?;
    match command.verb {
        Verb::Receive { metadata, bundle, digest } => {
            let mut file = File::open(bundle).map_err(Error::Fill)?;
            let request = Request { metadata: &metadata, digest, now: now(), even_if_bad: false };
            let staged =
                install.receive(&request, &mut |out| io::copy(&mut file, out).map(drop))?;
            staged.qualify(now()).map(|_| Some(()))
        }
        Verb::Swap => match install.waiting()? {
            Some(Waiting::Staged(staged)) => staged.qualify(now())?.swap(now()).map(|_| Some(())),
            Some(Waiting::Qualified(qualified)) => qualified.swap(now()).map(|_| Some(())),
            None => Ok(None),
        },
        Verb::Confirm => install.trial()?.map(|trial| trial.confirm(now()).map(drop)).transpose(),
        Verb::Revert => {
            install.trial()?.map(|trial| trial.revert("by hand", now()).map(drop)).transpose()
        }
        Verb::Recover => install.recover(now()).map(|_| Some(())),
        Verb::Launch(args) => match install.launch(&args)? {},
    }
}
