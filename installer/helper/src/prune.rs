//! What is left over after a step, and may go.

use crate::error::Error;
use crate::held::Held;
use exuvia_durable::Lock;
use exuvia_plan::files::{self, MANIFESTS, SIDE, SIDE_STAGING, VERSIONS};
use exuvia_plan::{Phase, Shape};
use semver::Version;

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

    /// The run lock, exclusively: proof that no process of this version lives. `None` if one does.
    pub(crate) fn not_running(&self, version: &Version) -> Result<Option<Lock>, Error> {
        Ok(Lock::try_exclusive(self.install().state(), files::run(version))?)
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
            // What does not bear the name of a version is not ours.
            let Ok(version) = Version::parse(name) else { continue };
            if !releases.iter().any(|release| release.version == version) {
                self.forget_run(&version, || Ok(versions.remove_tree(name)?))?;
            }
        }
        Ok(())
    }

    fn prune_side(&self, phase: &Phase) -> Result<(), Error> {
        let (install, layout) = (self.install(), self.install().layout());
        install.root().remove_tree(layout.in_state(SIDE_STAGING))?;
        let Phase::Settled { current, previous: None } = phase else { return Ok(()) };
        for entry in install.state().entries()? {
            let run = entry.name.to_str().and_then(files::version_of_run);
            // The side may be the tree of a process that still lives.
            if let Some(version) = run.filter(|version| *version != current.version)
                && !self.forget_run(&version, || Ok(()))?
            {
                return Ok(());
            }
        }
        Ok(install.root().remove_tree(layout.in_state(SIDE))?)
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
                state.remove_file(&name)?;
            }
        }
        Ok(())
    }
}
