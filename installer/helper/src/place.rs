//! The two layouts on disk: what the stable path leads to, and how it is moved.

use crate::compare;
use crate::error::Error;
use crate::held::Held;
use crate::install::{Install, read_state};
use exuvia_bundle::{Limits, Manifest};
use exuvia_core::Digest;
use exuvia_durable::{Exchange, FileKind, Kind};
use exuvia_plan::files::{self, ASIDE, CURRENT, MANIFESTS, SIDE};
use exuvia_plan::{Phase, ReleaseRef, Shape, World};
use std::path::{Path, PathBuf};

impl Install {
    /// The manifest of an installed or staged release, `None` if it is not kept or damaged.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn manifest(&self, digest: Digest) -> Result<Option<Manifest>, Error> {
        let limits = Limits::default();
        let bytes = read_state(self.state(), &files::manifest(digest), limits.manifest_length)?;
        Ok(bytes.and_then(|bytes| Manifest::parse(&bytes, &limits).ok()))
    }

    /// All manifests that are kept and sound.
    pub(crate) fn manifests(&self) -> Result<Vec<(Digest, Manifest)>, Error> {
        let mut manifests = Vec::new();
        for entry in self.state().subdir_or_create(MANIFESTS)?.entries()? {
            if let Some(digest) = entry.name.to_str().and_then(files::digest_of_manifest)
                && let Some(manifest) = self.manifest(digest)?
            {
                manifests.push((digest, manifest));
            }
        }
        Ok(manifests)
    }

    /// What the disk shows. In place, trees are told apart by their contents, but only in those
    /// phases in which a step may have been cut off: elsewhere the journal is as good, and this
    /// runs at a start.
    pub(crate) fn look(&self, phase: &Phase) -> Result<World, Error> {
        let releases = phase.releases();
        if let Shape::Versioned { .. } = self.layout().shape {
            let mut kept = Vec::new();
            for release in &releases {
                if self.has(&files::version(release))? {
                    kept.push(release.digest);
                }
            }
            let live = releases.iter().find(|r| kept.contains(&r.digest) && self.leads_to(r));
            return Ok(World::new(live.map(|release| release.digest), kept));
        }
        let [live, side, aside] = self.spots();
        if let Phase::Swapping { .. } | Phase::Reverting { .. } = phase {
            let identify = |spot: &Path| self.identify(spot, Some(&releases));
            let beside = [identify(&side)?, identify(&aside)?];
            return Ok(World::new(identify(&live)?, beside.into_iter().flatten()));
        }
        let live = self.has(&live)?.then_some(phase.live().digest);
        let side = if self.has(&side)? { phase.beside() } else { None };
        Ok(World::new(live, side.map(|release| release.digest)))
    }

    /// Whether the link leads to this release; in place there is nothing to see.
    pub(crate) fn leads_to(&self, release: &ReleaseRef) -> bool {
        match self.layout().shape {
            Shape::InPlace { .. } => true,
            Shape::Versioned { .. } => {
                self.root().pointer(CURRENT).ok().flatten() == Some(files::version(release))
            }
        }
    }

    /// The program that the stable path leads to, as far as the layout knows.
    pub(crate) fn stable_program(&self) -> PathBuf {
        let layout = self.layout();
        layout.stable_program(self.root().reach(layout.live()))
    }

    /// In place: the fixed path, the other version, and where a tree waits during a move.
    fn spots(&self) -> [PathBuf; 3] {
        let layout = self.layout();
        [layout.live().into(), layout.in_state(SIDE), layout.in_state(ASIDE)]
    }

    /// Which of the releases a tree is, or which at all of those whose manifest is kept. When the trees of two fit (one has only files that the
    /// other has too), it is the one with more entries.
    pub(crate) fn identify(
        &self,
        spot: &Path,
        among: Option<&[&ReleaseRef]>,
    ) -> Result<Option<Digest>, Error> {
        let mut known = self.manifests()?;
        known.retain(|(digest, _)| among.is_none_or(|all| all.iter().any(|r| r.digest == *digest)));
        known.sort_by_key(|(_, manifest)| std::cmp::Reverse(manifest.entries().len()));
        for (digest, manifest) in &known {
            if self.has(spot)?
                && compare::fits(self.root(), spot, manifest, self.layout().is_single_file())?
            {
                return Ok(Some(*digest));
            }
        }
        Ok(None)
    }

    fn has(&self, name: &Path) -> Result<bool, Error> {
        let single = self.layout().is_single_file();
        let expected = if single { FileKind::File } else { FileKind::Dir };
        Ok(self.root().metadata(name)?.is_some_and(|found| found.kind == expected))
    }
}

impl Held<'_> {
    /// Makes the stable path lead to `to`: in one atomic step in the versioned layout and where two
    /// names can be exchanged, else in renames of which each leaves a state that [`Install::look`]
    /// recognises.
    pub(crate) fn point(&self, to: &ReleaseRef, phase: &Phase) -> Result<(), Error> {
        let install = self.install();
        if let Shape::Versioned { .. } = install.layout().shape {
            return Ok(install.root().point(CURRENT, files::version(to))?);
        }
        let [live, side, aside] = install.spots();
        if install.has(&live)? {
            return self.exchange(&live, &side, &aside);
        }
        // Nothing stands at the fixed path: a move by renames was cut off between two of them.
        for spot in [&aside, &side] {
            if install.identify(spot, Some(&phase.releases()))? == Some(to.digest) {
                return Ok(install.root().rename(spot, &live)?);
            }
        }
        Ok(())
    }

    /// Both trees are there: the side takes the place of the fixed path.
    fn exchange(&self, live: &Path, side: &Path, aside: &Path) -> Result<(), Error> {
        let root = self.install().root();
        match root.exchange(live, side) {
            Ok(Exchange::Exchanged) if self.install().has(live)? => return Ok(()),
            Ok(Exchange::Exchanged) => {
                // At the last moment somebody put a link where the tree lay.
                root.exchange(side, live).map(drop)?;
                return Err(Error::Occupied { path: self.install().state().path().join(SIDE) });
            }
            Ok(Exchange::Unsupported) => {}
            Err(error) if error.kind() == Kind::Unsupported => {}
            Err(error) => return Err(error.into()),
        }
        root.remove_tree(aside)?;
        if self.install().layout().is_single_file() {
            // The fixed path is never without a file: a copy is kept, the new one renamed over.
            root.copy_program(root.open_file(live)?, aside)?;
        } else {
            root.rename(live, aside)?;
        }
        root.rename(side, live)?;
        Ok(root.rename(aside, side)?)
    }

    /// Ends a move by renames whose last step was cut off.
    pub(crate) fn tidy_aside(&self) -> Result<(), Error> {
        let install = self.install();
        let [_, side, aside] = install.spots();
        match (install.layout().shape.clone(), install.has(&aside)?, install.has(&side)?) {
            (Shape::InPlace { .. }, true, false) => Ok(install.root().rename(&aside, &side)?),
            (Shape::InPlace { .. }, true, true) => Ok(install.root().remove_tree(&aside)?),
            _ => Ok(()),
        }
    }
}
