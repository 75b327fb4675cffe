//! The commands: each asks the `exuvia` crate and puts its answer into words.

mod ask;
mod install;
mod once;
mod overview;
mod registry;
mod service;
mod tell;
mod update;

pub(crate) use overview::about;

use std::io::ErrorKind;
use std::path::Path;

use exuvia::Updater;
use serde_json::json;

use crate::answer::Answer;
use crate::args::{About, Arguments, Command, Round, Work};
use crate::daemon;
use crate::failure::Failure;
use crate::machine;
use crate::target::Target;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<Answer, Failure> {
    let Arguments { options, json, command, fetcher: _ } = arguments;
    match command {
        Command::Register { name } => registry::register(&options, name),
        Command::Unregister { name } => registry::unregister(&options, &name),
        Command::Once { now, network_up } => {
            once::once(&options, once::Due { now, network_up, only_check: false })
        }
        Command::Run { round: None } => daemon::run(&options),
        Command::Run { round: Some(round) } => {
            let network_up = round == Round::NetworkUp;
            once::once(&options, once::Due { now: false, network_up, only_check: false })
        }
        Command::Serve { round: None, socket } => machine::serve(&options, &socket),
        Command::Serve { round: Some(work), .. } => {
            let only_check = work == Work::Check;
            once::once(&options, once::Due { now: true, network_up: false, only_check })
        }
        Command::Ask { ask, application } => ask::ask(&ask, &application),
        Command::InstallService { kind, print } => service::install(&options, kind, print),
        Command::UninstallService => service::uninstall(&options),
        Command::Policy => registry::policy(&options),
        Command::About(About::Status) if options.is_about_all() => overview::status(&options),
        Command::About(About::History) if options.is_about_all() => overview::history(&options),
        Command::About(command) => about_one(command, &Target::find(options)?, json),
    }
}

fn about_one(command: About, target: &Target, json: bool) -> Result<Answer, Failure> {
    let updater = |kind| target.updater(kind);
    match command {
        About::Install { kind, layout, version } => {
            let updater = updater(kind)?;
            on_runtime(install::install(&updater, layout, version, json))
        }
        About::Check { wanted } => {
            let updater = updater(None)?.even_if_failed(wanted.even_if_failed);
            on_runtime(update::check(&updater, json))
        }
        About::Update { yes, wanted } => {
            let updater = updater(None)?.even_if_failed(wanted.even_if_failed);
            on_runtime(update::update(&updater, target.policy.as_ref(), yes, json))
        }
        About::Rollback => rollback(&updater(None)?),
        About::Uninstall => uninstall(updater(None)?),
        About::Status => {
            // What is known of the repository is found by the configuration.
            let updater = target.config.is_some().then(|| updater(None)).transpose()?;
            tell::status(&target.installation()?, updater.as_ref())
        }
        About::History => tell::history(&target.installation()?),
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

/// Runs it to its end, on this thread.
pub(crate) fn on_runtime<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::Runtime)?.block_on(work)
}

/// Whether a path is there, as far as can be told.
fn exists(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}
