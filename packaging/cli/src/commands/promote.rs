use std::path::Path;

use exuvia_core::names::Channel;
use semver::Version;

use super::output::Output;
use crate::{Error, Exit, PromoteReport};

/// List a release of one channel in another one too: the very same files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The version.
    version: Version,
    /// The channel that lists it.
    from: Channel,
    /// The channel that shall list it too.
    to: Channel,
    /// Let a rollout hold it back there, at most so many days [default: 14].
    #[arg(long, value_name = "DAYS", num_args = 0..=1, default_missing_value = "14", require_equals = true)]
    gated: Option<u32>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let mut publisher = super::publisher(repo)?;
    let reports = publisher.promote(&args.version, &args.from, &args.to, args.gated)?;
    let nothing_new = reports.iter().all(|report| report.there_already);
    output.report(&reports, || {
        let line = |report: &PromoteReport| match report.there_already {
            true => format!("{} ({}): there already\n", report.platform, report.kind),
            false => {
                format!("{} ({}): with {} deltas\n", report.platform, report.kind, report.deltas)
            }
        };
        let lines: String = reports.iter().map(line).collect();
        let head = format!("{} of {} is in {} too\n", args.version, args.from, args.to);
        head + &lines + "publish it with `exuvia publish`"
    });
    Ok(if nothing_new { Exit::Nothing } else { Exit::Done })
}
