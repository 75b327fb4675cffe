use std::fmt::Write as _;
use std::path::Path;

use super::output::Output;
use crate::{Error, Exit, Folder};

/// Look after the keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Which keys sign which role, and which of them are here.
    List,
}

pub(super) fn run(repo: &Path, command: Command, output: &Output) -> Result<Exit, Error> {
    let Command::List = command;
    let keys = Folder::open(repo)?.keys()?;
    output.report(&keys, || {
        let mut text = format!("{:<28} {:<28} {:<18} here\n", "role", "key", "public key");
        for key in &keys {
            let (public, here) = match &key.public {
                Some(public) => (format!("{}…", public.get(..16).unwrap_or(public)), "yes"),
                None => ("–".to_owned(), "put away"),
            };
            // Writing into a string does not fail.
            let _ = writeln!(text, "{:<28} {:<28} {public:<18} {here}", key.role, key.name);
        }
        text
    });
    Ok(Exit::Done)
}
