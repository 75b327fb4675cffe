use std::path::{Path, PathBuf};

use super::output::{Output, size};
use crate::folder::parse_config;
use crate::publisher::system_clock;
use crate::{Error, Exit, Folder, verify};

/// Read a repository as a client would.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An address, or a folder.
    #[arg(value_name = "URL|DIR")]
    address: String,
    /// The exuvia.json whose root is trusted [default: that of the publisher's folder].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let config = match &args.config {
        Some(path) => parse_config(path, &std::fs::read(path).map_err(Error::io(path))?)?,
        None => Folder::open(repo)?.config().clone(),
    };
    let report = verify(&args.address, &config, system_clock())?;
    output.report(&report, || {
        format!(
            "{}: trusted, root version {}, good until {}\n{} files, {}, all as listed",
            report.address,
            report.root_version,
            report.until,
            report.targets,
            size(report.bytes)
        )
    });
    Ok(Exit::Done)
}
