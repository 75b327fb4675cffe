//! Removing an application: what is ours and nothing else.

use crate::clock::now;
use crate::error::Error;
use crate::install::Install;
use crate::steps::PATIENCE;
use exuvia_plan::files::{CURRENT, LEFT, LOCK, SIDE, STATE, VERSIONS};
use exuvia_plan::{Ours, Phase, Shape};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What is left after an uninstallation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uninstalled {
    /// What stands where the application was and was not put there by Exuvia.
    pub left: Vec<PathBuf>,
}

impl Install {
    /// Removes the stable path first, then the versions, then the state, so that a removal that
    /// was cut off can be repeated. Files that Exuvia did not put there stay, wherever they lie, and
    /// are named.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Disk`].
    pub fn uninstall(self) -> Result<Uninstalled, Error> {
        let held = self.lock(PATIENCE)?;
        let (root, layout, phase) = (self.root(), self.layout(), self.phase().ok());
        let releases = phase.as_ref().map(Phase::releases).unwrap_or_default();
        let ours = Ours::new(&self.manifests()?, &releases);
        let mut left = Vec::new();
        let mut remove = |name: &str, keep: &dyn Fn(&Path) -> bool| -> Result<(), Error> {
            let kept = root.remove_tree_but(name, keep)?;
            left.extend(kept.iter().map(|path| root.path().join(name).join(path)));
            Ok(())
        };
        match &layout.shape {
            Shape::Versioned { launcher } => {
                root.remove_tree(launcher)?;
                root.remove_tree(CURRENT)?;
                remove(VERSIONS, &|path| !ours.in_versions(path))?;
            }
            Shape::InPlace { name, .. } => {
                remove(name, &|path| !ours.in_tree(path))?;
                held.clear(&layout.in_state(SIDE), now())?;
            }
        }
        // The lock goes last: a file that is open may keep its directory from going.
        let but_lock = |path: &Path| path.starts_with(LEFT) || path == Path::new(LOCK);
        root.remove_tree_but(layout.state(), &but_lock)?;
        drop(held);
        remove(&layout.state(), &|path| path.starts_with(LEFT))?;
        if let Shape::Versioned { .. } = layout.shape {
            let known = [VERSIONS, STATE].map(OsStr::new);
            let others = root.entries()?.into_iter().filter(|e| !known.contains(&&*e.name));
            left.extend(others.map(|entry| self.path().join(entry.name)));
            // An empty directory is no harm, so that it cannot be removed is none either.
            let _ = std::fs::remove_dir(self.path());
        }
        Ok(Uninstalled { left })
    }
}
