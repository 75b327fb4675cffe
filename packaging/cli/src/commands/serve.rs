use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::output::Output;
use crate::serve::Server;
use crate::{Error, Exit};

/// Serve a repository on this machine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    addr: SocketAddr,
    /// The folder with metadata/ and targets/ [default: the publisher's folder].
    dir: Option<PathBuf>,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let dir = args.dir.unwrap_or_else(|| repo.to_owned());
    if !dir.join("metadata").is_dir() {
        return Err(Error::NotServable { dir });
    }
    let server = Server::start(&dir, args.addr)?;
    let report = json!({ "url": server.url(), "dir": dir.display().to_string() });
    output.report(&report, || {
        format!("serving {} at {}; end with Ctrl-C", dir.display(), server.url())
    });
    server.wait()?;
    Ok(Exit::Done)
}
