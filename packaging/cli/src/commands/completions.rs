use std::io;

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Cli;
use crate::{Error, Exit};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: Args) -> Result<Exit, Error> {
    generate(args.shell, &mut Cli::command(), "exuvia", &mut io::stdout());
    Ok(Exit::Done)
}
