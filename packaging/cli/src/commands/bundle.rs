use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use exuvia_bundle::{Entry, Manifest, Node, RelPath, Sink, Written, pack};
use serde_json::{Value, json};

use super::new_place;
use super::output::{Output, size};
use crate::packing::{compress_into, unpack};
use crate::tree::{DiskTree, FolderSink};
use crate::{Error, Exit, Unwatched};

/// Work with bundles.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a bundle of a folder or a single file; compressed if OUT ends in .zst.
    Make {
        /// The folder or file.
        path: PathBuf,
        /// The bundle to write.
        out: PathBuf,
        /// Zstandard level.
        #[arg(long, value_name = "1..22", default_value_t = 19, value_parser = clap::value_parser!(i32).range(1..=22))]
        level: i32,
    },
    /// List what a bundle holds, after checking all of it.
    List {
        /// The bundle, compressed or not.
        bundle: PathBuf,
    },
    /// Unpack a bundle into a new folder.
    Unpack {
        /// The bundle, compressed or not.
        bundle: PathBuf,
        /// The folder to make.
        dir: PathBuf,
    },
}

pub(super) fn run(command: Command, output: &Output) -> Result<Exit, Error> {
    match command {
        Command::Make { path, out, level } => make(&path, &out, level, output)?,
        Command::List { bundle } => list(&bundle, output)?,
        Command::Unpack { bundle, dir } => unpack_to(&bundle, &dir, output)?,
    }
    Ok(Exit::Done)
}

fn make(path: &Path, out: &Path, level: i32, output: &Output) -> Result<(), Error> {
    let tree = if path.is_dir() {
        DiskTree::scan(path)?
    } else {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::NameNotText { path: path.to_owned() })?;
        DiskTree::single_as_is(path, name)?
    };
    let (dir, name) = new_place(out)?;
    let mut replacement = dir.replace(&name, false)?;
    let compressed = out.extension().is_some_and(|extension| extension == "zst");
    let written = if compressed {
        compress_into(&tree, &mut replacement, out, level, &Unwatched)?.0
    } else {
        pack(&tree, &mut replacement).map_err(|source| Error::bundle(out, source))?
    };
    replacement.commit()?;
    let Written { digest, length } = written;
    let report = json!({ "bundle": digest.to_string(), "length": length });
    output.report(&report, || format!("{digest}  {} unpacked", size(length)));
    Ok(())
}

fn list(path: &Path, output: &Output) -> Result<(), Error> {
    let bundle = unpack(path, File::open(path).map_err(Error::io(path))?, Discard)?;
    let entries: Vec<Value> = bundle.manifest().entries().iter().map(entry_json).collect();
    let report = json!({
        "bundle": bundle.digest().to_string(), "length": bundle.length(), "entries": entries,
    });
    output.report(&report, || {
        let mut text = String::new();
        for entry in bundle.manifest().entries() {
            // Writing into a string does not fail.
            let _ = writeln!(text, "{}", entry_line(entry));
        }
        let files = bundle.manifest().files();
        text + &format!("\n{}  {files} files, {}", bundle.digest(), size(bundle.length()))
    });
    Ok(())
}

fn unpack_to(path: &Path, to: &Path, output: &Output) -> Result<(), Error> {
    let (dir, name) = new_place(to)?;
    let sink = FolderSink::new(dir.stage(&name)?);
    let file = File::open(path).map_err(Error::io(path));
    let bundle = file.and_then(|file| unpack(path, file, sink));
    let bundle = bundle.or_else(|error| {
        dir.remove_tree(&name)?;
        Err(error)
    })?;
    let (digest, files) = (bundle.digest(), bundle.manifest().files());
    bundle.into_sink().into_staging().finish()?;
    let report = json!({ "bundle": digest.to_string(), "files": files });
    output.report(&report, || format!("{digest}  {files} files"));
    Ok(())
}

fn entry_line(Entry { path, node }: &Entry) -> String {
    match node {
        Node::Dir => format!("{:>14}  dir   {path}/", ""),
        Node::File { executable: true, length, .. } => format!("{length:>14}  exec  {path}"),
        Node::File { length, .. } => format!("{length:>14}  file  {path}"),
        Node::Link { target } => format!("{:>14}  link  {path} -> {target}", ""),
    }
}

fn entry_json(Entry { path, node }: &Entry) -> Value {
    let path = path.as_str();
    match node {
        Node::Dir => json!({ "path": path, "kind": "dir" }),
        Node::File { executable, length, sha256 } => json!({
            "path": path, "kind": "file", "executable": executable, "length": length,
            "sha256": sha256.to_string(),
        }),
        Node::Link { target } => json!({ "path": path, "kind": "link", "target": target }),
    }
}

/// Keeps nothing: whoever lists a bundle wants it checked, not unpacked.
struct Discard;

impl Sink for Discard {
    fn begin(&mut self, _: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn dir(&mut self, _: &RelPath) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &RelPath, _: bool, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn link(&mut self, _: &RelPath, _: &str) -> io::Result<()> {
        Ok(())
    }
}
