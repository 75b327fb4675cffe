//! `exuvia demo`: the whole story on this machine, nothing else needed.

pub mod app;
mod failure;
mod scene;
mod story;
mod table;
mod trees;
mod voice;

use std::path::PathBuf;

use serde::Serialize;

pub use self::failure::Failure;
use self::scene::Scene;
use self::table::Row;
use self::trees::Sizes;
use self::voice::Voice;
use super::output::Output;
use crate::{Error, Exit};

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Update from this folder (or file) …
    #[arg(long, value_name = "DIR", requires = "new")]
    old: Option<PathBuf>,
    /// … to this one, in place of the story; reports the bytes of delta and of full.
    #[arg(long, value_name = "DIR", requires = "old")]
    new: Option<PathBuf>,
    /// The program inside the two folders; without it any file will do.
    #[arg(long, value_name = "PATH", requires = "old")]
    executable: Option<String>,
    /// Play in this empty folder and leave everything there to look at.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Plays the demo and tells its table.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let played = play(args, &Voice::new(output)).map_err(Box::new)?;
    output.report(&played, || played.render());
    Ok(Exit::Done)
}

/// What the demo came to.
#[derive(Debug, Serialize)]
struct Played {
    steps: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sizes: Option<Sizes>,
}

impl Played {
    fn render(&self) -> String {
        let mut text = format!("\n{}", table::render(&self.steps));
        if let Some(Sizes { delta: Some(delta), full, .. }) = self.sizes {
            let share = delta as f64 * 100.0 / full.max(1) as f64;
            text.push_str(&format!("\n  delta {delta} bytes, full {full} bytes: {share:.1} %\n"));
        }
        text
    }
}

fn play(args: &Args, voice: &Voice) -> Result<Played, Failure> {
    let temporary;
    let home = match &args.keep {
        Some(home) => home.as_path(),
        None => {
            temporary = tempfile::tempdir().map_err(Failure::io(&std::env::temp_dir()))?;
            temporary.path()
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io(home))?;
    if let (Some(old), Some(new)) = (&args.old, &args.new) {
        let mut scene = Scene::new(home, false)?;
        let played = trees::play(&mut scene, voice, (old, new), args.executable.as_deref());
        let (steps, sizes) = runtime.block_on(played)?;
        return Ok(Played { steps, sizes: Some(sizes) });
    }
    let mut scene = Scene::new(home, true)?;
    let steps = runtime.block_on(story::play(&mut scene, voice))?;
    Ok(Played { steps, sizes: None })
}
