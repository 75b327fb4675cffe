use std::path::{Path, PathBuf};

use super::bars::Bars;
use super::output::{Output, size};
use crate::publisher::system_clock;
use crate::remote::local;
use crate::{Error, Exit, Folder};

/// Copy the repository to a folder that a host serves.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder, or file:///FOLDER [default: the first file: mirror of exuvia.json].
    destination: Option<String>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let folder = Folder::open(repo)?;
    let destination = destination(&folder, args.destination)?;
    let bars = Bars::new(output.draws());
    let report = folder.publish(&destination, system_clock(), &bars)?;
    let to = destination.display();
    output.report(&report, || match report.is_unchanged() {
        true => format!("{to} has everything already"),
        false => format!(
            "published to {to}: {} payloads ({}), {} metadata files; {} files were there already",
            report.payloads,
            size(report.bytes),
            report.metadata,
            report.unchanged
        ),
    });
    Ok(if report.is_unchanged() { Exit::Nothing } else { Exit::Done })
}

fn destination(folder: &Folder, given: Option<String>) -> Result<PathBuf, Error> {
    if let Some(destination) = given {
        let path = local(&destination).map(Path::to_owned);
        return path.ok_or(Error::Destination { destination });
    }
    let mut mirrors = folder.config().mirrors.iter();
    let on_disk = mirrors.find_map(|mirror| mirror.as_str().strip_prefix("file://"));
    on_disk.map(PathBuf::from).ok_or(Error::NoDestination)
}
