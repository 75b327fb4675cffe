//! The command line of `exuvia-helper`, as a typed request.

use exuvia_core::Digest;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the program is asked to do, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The installation.
    pub install: PathBuf,
    /// The verb, with what it needs.
    pub verb: Verb,
}

/// What the program is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Verify and stage a release.
    Receive {
        /// A folder of metadata files.
        metadata: PathBuf,
        /// The bundle's stream.
        bundle: PathBuf,
        /// Which bundle it is to be.
        digest: Digest,
    },
    /// Switch to the staged release.
    Swap,
    /// The release on trial is healthy.
    Confirm,
    /// The release on trial is not.
    Revert,
    /// Finish or undo what was cut off.
    Recover,
    /// Start the application with these arguments.
    Launch(Vec<OsString>),
}

impl Command {
    /// What may stand on the command line.
    pub const USAGE: &str =
        "usage: exuvia-helper receive --install DIR --metadata DIR --bundle FILE --digest HEX
       exuvia-helper swap|confirm|revert|recover --install DIR
       exuvia-helper launch --install DIR [-- ARGUMENTS]
";

    /// Reads arguments (without the program's name); `None` for anything that is not exactly in
    /// [`Command::USAGE`], so that no option can be smuggled in.
    pub fn parse(args: &[OsString]) -> Option<Command> {
        let (verb, rest) = args.split_first()?;
        let end = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
        let (options, after) = rest.split_at(end);
        let verb = verb.to_str()?;
        let names = if verb == "receive" { 4 } else { 1 };
        if options.len() != names * 2 || !after.is_empty() && verb != "launch" {
            return None;
        }
        let value = |name: &str| -> Option<&OsStr> {
            options.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_os_str())
        };
        let path = |name: &str| value(name).map(PathBuf::from);
        let verb = match verb {
            "receive" => Verb::Receive {
                metadata: path("--metadata")?,
                bundle: path("--bundle")?,
                digest: value("--digest")?.to_str()?.parse().ok()?,
            },
            "swap" => Verb::Swap,
            "confirm" => Verb::Confirm,
            "revert" => Verb::Revert,
            "recover" => Verb::Recover,
            "launch" => Verb::Launch(after.iter().skip(1).cloned().collect()),
            _ => return None,
        };
        Some(Command { install: path("--install")?, verb })
    }
}
