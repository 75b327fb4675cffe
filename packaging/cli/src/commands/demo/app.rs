//! The application of the story: a copy of this very program, under the name `notes` and beside a
//! `notes.json`. It keeps a list of its starts where the story tells it to, so that one sees data
//! outlive versions. It embeds Exuvia the way any application does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// File name of the application in its bundle.
pub(super) const NAME: &str = "notes";
/// The file that makes a copy of this program the application.
const RESOURCE: &str = "notes.json";

/// What a release of the application carries beside its program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    pub(super) version: String,
    /// A release that comes up, draws its window, and dies.
    pub(super) crashes: bool,
}

/// Runs the application, if this process is one.
pub fn run(app: &exuvia::App) -> Option<ExitCode> {
    let resource = resource()?;
    let starts = match record_start(&resource.version) {
        Ok(starts) => starts,
        Err(error) => {
            eprintln!("notes: its data cannot be written: {error}");
            return Some(ExitCode::FAILURE);
        }
    };
    println!("notes {} (start {starts})", resource.version);
    if resource.crashes {
        eprintln!("notes {} crashes", resource.version);
        return Some(ExitCode::from(70));
    }
    app.healthy();
    Some(ExitCode::SUCCESS)
}

fn resource() -> Option<Resource> {
    let exe = std::env::current_exe().ok()?;
    if exe.file_name()? != NAME {
        return None;
    }
    let text = std::fs::read(exe.with_file_name(RESOURCE)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Appends a line to the file named by the first argument and counts its lines.
fn record_start(version: &str) -> std::io::Result<usize> {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else { return Ok(1) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
    writeln!(file, "{version}")?;
    Ok(std::fs::read_to_string(&path)?.lines().count())
}

/// Writes the tree of one version: the program, its resource, and some pages that mostly stay the
/// same, as in any application.
pub(super) fn write_tree(folder: &Path, resource: &Resource) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("pages"))?;
    std::fs::copy(std::env::current_exe()?, folder.join(NAME))?;
    let json = serde_json::to_string_pretty(resource).map_err(std::io::Error::other)?;
    std::fs::write(folder.join(RESOURCE), json)?;
    for page in 1..=PAGES {
        let changed = if page == 1 { resource.version.as_str() } else { "every version" };
        let text = format!("# Page {page}\n\nThis page belongs to {changed}.\n");
        std::fs::write(folder.join(format!("pages/{page}.md")), text)?;
    }
    Ok(())
}

const PAGES: usize = 12;
