use std::path::{Path, PathBuf};

use exuvia::{DataHooks, Health, Mirror, Qualify};
use exuvia_core::names::{App, Channel};
use serde_json::json;

use super::output::Output;
use super::{ask, keys, sign};
use crate::publisher::system_clock;
use crate::{Error, Exit, InitOptions, Outcome, Publisher};

/// Make a new repository.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the application, such as org.example.notes.
    #[arg(long, value_name = "NAME")]
    app: App,
    /// The channel that the application follows.
    #[arg(long, default_value = "stable")]
    channel: Channel,
    /// Where the repository will be published; may be given up to 16 times.
    #[arg(long = "mirror", value_name = "URL")]
    mirrors: Vec<Mirror>,
    /// When a new version counts as healthy: explicit, explicit:SECONDS (the application says so)
    /// or alive:SECONDS (it is up that long).
    #[arg(long, value_name = "WHEN", default_value_t)]
    health: Health,
    /// How a new version shows that it starts: true (it embeds Exuvia and answers a nonce), false,
    /// or an argument with which it must exit 0, such as --version; may be given several times.
    #[arg(long, value_name = "true|false|ARG", allow_hyphen_values = true, default_value = "true")]
    qualify: Vec<String>,
    /// An argument with which the installed version puts a copy of its user's data aside, before a
    /// version with another data schema is started for the first time; may be given several times.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    snapshot: Vec<String>,
    /// An argument with which it puts that copy back, when it is gone back to; may be given several
    /// times.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "snapshot")]
    restore: Vec<String>,
    /// The public half of a root key that somebody else has, made by `exuvia keys new`; give all of
    /// them. Without any, two root keys are made here.
    #[arg(long = "root-key", value_name = "FILE.pub")]
    root_keys: Vec<PathBuf>,
    /// How many root keys must sign.
    #[arg(long, value_name = "N", default_value_t = 1)]
    root_threshold: u64,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let options = InitOptions {
        channel: args.channel,
        mirrors: args.mirrors,
        health: args.health,
        qualify: qualify(args.qualify),
        data: DataHooks { snapshot: args.snapshot, restore: args.restore },
        root_keys: args
            .root_keys
            .iter()
            .map(|path| keys::read_public(path))
            .collect::<Result<_, _>>()?,
        root_threshold: args.root_threshold,
        ..InitOptions::new(args.app)
    };
    // A folder that cannot be used is told before anybody thinks up a passphrase.
    InitOptions::check_folder(repo)?;
    let (publisher, outcome) =
        Publisher::init_at(repo, options, ask::new_passphrase()?, system_clock)?;
    let proposed = matches!(outcome, Outcome::Proposed { .. });
    let config = publisher.folder().config();
    let mirrors: Vec<&str> = config.mirrors.iter().map(Mirror::as_str).collect();
    let repo = repo.display();
    let own_root = publisher.folder().path().join("keys/root-2.key").exists();
    let report = json!({
        "founding": outcome,
        "app": config.app, "channel": config.channel, "mirrors": mirrors,
        "repo": repo.to_string(), "embed": format!("{repo}/exuvia.json"),
        "put_away": own_root.then(|| format!("{repo}/keys/root-2.key")),
    });
    if proposed || !own_root {
        output.report(&report, || {
            let embed = format!("embed {repo}/exuvia.json in the application once all have signed");
            format!(
                "made the keys of {} in {repo}; {embed}\n{}",
                config.app,
                sign::outcome(&outcome)
            )
        });
        return Ok(Exit::Done);
    }
    output.report(&report, || {
        format!(
            "made the repository of {} in {repo}\n\
             embed {repo}/exuvia.json in the application; it will look at {}\n\
             \n\
             Move {repo}/keys/root-2.key to a place that is not on this machine, and note the passphrase there.\n\
             It is the spare: with it you can replace every other key, without it a lost key strands your users.",
            config.app,
            mirrors.join(", "),
        )
    });
    Ok(Exit::Done)
}

fn qualify(arguments: Vec<String>) -> Qualify {
    match arguments.first().map(String::as_str) {
        Some("true") if arguments.len() == 1 => Qualify::Nonce,
        Some("false") if arguments.len() == 1 => Qualify::No,
        _ => Qualify::Args(arguments),
    }
}
