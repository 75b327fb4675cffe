use std::path::Path;

use exuvia_core::names::{Channel, Platform};

use super::output::Output;
use crate::{Error, Exit};

/// Spread a long list of releases over several files (hashed bins).
///
/// What a channel lists for a platform is one file of at most 64 KiB. With bins, each of them may
/// have that much, and a client fetches only those that changed; the first time, all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many: 2, 4, 8, 16 or 32. It may grow later, but not shrink.
    #[arg(value_name = "N")]
    bins: u32,
    /// Of which channel [default: that of exuvia.json].
    #[arg(long)]
    channel: Option<Channel>,
    /// For which platform, such as linux-x86_64 [default: all of the channel].
    #[arg(long, value_name = "OS-ARCH")]
    platform: Option<Platform>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let mut publisher = super::publisher(repo)?;
    let outcome = publisher.spread(args.bins, args.channel, args.platform.as_ref())?;
    super::keys::tell(&outcome, output);
    Ok(Exit::Done)
}
