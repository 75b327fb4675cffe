//! `demo --old DIR --new DIR`: one update between two real trees, and what it cost.

use std::path::Path;
use std::time::Instant;

use exuvia::{Check, Event};
use semver::Version;
use serde::Serialize;

use super::failure::{Failure, describe, unexpected};
use super::scene::{Scene, files};
use super::table::{Row, size};
use super::voice::Voice;
use crate::{Error, ReleaseOptions, ReleaseReport};

/// What the update between the two trees cost.
#[derive(Debug, Serialize)]
pub(super) struct Sizes {
    /// Bytes of the delta from old to new, if one was worth making.
    pub(super) delta: Option<u64>,
    /// Bytes of the full download of the new tree.
    pub(super) full: u64,
    /// Bytes that came over the wire, metadata included.
    pub(super) received: u64,
    /// The installation, for whoever wants to compare it.
    pub(super) installed: std::path::PathBuf,
}

/// Releases `old` as 1.0.0, installs it, releases `new` as 1.1.0 and updates to it.
pub(super) async fn play(
    scene: &mut Scene,
    voice: &Voice,
    (old, new): (&Path, &Path),
    executable: Option<&str>,
) -> Result<(Vec<Row>, Sizes), Failure> {
    let mut rows = Vec::new();
    let mut row = |step: &str, route: Option<String>, bytes, begun: Instant, result: String| {
        let row = Row { step: step.to_owned(), route, bytes, time: begun.elapsed(), result };
        voice.did(&row);
        rows.push(row);
    };
    voice.say("The old tree is released as 1.0.0 and installed.");
    let begun = Instant::now();
    let report = release(scene, old, 0, executable)?;
    row("release 1.0.0", None, None, begun, format!("{} in full", size(report.full)));
    let begun = Instant::now();
    let installed = scene.install().await?;
    let result = format!("{} files", report.files);
    row("install 1.0.0", Some("full".to_owned()), Some(installed.received), begun, result);

    voice.say("The new tree is released as 1.1.0 and the installation is updated.");
    let begun = Instant::now();
    let report = release(scene, new, 1, executable)?;
    let delta = report.deltas.iter().find_map(|delta| delta.bytes);
    let result = match delta {
        Some(delta) => format!("{} in full, {} as a delta", size(report.full), size(delta)),
        None => format!("{} in full, no delta", size(report.full)),
    };
    row("release 1.1.0", None, None, begun, result);

    let begun = Instant::now();
    let offer = match scene.updater()?.build()?.check().await? {
        Check::Offer(offer) => offer,
        other => return Err(unexpected("check", "an offer of 1.1.0", &describe(&other))),
    };
    let staged = offer.download(&mut |_: Event| {}).await?.stage().await?;
    let (route, received) = (staged.route().map(|route| route.to_string()), staged.received());
    staged.apply_now()?;
    confirm(scene)?;
    let result = format!("every file verified, {} files", report.files);
    row("update to 1.1.0", route, Some(received), begun, result);

    let installed = installed.install.path().join("versions/1.1.0");
    Ok((rows, Sizes { delta, full: report.full, received, installed }))
}

/// Releases a tree. A program is not needed to move bytes, so where none can be told the largest
/// file passes for it.
fn release(
    scene: &mut Scene,
    path: &Path,
    minor: u64,
    executable: Option<&str>,
) -> Result<ReleaseReport, Failure> {
    let mut options = ReleaseOptions::new(path, Version::new(1, minor, 0));
    options.executable = executable.map(str::to_owned);
    match scene.release_tree(&options) {
        Err(Failure::Publisher(Error::NoExecutable { .. })) => {
            options.executable = largest_file(path)?;
            scene.release_tree(&options)
        }
        result => result,
    }
}

/// Nobody starts these trees, so the demo says itself that the new one works.
fn confirm(scene: &Scene) -> Result<(), Failure> {
    let updater = scene.updater()?.build()?;
    let install = updater.installation().map_err(exuvia::Error::from)?;
    let trial = install.trial().map_err(exuvia::Error::from)?;
    let trial = trial.ok_or_else(|| unexpected("confirm", "a trial", "none"))?;
    trial.confirm(scene.now()).map_err(exuvia::Error::from)?;
    Ok(())
}

fn largest_file(folder: &Path) -> Result<Option<String>, Failure> {
    let mut largest = None;
    for path in files(folder)? {
        let length = path.metadata().map_err(Failure::io(&path))?.len();
        let below = path.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned);
        largest = largest.max(Some((length, below)));
    }
    Ok(largest.and_then(|(_, below)| below))
}
