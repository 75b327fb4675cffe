//! Removing an application: what is ours and nothing else.

use crate::error::Error;
use crate::install::Install;
use crate::steps::PATIENCE;
use exuvia_plan::{Shape, files};
use std::path::PathBuf;

/// What is left after an uninstallation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uninstalled {
    /// What stands in the application's directory and was not put there by Exuvia.
    pub left: Vec<PathBuf>,
}

impl Install {
    /// Removes the stable path first, then the versions, then the state, so that a removal that
    /// was cut off can be repeated. Other files in the application's directory stay and are named.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Disk`].
    pub fn uninstall(self) -> Result<Uninstalled, Error> {
        let held = self.lock(PATIENCE)?;
        let (root, layout) = (self.root(), self.layout());
        let Shape::Versioned { launcher } = &layout.shape else {
            root.remove_tree(layout.live())?;
            root.remove_tree(layout.state())?;
            return Ok(Uninstalled::default());
        };
        for name in [launcher, files::CURRENT, files::VERSIONS, files::STATE] {
            root.remove_tree(name)?;
        }
        drop(held);
        let left: Vec<PathBuf> =
            root.entries()?.iter().map(|entry| self.path().join(&entry.name)).collect();
        if left.is_empty() {
            // An empty directory is no harm, so that it cannot be removed is none either.
            let _ = std::fs::remove_dir(self.path());
        }
        Ok(Uninstalled { left })
    }
}
