//! What is left over after a step, and may go.

use crate::error::Error;
use crate::held::Held;
use crate::install::{MANIFESTS, RUN, RUN_END, VERSIONS, run_name};
use crate::place::{SIDE, SIDE_STAGING};
use exuvia_durable::Lock;
use exuvia_plan::{Phase, ReleaseRef, Shape};
use semver::Version;
use std::path::Path;

impl Held<'_> {
    /// Removes what no release of the phase needs: staging left-overs, versions, manifests. A tree
    /// whose version is still running stays until a later prune. Nothing depends on this, so a
    /// failure only leaves things lying about.
    pub(crate) fn prune(&self, phase: &Phase) {
        let _ = self.install().state().sweep();
        let _ = match &self.install().layout().shape {
            Shape::Versioned { .. } => self.prune_versions(phase),
            Shape::InPlace { .. } => self.prune_side(phase),
        };
        let _ = self.prune_manifests(phase);
    }

    /// Makes room for a new tree. A kept release that stands there must not be running.
    ///
    /// # Errors
    /// [`Error::Busy`] if it is.
    pub(crate) fn vacate(&self, place: &Path, kept: Option<&ReleaseRef>) -> Result<(), Error> {
        let free = kept.map(|release| self.not_running(&run_name(release))).transpose()?;
        if let Some(None) = free {
            return Err(Error::Busy { path: self.install().root().path().join(place) });
        }
        Ok(self.install().root().remove_tree(place)?)
    }

    /// The run lock, exclusively: proof that no process of this version lives. `None` if one does.
    pub(crate) fn not_running(&self, run_name: &str) -> Result<Option<Lock>, Error> {
        Ok(Lock::try_exclusive(self.install().state(), run_name)?)
    }

    fn prune_versions(&self, phase: &Phase) -> Result<(), Error> {
        let releases = phase.releases();
        self.install().root().sweep()?;
        let versions = self.install().root().subdir(VERSIONS)?;
        for entry in versions.entries()? {
            let Some(name) = entry.name.to_str() else { continue };
            if name.starts_with('.') && name.ends_with(".staging") {
                versions.remove_tree(name)?;
            }
            let needed = releases.iter().any(|release| release.version.to_string() == name);
            // What does not bear the name of a version is not ours.
            if needed || Version::parse(name).is_err() {
                continue;
            }
            let run = format!("{RUN}{name}{RUN_END}");
            if let Some(_free) = self.not_running(&run)? {
                versions.remove_tree(name)?;
                self.install().state().remove_file(&run)?;
            }
        }
        Ok(())
    }

    fn prune_side(&self, phase: &Phase) -> Result<(), Error> {
        let install = self.install();
        install.root().remove_tree(install.beside(SIDE_STAGING))?;
        let Phase::Settled { current, previous: None } = phase else { return Ok(()) };
        for entry in install.state().entries()? {
            let name = entry.name.to_string_lossy();
            let run = name.starts_with(RUN) && name.ends_with(RUN_END);
            if run && name != run_name(current) {
                // The side may be the tree of a process that still lives.
                let Some(_free) = self.not_running(&name)? else { return Ok(()) };
                install.state().remove_file(&*name)?;
            }
        }
        Ok(install.root().remove_tree(install.beside(SIDE))?)
    }

    fn prune_manifests(&self, phase: &Phase) -> Result<(), Error> {
        let needed: Vec<String> =
            phase.releases().iter().map(|release| format!("{}.json", release.digest)).collect();
        let manifests = self.install().state().subdir(MANIFESTS)?;
        for entry in manifests.entries()? {
            if !needed.iter().any(|needed| entry.name == needed.as_str()) {
                manifests.remove_file(&entry.name)?;
            }
        }
        Ok(())
    }
}
