//! One file per command: its arguments, and what it tells.

mod air_gap;
mod ask;
mod bars;
mod bins;
mod bundle;
mod completions;
mod delta;
pub(crate) mod demo;
mod doctor;
mod effort;
mod init;
mod keys;
mod output;
mod promote;
mod publish;
mod refresh;
mod release;
mod rollout;
pub(crate) mod self_update;
mod serve;
mod sign;
mod verify;
mod yank;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use exuvia_durable::Dir;

#[cfg(feature = "pkcs11")]
pub(crate) use self::ask::pin;
use self::output::Output;
use crate::{Error, Exit, Folder, Publisher};

/// Publish updates that applications can trust.
#[derive(Debug, Parser)]
#[command(name = "exuvia", version, about, max_term_width = 100)]
struct Cli {
    /// The publisher's folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "EXUVIA_REPO",
        default_value = "./exuvia-repo"
    )]
    repo: PathBuf,
    /// Report as JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new repository: keys, metadata, and the exuvia.json that the application embeds.
    Init(init::Args),
    /// Release a version from a folder or a single file.
    Release(Box<release::Args>),
    /// Sign the timestamp again, and what nears its end. Run it weekly.
    Refresh,
    /// Copy the repository to a folder that a host serves.
    Publish(publish::Args),
    /// Serve a repository on this machine, for development.
    Serve(serve::Args),
    /// Read a repository as a client would: all metadata, every file.
    Verify(verify::Args),
    /// Work with bundles, the form in which a version travels.
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Work with deltas between two versions, without a repository.
    #[command(subcommand)]
    Delta(delta::Command),
    /// Play the whole story on this machine: release, install, update, a bad release, attacks.
    Demo(demo::Args),
    /// Which keys sign what; other keys, another number of them.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Sign what others proposed, or propose: changes that need keys on several machines.
    Sign(sign::Args),
    /// Let a gated release out to a part of all installations.
    Rollout(rollout::Args),
    /// Withdraw a release, and move those who run it to another one.
    Yank(yank::Args),
    /// List a release of one channel in another one too.
    Promote(promote::Args),
    /// Spread a long list of releases over several files.
    Bins(bins::Args),
    /// What is wrong, or soon will be.
    Doctor(doctor::Args),
    /// Copy the repository, or a part, to a folder for machines without a network.
    AirGap(air_gap::Args),
    /// Replace this program by its newest release.
    SelfUpdate(self_update::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
}

/// Runs the command with these arguments (the program's name first), and says how it ended. Writes
/// to standard output and standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason for another failure.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let output = Output::new(cli.json);
    let exit = dispatch(cli, &output).unwrap_or_else(|error| {
        output.error(&error);
        error.exit()
    });
    exit.into()
}

fn dispatch(cli: Cli, output: &Output) -> Result<Exit, Error> {
    let repo = cli.repo;
    match cli.command {
        Command::Init(args) => init::run(&repo, args, output),
        Command::Release(args) => release::run(&repo, *args, output),
        Command::Refresh => refresh::run(&repo, output),
        Command::Publish(args) => publish::run(&repo, args, output),
        Command::Serve(args) => serve::run(&repo, args, output),
        Command::Verify(args) => verify::run(&repo, args, output),
        Command::Bundle(command) => bundle::run(command, output),
        Command::Delta(command) => delta::run(command, output),
        Command::Demo(args) => demo::run(&args, output),
        Command::Keys(command) => keys::run(&repo, command, output),
        Command::Sign(args) => sign::run(&repo, args, output),
        Command::Rollout(args) => rollout::run(&repo, args, output),
        Command::Yank(args) => yank::run(&repo, args, output),
        Command::Promote(args) => promote::run(&repo, args, output),
        Command::Bins(args) => bins::run(&repo, args, output),
        Command::Doctor(args) => doctor::run(&repo, args, output),
        Command::AirGap(args) => air_gap::run(&repo, args, output),
        Command::SelfUpdate(args) => self_update::run(&args, output),
        Command::Completions(args) => completions::run(args),
    }
}

/// The publisher of a folder; the passphrase is asked for when a sealed key is to be opened.
fn publisher(repo: &Path) -> Result<Publisher, Error> {
    let folder = Folder::open(repo)?;
    Ok(Publisher::asking(folder, ask::passphrase))
}

/// Where something new is to be written: the folder, and a name in it that is still free.
fn new_place(path: &Path) -> Result<(Dir, String), Error> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::NameNotText { path: path.to_owned() })?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let dir = Dir::open(parent.unwrap_or(Path::new(".")))?;
    match dir.metadata(name)? {
        Some(_) => Err(Error::Exists { path: path.to_owned() }),
        None => Ok((dir, name.to_owned())),
    }
}
