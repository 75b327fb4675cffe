//! What is to be released: which tree, of which kind, started by which file.

use std::fs;
use std::path::{Path, PathBuf};

use exuvia_bundle::{Node, RelPath, Tree as _};
use exuvia_core::names::{App, Kind};

use crate::Error;
use crate::tree::DiskTree;

/// A tree that is ready to be bundled.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) tree: DiskTree,
    pub(crate) kind: Kind,
    pub(crate) executable: RelPath,
}

impl Source {
    /// Reads what stands at `path`. `outside` is the publisher's folder, which may not lie in it.
    pub(crate) fn read(
        path: &Path,
        kind: Option<Kind>,
        executable: Option<&str>,
        app: &App,
        outside: &Path,
    ) -> Result<Self, Error> {
        let absent = |_| Error::NoSuchPath { path: path.to_owned() };
        let is_folder = fs::metadata(path).map_err(absent)?.is_dir();
        let kind = kind.unwrap_or_else(|| guess_kind(path, is_folder));
        check_kind(kind, is_folder, path)?;
        if !is_folder {
            return Self::read_file(path, kind);
        }
        refuse_inside(path, outside)?;
        let tree = DiskTree::scan(path)?;
        let executable = match executable {
            Some(given) => named(&tree, path, given)?,
            None => find_executable(&tree, app, kind)
                .ok_or_else(|| Error::NoExecutable { path: path.to_owned() })?,
        };
        let tree = tree.with_executable(&executable)?;
        Ok(Self { tree, kind, executable })
    }

    fn read_file(path: &Path, kind: Kind) -> Result<Self, Error> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::NameNotText { path: path.to_owned() })?;
        let tree = DiskTree::single(path, name, true)?;
        let executable =
            RelPath::new(name).map_err(|source| Error::Name { path: path.to_owned(), source })?;
        Ok(Self { tree, kind, executable })
    }
}

fn guess_kind(path: &Path, is_folder: bool) -> Kind {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    match (is_folder, extension.to_ascii_lowercase().as_str()) {
        (true, "app") => Kind::App,
        (true, _) => Kind::Folder,
        (false, "appimage") => Kind::AppImage,
        (false, "deb") => Kind::Deb,
        (false, "rpm") => Kind::Rpm,
        (false, "msi") => Kind::Msi,
        (false, _) => Kind::Exe,
    }
}

fn check_kind(kind: Kind, is_folder: bool, path: &Path) -> Result<(), Error> {
    let wants_folder = matches!(kind, Kind::Folder | Kind::App);
    let wanted = if wants_folder { "folder" } else { "file" };
    match wants_folder == is_folder {
        true => Ok(()),
        false => Err(Error::KindMismatch { kind, wanted, path: path.to_owned() }),
    }
}

/// A release of `.` would give the publisher's keys to the world.
fn refuse_inside(path: &Path, private: &Path) -> Result<(), Error> {
    let real =
        |path: &Path| -> Result<PathBuf, Error> { path.canonicalize().map_err(Error::io(path)) };
    match real(private)?.starts_with(real(path)?) {
        true => Err(Error::ContainsRepository { path: path.to_owned() }),
        false => Ok(()),
    }
}

fn named(tree: &DiskTree, folder: &Path, given: &str) -> Result<RelPath, Error> {
    let missing =
        || Error::ExecutableMissing { path: folder.to_owned(), executable: given.to_owned() };
    let path = RelPath::new(given).map_err(|_| missing())?;
    match tree.manifest().get(&path) {
        Some(Node::File { .. }) => Ok(path),
        _ => Err(missing()),
    }
}

/// The file named like the app, at the top or in `bin/`, else the only executable at the top.
fn find_executable(tree: &DiskTree, app: &App, kind: Kind) -> Option<RelPath> {
    let is_file = |path: &RelPath| matches!(tree.manifest().get(path), Some(Node::File { .. }));
    let folders: &[&str] = match kind {
        Kind::App => &["Contents/MacOS/"],
        _ => &["", "bin/"],
    };
    // `org.example.notes` builds a program called `notes` more often than not.
    let short = app.as_str().rsplit('.').next().unwrap_or_default();
    for name in [app.as_str(), short] {
        for folder in folders {
            for suffix in ["", ".exe"] {
                let path = RelPath::new(&format!("{folder}{name}{suffix}")).ok();
                if let Some(path) = path.filter(is_file) {
                    return Some(path);
                }
            }
        }
    }
    let top = folders.first()?.trim_end_matches('/');
    let mut executables = tree.manifest().entries().iter().filter(|entry| {
        let there = entry.path.parent().unwrap_or("") == top;
        there && matches!(entry.node, Node::File { executable: true, .. })
    });
    match (executables.next(), executables.next()) {
        (Some(only), None) => Some(only.path.clone()),
        _ => None,
    }
}
