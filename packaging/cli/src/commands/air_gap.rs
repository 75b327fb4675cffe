use std::path::{Path, PathBuf};

use exuvia::Mirror;
use exuvia_core::names::{Channel, Platform};

use super::output::{Output, size};
use crate::publisher::system_clock;
use crate::{Error, Exit, Folder};

/// Copy the newest release to a folder for machines without a network.
///
/// It holds all metadata, the full bundles, and an exuvia.json that names the folder itself as its
/// mirror: `exuvia-agent --config FOLDER/exuvia.json --install DIR install` verifies it like any
/// other. It is good until the timestamp ends; bring a new copy before.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder.
    destination: PathBuf,
    /// Of which channel [default: that of exuvia.json].
    #[arg(long)]
    channel: Option<Channel>,
    /// For which platform [default: all].
    #[arg(long, value_name = "OS-ARCH")]
    platform: Option<Platform>,
    /// Where the folder will lie on those machines, such as file:///media/stick/notes/ [default:
    /// where it is now].
    #[arg(long, value_name = "URL")]
    at: Option<Mirror>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let folder = Folder::open(repo)?;
    let channel = args.channel.unwrap_or_else(|| folder.config().channel.clone());
    let to = &args.destination;
    let mirror = match args.at {
        Some(mirror) => mirror,
        None => {
            let absolute = std::path::absolute(to).map_err(Error::io(to))?;
            format!("file://{}/", absolute.display()).parse().map_err(Error::Mirror)?
        }
    };
    let report = folder.air_gap(to, &channel, args.platform.as_ref(), mirror, system_clock())?;
    output.report(&report, || {
        format!(
            "copied {} releases ({}) and all metadata to {}\n\
             it is looked for at {} and good until {}",
            report.targets.len(),
            size(report.bytes),
            to.display(),
            report.mirror,
            report.until
        )
    });
    Ok(Exit::Done)
}
