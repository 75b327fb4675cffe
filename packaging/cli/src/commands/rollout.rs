use std::path::Path;

use exuvia_core::names::Channel;
use semver::Version;

use super::output::Output;
use crate::{Error, Exit, PaceChange};

/// Let a gated release out to a part of all installations.
///
/// Only for what was released with --gated; after its days are over it is for all, whatever the
/// rollout says. To hold a release back longer, use `exuvia yank`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The version.
    version: Version,
    /// For how many installations of a hundred, such as 10%; or pause, or resume.
    #[arg(value_name = "N%|pause|resume", value_parser = pace)]
    pace: PaceChange,
    /// In which channel [default: that of exuvia.json].
    #[arg(long)]
    channel: Option<Channel>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let report = super::publisher(repo)?.rollout(&args.version, args.pace, args.channel)?;
    output.report(&report, || {
        let share = match report.paused {
            true => "for nobody until it is resumed".to_owned(),
            false => format!("for {} % of all installations", report.percent),
        };
        format!(
            "{} in {} is {share}\npublish it with `exuvia publish`",
            report.version, report.channel
        )
    });
    Ok(Exit::Done)
}

fn pace(text: &str) -> Result<PaceChange, String> {
    match text {
        "pause" => Ok(PaceChange::Pause),
        "resume" => Ok(PaceChange::Resume),
        _ => {
            let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
            let percent = number.filter(|percent| *percent <= 100).map(PaceChange::Percent);
            percent.ok_or_else(|| "neither 0% to 100%, nor pause or resume".to_owned())
        }
    }
}
