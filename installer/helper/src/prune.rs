//! What is left over after a step, and may go.

use crate::error::Error;
use crate::held::Held;
use exuvia_core::Time;
use exuvia_plan::files::{self, LEFT, MANIFESTS, SIDE, SIDE_STAGING, VERSIONS};
use exuvia_plan::history::{Entry, Event};
use exuvia_plan::{Ours, Phase, ReleaseRef, Shape};
use semver::Version;
use std::path::Path;

impl Held<'_> {
    /// Removes what no release of the phase needs: staging left-overs, versions, manifests. A tree
    /// whose version is still running stays until a later prune. Nothing depends on this, so a
    /// failure only leaves things lying about.
    pub(crate) fn prune(&self, phase: &Phase, now: Time) {
        let _ = self.install().state().sweep();
        let pruned = match &self.install().layout().shape {
            Shape::Versioned { .. } => self.prune_versions(&phase.releases(), now),
            Shape::InPlace { .. } => self.prune_side(phase, now),
        };
        // A tree that had to stay needs its manifest on the day it goes.
        if let Ok(true) = pruned {
            let _ = self.prune_manifests(phase);
            let _ = self.forget_runs(&phase.releases());
        }
    }

    /// Removes a tree: what a manifest names, and directories that are empty then. What else lies
    /// there is not ours: it is carried to a folder of its own, and the history says so.
    pub(crate) fn clear(&self, spot: &Path, now: Time) -> Result<(), Error> {
        let (install, root) = (self.install(), self.install().root());
        if root.metadata(spot)?.is_none() {
            return Ok(());
        }
        let ours = Ours::new(&install.manifests()?, &[]);
        if root.remove_tree_but(spot, &|path| !ours.in_tree(path))?.is_empty() {
            return Ok(());
        }
        let taken = install.state().subdir_or_create(LEFT)?.entries()?;
        let free = (1..).map(|n| n.to_string()).find(|n| taken.iter().all(|e| e.name != **n));
        let left = install.layout().in_state(LEFT).join(free.unwrap_or_default());
        root.rename(spot, &left)?;
        let reason = Some(root.path().join(left).display().to_string());
        self.note(&Entry { time: now, event: Event::Carried, from: None, to: None, reason });
        Ok(())
    }

    /// Whether all went that is not needed.
    pub(crate) fn prune_versions(&self, needed: &[&ReleaseRef], now: Time) -> Result<bool, Error> {
        self.install().root().sweep()?;
        let versions = self.install().root().subdir(VERSIONS)?;
        let mut all = true;
        for entry in versions.entries()? {
            let Some(name) = entry.name.to_str() else { continue };
            if files::is_staging(name) {
                versions.remove_tree(name)?;
            }
            // What does not bear the name of a version is not ours.
            let Ok(version) = Version::parse(name) else { continue };
            if !needed.iter().any(|release| release.version == version) {
                let spot = Path::new(VERSIONS).join(name);
                all &= self.forget_run(&version, || self.clear(&spot, now))?;
            }
        }
        Ok(all)
    }

    fn prune_side(&self, phase: &Phase, now: Time) -> Result<bool, Error> {
        let (install, layout) = (self.install(), self.install().layout());
        install.root().remove_tree(layout.in_state(SIDE_STAGING))?;
        let Phase::Settled { previous: None, .. } = phase else { return Ok(true) };
        // The side may be the tree of a process that still lives.
        let free = self.forget_runs(&phase.releases())?;
        Ok(free && self.clear(&layout.in_state(SIDE), now).map(|()| true)?)
    }

    /// Removes the locks of versions that are not needed, whose trees may have gone before them;
    /// `false` if one of them is running.
    fn forget_runs(&self, needed: &[&ReleaseRef]) -> Result<bool, Error> {
        let entries = self.install().state().entries()?;
        let runs = entries.iter().filter_map(|e| files::version_of_run(e.name.to_str()?));
        let old = runs.filter(|run| needed.iter().all(|release| release.version != *run));
        old.map(|run| self.forget_run(&run, || Ok(()))).try_fold(true, |all, gone| Ok(all & gone?))
    }

    /// Does something with a version that is not running, and removes its lock; `false` if it is.
    fn forget_run(
        &self,
        version: &Version,
        then: impl FnOnce() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let Some(_free) = self.not_running(version)? else { return Ok(false) };
        then()?;
        self.install().state().remove_file(files::run(version))?;
        Ok(true)
    }

    fn prune_manifests(&self, phase: &Phase) -> Result<(), Error> {
        let state = self.install().state();
        let needed: Vec<_> = phase.releases().iter().map(|r| files::manifest(r.digest)).collect();
        for entry in state.subdir(MANIFESTS)?.entries()? {
            let name = format!("{MANIFESTS}/{}", entry.name.to_string_lossy());
            if !needed.contains(&name) {
                state.remove_tree(&name)?;
            }
        }
        Ok(())
    }
}
