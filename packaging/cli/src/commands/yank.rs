use std::path::Path;

use exuvia_core::Digest;
use exuvia_core::names::Channel;
use exuvia_repo::Withdrawn;
use semver::Version;

use super::output::Output;
use super::sign;
use crate::{Error, Exit, YankReport};

/// Withdraw a release, and move those who run it to another one.
///
/// It is listed no more, so nobody can install it, and the release that takes its place names it as
/// superseded, so that who runs it goes there at the next check, up or down.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The version, or the digest of a bundle that a thief may have listed.
    #[arg(value_name = "V|DIGEST", value_parser = withdrawn)]
    what: Withdrawn,
    /// The version that takes its place [default: the newest other one].
    #[arg(long, value_name = "V")]
    to: Option<Version>,
    /// In which channel [default: that of exuvia.json].
    #[arg(long)]
    channel: Option<Channel>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let report = super::publisher(repo)?.yank(args.what, args.to, args.channel)?;
    output.report(&report, || lines(&report));
    Ok(Exit::Done)
}

fn lines(report: &YankReport) -> String {
    let line = |one: &crate::YankedReport| {
        let bundle = one.bundle.to_string();
        let bundle = || format!("bundle {}…", bundle.get(..16).unwrap_or_default());
        let what = one.version.as_ref().map_or_else(bundle, ToString::to_string);
        format!("{what} for {} ({}) gives way to {}\n", one.platform, one.kind, one.to)
    };
    let lines: String = report.yanked.iter().map(line).collect();
    lines + &sign::outcome(&report.outcome)
}

fn withdrawn(text: &str) -> Result<Withdrawn, String> {
    if let Ok(digest) = text.parse::<Digest>() {
        return Ok(Withdrawn::Bundle(digest));
    }
    text.parse().map(Withdrawn::Version).map_err(|_| "neither a version nor a digest".to_owned())
}
