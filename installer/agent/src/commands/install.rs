//! `install`: the first installation, verified from the root in exuvia.json on.

use std::path::PathBuf;

use exuvia::{FirstInstall, Placement, Updater};
use semver::Version;
use serde_json::json;

use super::exists;
use crate::answer::Answer;
use crate::args::LayoutKind;
use crate::failure::Failure;
use crate::meter::Meter;

pub(super) async fn install(
    updater: &Updater,
    layout: Option<LayoutKind>,
    version: Option<Version>,
    json: bool,
) -> Result<Answer, Failure> {
    let layout = layout.map(|layout| match layout {
        LayoutKind::Versioned => Placement::Versioned,
        LayoutKind::InPlace => Placement::InPlace,
    });
    let first = FirstInstall { layout, version, launcher: launcher_program() };
    let installed = updater.first_install(first, &mut Meter::new(json)).await?;
    let (version, program) = (&installed.version, installed.install.stable_exe());
    let text = format!("installed {version}; start it with {}", program.display());
    let facts = json!({ "version": version, "program": program, "received": installed.received });
    Ok(Answer::done("installed", text, facts))
}

/// The program that is copied as the launcher: the small helper where it lies beside this program,
/// else this program, which serves as well.
fn launcher_program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let helper = own.with_file_name(format!("exuvia-helper{}", std::env::consts::EXE_SUFFIX));
    Some(if exists(&helper) { helper } else { own })
}
