//! Telling trees apart by what they contain.

use crate::error::Error;
use exuvia_bundle::{Entry, Hasher, Manifest, Node};
use exuvia_durable::{Dir, FileKind};
use std::io;
use std::path::Path;

/// Whether everything that the manifest names stands at `spot` as it should. Other files beside
/// them are ignored (formats §4). Ends at the first difference, so two versions of one application
/// are told apart quickly.
pub(crate) fn fits(
    root: &Dir,
    spot: &Path,
    manifest: &Manifest,
    single: bool,
) -> Result<bool, Error> {
    let name = |entry: &Entry| {
        if single { spot.to_owned() } else { spot.join(entry.path.as_str()) }
    };
    for entry in manifest.entries() {
        let name = name(entry);
        let Some(found) = root.metadata(&name)? else { return Ok(false) };
        let same = match &entry.node {
            Node::Dir => found.kind == FileKind::Dir,
            Node::Link { target } => {
                found.kind == FileKind::Link
                    && root.read_link(&name)?.is_some_and(|t| t == Path::new(target.as_str()))
            }
            Node::File { executable, length, .. } => {
                (found.kind, found.length) == (FileKind::File, *length)
                    && found.executable.is_none_or(|found| found == *executable)
            }
        };
        if !same {
            return Ok(false);
        }
    }
    for entry in manifest.entries() {
        if let Node::File { sha256, .. } = &entry.node {
            let mut hasher = Hasher::new();
            io::copy(&mut root.open_file(name(entry))?, &mut hasher).map_err(Error::Fill)?;
            if hasher.finish() != *sha256 {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
