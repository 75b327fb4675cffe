//! The commands: each asks the `exuvia` crate and puts its answer into words.

mod install;
mod tell;
mod update;

use std::io::ErrorKind;
use std::path::Path;

use exuvia::{BuildError, Kind, LocalError, Updater};
use serde_json::json;

use crate::answer::Answer;
use crate::args::{Arguments, Command, Target};
use crate::failure::Failure;
use crate::network::Network;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<Answer, Failure> {
    let Arguments { target, network, json, command } = arguments;
    let updater = |kind| updater(&target, &network, kind);
    match command {
        Command::Install { kind, layout, version } => {
            let updater = updater(kind)?;
            on_runtime(install::install(&updater, layout, version, json))
        }
        Command::Check { wanted } => {
            let updater = updater(None)?.even_if_failed(wanted.even_if_failed);
            on_runtime(update::check(&updater, json))
        }
        Command::Update { yes, wanted } => {
            let updater = updater(None)?.even_if_failed(wanted.even_if_failed);
            on_runtime(update::update(&updater, yes, json))
        }
        Command::Rollback => rollback(&updater(None)?),
        Command::Uninstall => uninstall(updater(None)?),
        Command::Status => {
            // What is known of the repository is found by the configuration.
            let updater = target.config.is_some().then(|| updater(None)).transpose()?;
            tell::status(&installation(&target)?, updater.as_ref())
        }
        Command::History => tell::history(&installation(&target)?),
    }
}

fn rollback(updater: &Updater) -> Result<Answer, Failure> {
    let version = updater.rollback()?;
    let text = format!("went back to {version}; the version left is not offered again");
    Ok(Answer::done("rolled-back", text, json!({ "version": version })))
}

fn uninstall(updater: Updater) -> Result<Answer, Failure> {
    let left = updater.uninstall()?.left;
    let mut text = "removed".to_owned();
    for path in &left {
        text.push_str(&format!("\n  {} is not the updater's and stays", path.display()));
    }
    Ok(Answer::done("uninstalled", text, json!({ "left": left })))
}

/// An updater for what the command line names.
fn updater(target: &Target, network: &Network, kind: Option<Kind>) -> Result<Updater, Failure> {
    let install = target.install.as_ref().ok_or(Failure::Argument { argument: "--install DIR" })?;
    let path = target.config.as_ref().ok_or(Failure::Argument { argument: "--config FILE" })?;
    let config = std::fs::read_to_string(path)
        .map_err(|source| Failure::Config { path: path.clone(), source })?;
    let mut builder = network.apply(Updater::builder(&config).install(install))?;
    if !target.mirrors.is_empty() {
        builder = builder.mirrors(&target.mirrors);
    }
    if let Some(kind) = kind {
        builder = builder.kind(kind);
    }
    builder.build().map_err(|source| match source {
        // Given by options, not by the file.
        BuildError::Http(source) => Failure::Http(source),
        BuildError::Mirror(source) => Failure::Mirror(source),
        source => Failure::Settings { path: path.clone(), source },
    })
}

/// The installation, for commands that only look.
fn installation(target: &Target) -> Result<exuvia::Install, Failure> {
    let path = target.install.as_ref().ok_or(Failure::Argument { argument: "--install DIR" })?;
    // A link to an installation is a name of it.
    let path = path.canonicalize().unwrap_or_else(|_| path.clone());
    Ok(exuvia::Install::open(&path).map_err(LocalError::from)?)
}

fn on_runtime(work: impl Future<Output = Result<Answer, Failure>>) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::Runtime)?.block_on(work)
}

/// Whether a path is there, as far as can be told.
fn exists(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}
