//! Removing a tree without ever leaving it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::at::At;
use crate::dir::{Dir, FileKind};
use crate::error::{Error, Kind, Step};
use crate::file::is_temporary_name;
use crate::platform;
use crate::steps;

/// Deeper trees than this were not made by Exuvia, whose bundles end at 64; each level holds an
/// open directory and a stack frame.
const DEPTH: usize = 256;

impl Dir {
    /// Removes whatever stands under `name` with all beneath it, if it is there. Links are removed,
    /// never followed. Durable on return; after an error part of the tree may be gone.
    ///
    /// # Errors
    /// Local.
    pub fn remove_tree(&self, name: impl AsRef<Path>) -> Result<(), Error> {
        self.remove_tree_but(name, &|_| false).map(drop)
    }

    /// As [`Dir::write`]; a directory in the place of the file goes, with all beneath it.
    ///
    /// # Errors
    /// Local.
    pub fn write_over(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
        self.clear_for(&name, || self.write(&name, bytes))
    }

    /// As [`Dir::rename`]; a directory in the place of the file goes, with all beneath it.
    ///
    /// # Errors
    /// Local.
    pub fn rename_over(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), Error> {
        self.clear_for(&to, || self.rename(&from, &to))
    }

    /// Takes a step that ends in a file; what is no file there goes when it is in the way.
    fn clear_for(
        &self,
        name: &impl AsRef<Path>,
        step: impl Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        match step() {
            Err(e) if matches!(e.kind(), Kind::WrongPath | Kind::Exists) => {
                self.remove_tree(name)?;
                step()
            }
            done => done,
        }
    }

    /// As [`Dir::sweep`], where no lock keeps writers apart: only what is older than any of them
    /// takes, `age`.
    ///
    /// # Errors
    /// Local.
    pub fn sweep_older(&self, age: Duration) -> Result<(), Error> {
        for entry in self.entries()? {
            if entry.kind == FileKind::File && is_temporary_name(&entry.name) {
                let written = self.open_file(&entry.name).ok().and_then(|f| f.metadata().ok());
                let written = written.and_then(|metadata| metadata.modified().ok());
                if written.and_then(|at| at.elapsed().ok()).is_some_and(|passed| passed > age) {
                    self.remove_file(&entry.name)?;
                }
            }
        }
        Ok(())
    }

    /// As [`Dir::remove_tree`], but the files and links stay for which `keep` says so, given their
    /// path beneath `name`, and with them the directories that hold them. Gives the paths kept.
    ///
    /// # Errors
    /// Local.
    pub fn remove_tree_but(
        &self,
        name: impl AsRef<Path>,
        keep: &dyn Fn(&Path) -> bool,
    ) -> Result<Vec<PathBuf>, Error> {
        let at = At::find(self, name.as_ref())?;
        let kept = tree(at.dir(), at.name(), keep)?;
        at.dir().sync()?;
        Ok(kept)
    }
}

/// Removes `name` and all beneath it but the files and links that are to be kept, which it gives;
/// nothing to remove is fine.
fn tree(dir: &Dir, name: &OsStr, keep: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Error> {
    let mut kept = Vec::new();
    level(dir, name, Path::new(""), DEPTH, &mut |path| {
        let keeps = path != Path::new("") && keep(path);
        if keeps {
            kept.push(path.to_owned());
        }
        keeps
    })?;
    Ok(kept)
}

/// `inside` is the path beneath the tree. Whether it is gone.
fn level(
    dir: &Dir,
    name: &OsStr,
    inside: &Path,
    depth: usize,
    keep: &mut dyn FnMut(&Path) -> bool,
) -> Result<bool, Error> {
    let path = dir.path().join(name);
    let Some(metadata) = dir.metadata(name)? else { return Ok(true) };
    if metadata.kind != FileKind::Dir {
        if keep(inside) {
            return Ok(false);
        }
        gone(steps::mutate(Step::Remove, &path, || platform::remove_file(dir.handle(), name)))?;
        return Ok(true);
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::new(Step::Remove, &path, io::ErrorKind::InvalidFilename.into()));
    };
    // `subdir` refuses a link, so a directory that was exchanged for one since is not entered.
    let inner = dir.subdir(name)?;
    let mut empty = true;
    for entry in inner.entries()? {
        empty &= level(&inner, &entry.name, &inside.join(&entry.name), depth, keep)?;
    }
    if empty {
        gone(steps::mutate(Step::Remove, &path, || platform::remove_dir(dir.handle(), name)))?;
    } else {
        inner.sync()?;
    }
    Ok(empty)
}

/// Somebody else removed it first: as good.
fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
