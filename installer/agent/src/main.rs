//! `exuvia-agent`: installs an application that need not embed anything, and keeps it up to date.
//!
//! Rules:
//! - A thin shell around the `exuvia` crate: arguments in, one answer out, no decision on trust.
//! - One answer per run: text for people or, with `--json`, one object; failures say what happened
//!   and what to do. Exit codes: 0 done, 1 failed here, 2 bad usage, 3 nothing to do, 4 refused
//!   because not trusted, 5 network.
//! - The program serves as the launcher of what it installed where no `exuvia-helper` lies beside it.
#![forbid(unsafe_code)]

mod answer;
mod args;
mod attend;
mod clock;
mod commands;
mod daemon;
mod failure;
mod fetcher;
mod machine;
mod meter;
mod metrics;
mod network;
mod notices;
mod outcome;
mod places;
mod platform;
mod policy;
mod record;
mod registry;
mod report;
mod schedule;
mod service;
mod surroundings;
mod target;
mod turns;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;

fn main() -> ExitCode {
    // Acts as the launcher, or answers a qualification, when started as such.
    exuvia::startup();
    let arguments = Arguments::parse();
    let json = arguments.json;
    if let Some(name) = &arguments.fetcher {
        return fetcher::serve(&arguments.options, name);
    }
    match commands::run(arguments) {
        Ok(answer) => answer.print(json),
        Err(failure) => failure.print(json),
    }
}
