//! The program `exuvia-helper`: hand-read arguments, no configuration file.

use crate::clock::now;
use crate::error::{Error, Family};
use crate::install::{Install, Waiting};
use crate::receive::Request;
use exuvia_core::Digest;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Runs a command line (without the program's name) and gives the exit code: 0 done, 1 failed
/// here, 2 bad usage, 3 nothing to do, 4 not trusted.
pub fn run(args: &[OsString]) -> u8 {
    let Some(parsed) = Parsed::read(args) else {
        return say(2, USAGE);
    };
    match parsed.run() {
        Ok(done) => u8::from(!done) * 3,
        Err(error) => {
            let (code, advice) = match error.family() {
                Family::Repository => (4, "nothing was changed; tell the publisher"),
                Family::Local => {
                    (1, "the installed version stands; see to the cause and try again")
                }
            };
            say(code, &format!("exuvia-helper: {error}\n{advice}\n"))
        }
    }
}

fn say(code: u8, text: &str) -> u8 {
    let _ = io::stderr().write_all(text.as_bytes());
    code
}

/// A command line that has exactly the options its verb needs.
struct Parsed {
    install: PathBuf,
    verb: Verb,
}

enum Verb {
    Receive { metadata: PathBuf, bundle: PathBuf, digest: Digest },
    Swap,
    Confirm,
    Revert,
    Recover,
    Launch(Vec<OsString>),
}

impl Parsed {
    /// `None` for anything that is not in [`USAGE`], so that no option can be smuggled in.
    fn read(args: &[OsString]) -> Option<Parsed> {
        let (verb, rest) = args.split_first()?;
        let end = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
        let (options, after) = rest.split_at(end);
        let names: &[&str] = match verb.to_str()? {
            "receive" => &["--install", "--metadata", "--bundle", "--digest"],
            "swap" | "confirm" | "revert" | "recover" | "launch" => &["--install"],
            _ => return None,
        };
        if options.len() != names.len() * 2 || !after.is_empty() && verb != "launch" {
            return None;
        }
        let value = |name: &str| -> Option<&OsStr> {
            let mut pairs = options.chunks_exact(2).filter(|pair| pair[0] == name);
            Some(pairs.next()?[1].as_os_str())
        };
        let path = |name: &str| value(name).map(PathBuf::from);
        let verb = match verb.to_str()? {
            "receive" => Verb::Receive {
                metadata: path("--metadata")?,
                bundle: path("--bundle")?,
                digest: value("--digest")?.to_str()?.parse().ok()?,
            },
            "swap" => Verb::Swap,
            "confirm" => Verb::Confirm,
            "revert" => Verb::Revert,
            "recover" => Verb::Recover,
            _ => Verb::Launch(after.iter().skip(1).cloned().collect()),
        };
        Some(Parsed { install: path("--install")?, verb })
    }

    /// Whether there was something to do.
    fn run(self) -> Result<bool, Error> {
        let install = Install::open(&self.install)?;
        match self.verb {
            Verb::Receive { metadata, bundle, digest } => {
                receive(&install, &metadata, &bundle, digest)
            }
            Verb::Swap => match install.waiting()? {
                Some(Waiting::Staged(staged)) => staged.qualify(now())?.swap(now()).map(|_| true),
                Some(Waiting::Qualified(qualified)) => qualified.swap(now()).map(|_| true),
                None => Ok(false),
            },
            Verb::Confirm => match install.trial()? {
                Some(trial) => trial.confirm(now()).map(|_| true),
                None => Ok(false),
            },
            Verb::Revert => match install.trial()? {
                Some(trial) => trial.revert("reverted by hand", now()).map(|_| true),
                None => Ok(false),
            },
            Verb::Recover => install.recover(now()).map(|_| true),
            Verb::Launch(args) => match install.launch(&args)? {},
        }
    }
}

/// Receives and qualifies.
fn receive(
    install: &Install,
    metadata: &Path,
    bundle: &Path,
    digest: Digest,
) -> Result<bool, Error> {
    let mut file = File::open(bundle).map_err(Error::Fill)?;
    let request = Request { metadata, digest, now: now(), even_if_bad: false };
    let staged = install.receive(&request, &mut |out| io::copy(&mut file, out).map(drop))?;
    staged.qualify(now()).map(|_| true)
}

const USAGE: &str =
    "usage: exuvia-helper receive --install DIR --metadata DIR --bundle FILE --digest HEX
       exuvia-helper swap|confirm|revert|recover --install DIR
       exuvia-helper launch --install DIR [-- ARGUMENTS]
";
