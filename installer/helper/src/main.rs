//! `exuvia-helper`: under its own name a command, under an application's name its launcher.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    exuvia_helper::reenter();
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    exuvia_helper::program::run(&args).into()
}
