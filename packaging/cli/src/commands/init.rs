use std::path::Path;

use exuvia::{Health, Mirror, Qualify};
use exuvia_core::names::{App, Channel};
use serde_json::json;

use super::ask;
use super::output::Output;
use crate::{Error, Exit, InitOptions, Publisher};

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
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let options = InitOptions {
        channel: args.channel,
        mirrors: args.mirrors,
        health: args.health,
        qualify: qualify(args.qualify),
        ..InitOptions::new(args.app)
    };
    // A folder that cannot be used is told before anybody thinks up a passphrase.
    InitOptions::check_folder(repo)?;
    let publisher = Publisher::init(repo, options, ask::new_passphrase()?)?;
    let config = publisher.folder().config();
    let mirrors: Vec<&str> = config.mirrors.iter().map(Mirror::as_str).collect();
    let repo = repo.display();
    let report = json!({
        "app": config.app, "channel": config.channel, "mirrors": mirrors,
        "repo": repo.to_string(), "embed": format!("{repo}/exuvia.json"),
        "put_away": format!("{repo}/keys/root-2.key"),
    });
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
