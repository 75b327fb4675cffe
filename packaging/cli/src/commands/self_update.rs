use std::path::{Path, PathBuf};

use serde_json::json;

use super::ask;
use super::output::Output;
use crate::{Error, Exit};

/// The text of `exuvia.json` of the command itself, for those who distribute it: given at its build.
const OWN_CONFIG: Option<&str> = option_env!("EXUVIA_SELF_CONFIG");

/// Replace this program by its newest release, verified from the root of trust on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The `exuvia.json` of this command's releases [default: what was built in].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only tell whether there is a newer one; exit code 3 when there is none.
    #[arg(long)]
    check: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Why the command did not replace itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Whoever built the command did not say where its releases are.
    #[error("this exuvia was not told where its releases are")]
    Homeless,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] exuvia::BuildError),
    /// Nothing newer could be found, or had.
    #[error(transparent)]
    Update(#[from] exuvia::Error),
    /// What was verified could not be put in place.
    #[error("{0}")]
    Place(self_update::Error),
}

impl Failure {
    /// What to do about it, in one line.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Homeless => {
                "name the exuvia.json of its releases with --config, or update it the way it came"
            }
            Self::Config(_) => "give the exuvia.json that its publisher hands out",
            Self::Update(error) => error.advice(),
            Self::Place(_) => {
                "see that this user may write the program's folder; the old one is still there"
            }
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Homeless => Exit::Usage,
            Self::Update(exuvia::Error::Repository(_)) => Exit::Refused,
            Self::Update(exuvia::Error::Network(_)) => Exit::Network,
            Self::Config(_) | Self::Update(_) | Self::Place(_) => Exit::Failed,
        }
    }
}

impl From<self_update::Error> for Failure {
    fn from(error: self_update::Error) -> Self {
        match exuvia::self_update::cause(&error) {
            Some(cause) => Self::Update(cause.clone()),
            None => Self::Place(error),
        }
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let text = config(args.config.as_deref())?;
    replace(&text, args, output).map_err(|failure| Error::SelfUpdate(Box::new(failure)))
}

fn config(given: Option<&Path>) -> Result<String, Error> {
    match (given, OWN_CONFIG) {
        (Some(path), _) => std::fs::read_to_string(path)
            .map_err(|source| Error::Io { path: path.to_owned(), source }),
        (None, Some(own)) => Ok(own.to_owned()),
        (None, None) => Err(Error::SelfUpdate(Box::new(Failure::Homeless))),
    }
}

fn replace(config: &str, args: &Args, output: &Output) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let updater =
        exuvia::Updater::builder(config).current_version(version).asked_by_user(true).build()?;
    let update = exuvia::self_update::configure(updater)?
        .bin_name("exuvia")
        .no_confirm(true)
        .show_output(false)
        .build()?;
    let told =
        |to: &str, installed: bool| json!({ "from": version, "to": to, "installed": installed });
    let Some(newer) = update.is_update_available()? else {
        output.report(&told(version, false), || format!("{version} is the newest release"));
        return Ok(Exit::Nothing);
    };
    let newer = newer.version();
    if args.check {
        output.report(&told(newer, false), || format!("{newer} is there; this is {version}"));
        return Ok(Exit::Done);
    }
    if !args.yes && !ask::agreed(&format!("Replace exuvia {version} by {newer}?")).unwrap_or(false)
    {
        output.report(&told(newer, false), || format!("{newer} is there; --yes installs it"));
        return Ok(Exit::Nothing);
    }
    let installed = update.update()?;
    output.report(&told(installed.version(), true), || {
        format!("exuvia {} is installed, in place of {version}", installed.version())
    });
    Ok(Exit::Done)
}
