use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use exuvia_bundle::Sink;
use exuvia_delta::Progress;
use exuvia_durable::{Dir, Replacement};
use serde_json::json;

use super::bars::Bars;
use super::effort::Effort;
use super::new_place;
use super::output::{Output, size};
use crate::tree::{DiskTree, FileSink, FolderSink};
use crate::{Error, Exit, Task, Watch as _};

/// Work with deltas.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make the delta between two files or two folders.
    Make {
        /// The old file or folder.
        old: PathBuf,
        /// The new file or folder.
        new: PathBuf,
        /// The delta to write.
        patch: PathBuf,
        #[command(flatten)]
        effort: Effort,
    },
    /// Apply a delta.
    Apply {
        /// The file or folder that the delta was made from.
        old: PathBuf,
        /// The delta.
        patch: PathBuf,
        /// The file or folder to make.
        new: PathBuf,
    },
    /// Tell what a delta leads from and to.
    Info {
        /// The delta.
        patch: PathBuf,
    },
}

pub(super) fn run(command: Command, output: &Output) -> Result<Exit, Error> {
    match command {
        Command::Make { old, new, patch, effort } => make(&old, &new, &patch, effort, output)?,
        Command::Apply { old, patch, new } => apply(&old, &patch, &new, output)?,
        Command::Info { patch } => info(&patch, output)?,
    }
    Ok(Exit::Done)
}

fn make(
    old: &Path,
    new: &Path,
    patch: &Path,
    effort: Effort,
    output: &Output,
) -> Result<(), Error> {
    if old.is_dir() != new.is_dir() {
        return Err(Error::Unlike { old: old.to_owned(), new: new.to_owned() });
    }
    let (dir, name) = new_place(patch)?;
    let (from, to) = (tree(old)?, tree(new)?);
    let mut out = BufWriter::new(dir.replace(&name, false)?);
    let bars = Bars::new(output.draws());
    let mut progress = |at: Progress| bars.progress(Task::Make, at.done, at.total);
    let made = exuvia_delta::make(&from, &to, &mut out, &effort.options(), &mut progress);
    bars.end(Task::Make);
    let made = made.map_err(Error::delta(patch))?;
    finish(out, patch)?.commit()?;
    let report = json!({
        "length": made.length, "from": made.base.to_string(), "to": made.result.to_string(),
        "files": made.files, "walks": made.walks,
    });
    output.report(&report, || format!("{}: {}", patch.display(), size(made.length)));
    Ok(())
}

fn apply(old: &Path, patch: &Path, new: &Path, output: &Output) -> Result<(), Error> {
    let (dir, name) = new_place(new)?;
    let from = tree(old)?;
    let applied = if old.is_dir() {
        let mut sink = FolderSink::new(dir.stage(&name)?);
        match rebuild(&from, patch, &mut sink) {
            Ok(applied) => {
                sink.into_staging().finish()?;
                applied
            }
            Err(error) => {
                drop(sink);
                dir.remove_tree(&name)?;
                return Err(error);
            }
        }
    } else {
        apply_to_file(&from, old, patch, new, &dir)?
    };
    let report = json!({ "manifest": applied.manifest.to_string(), "length": applied.length });
    output.report(&report, || format!("{}: as the delta states", new.display()));
    Ok(())
}

/// The mode of a file is not part of the delta: the new file takes that of the old one.
fn apply_to_file(
    from: &DiskTree,
    old: &Path,
    patch: &Path,
    new: &Path,
    dir: &Dir,
) -> Result<exuvia_delta::Applied, Error> {
    let metadata = std::fs::metadata(old).map_err(Error::io(old))?;
    let executable = crate::platform::mode(&metadata).executable;
    let name = new.file_name().unwrap_or_default();
    let mut sink = FileSink(BufWriter::new(dir.replace(name, executable)?));
    let applied = rebuild(from, patch, &mut sink)?;
    finish(sink.0, new)?.commit()?;
    Ok(applied)
}

fn rebuild(
    from: &DiskTree,
    patch: &Path,
    out: &mut dyn Sink,
) -> Result<exuvia_delta::Applied, Error> {
    let mut file = BufReader::new(File::open(patch).map_err(Error::io(patch))?);
    let limits = exuvia_delta::Limits::default();
    exuvia_delta::apply(from, &mut file, &limits, out).map_err(Error::delta(patch))
}

fn info(patch: &Path, output: &Output) -> Result<(), Error> {
    let mut file = BufReader::new(File::open(patch).map_err(Error::io(patch))?);
    let info = exuvia_delta::info(&mut file).map_err(Error::delta(patch))?;
    let report = json!({
        "format": exuvia_delta::FORMAT, "length": info.length,
        "from": info.base.to_string(), "to": info.result.to_string(), "fresh": info.fresh,
        "walks": info.walks, "blocks": info.blocks,
    });
    output.report(&report, || {
        format!(
            "{}, {}\nfrom  {}\nto    {}\n{} of new content in {} walks and {} blocks",
            exuvia_delta::FORMAT,
            size(info.length),
            info.base,
            info.result,
            size(info.fresh),
            info.walks,
            info.blocks
        )
    });
    Ok(())
}

/// A folder as it is; a file as a bundle of one file with a fixed name and mode, so that neither
/// its name nor its mode matters.
fn tree(path: &Path) -> Result<DiskTree, Error> {
    match path.is_dir() {
        true => DiskTree::scan(path),
        false => DiskTree::single(path, "file", false),
    }
}

fn finish(out: BufWriter<Replacement>, path: &Path) -> Result<Replacement, Error> {
    let mut replacement = out.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    replacement.flush().map_err(Error::io(path))?;
    Ok(replacement)
}
