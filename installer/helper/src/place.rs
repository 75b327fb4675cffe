//! The two layouts: which tree lies where, what the stable path leads to, how it is moved.

use crate::compare;
use crate::error::Error;
use crate::held::Held;
use crate::install::{CURRENT, Install, VERSIONS, live_in, manifest_name};
use exuvia_bundle::{Limits, Manifest};
use exuvia_core::Digest;
use exuvia_durable::{Exchange, FileKind, Kind};
use exuvia_plan::{InPlaceShape, Phase, ReleaseRef, Shape, World};
use std::path::{Path, PathBuf};

impl Install {
    /// Where the tree of a release lies in this phase, as an absolute path: a folder, or the file
    /// itself for a single executable in place.
    pub fn tree_path(&self, release: &ReleaseRef, phase: &Phase) -> PathBuf {
        self.root().path().join(self.tree_name(release, phase))
    }

    /// The program of a release, as an absolute path.
    pub fn executable(&self, release: &ReleaseRef, phase: &Phase) -> PathBuf {
        let tree = self.tree_path(release, phase);
        if self.is_single_file() { tree } else { tree.join(release.executable.as_str()) }
    }

    /// The manifest of an installed or staged release, `None` if it is not kept or damaged.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn manifest(&self, digest: Digest) -> Result<Option<Manifest>, Error> {
        let limits = Limits::default();
        let bytes = self.state().read(manifest_name(digest), limits.manifest_length)?;
        Ok(bytes.and_then(|bytes| Manifest::parse(&bytes, &limits).ok()))
    }

    pub(crate) fn is_single_file(&self) -> bool {
        matches!(self.layout().shape, Shape::InPlace { shape: InPlaceShape::File, .. })
    }

    /// As [`Install::tree_path`], relative to the root.
    pub(crate) fn tree_name(&self, release: &ReleaseRef, phase: &Phase) -> PathBuf {
        match &self.layout().shape {
            Shape::Versioned { .. } => version_name(release),
            Shape::InPlace { name, .. } if live_in(phase).digest == release.digest => name.into(),
            Shape::InPlace { .. } => self.beside(SIDE),
        }
    }

    /// Where a received release goes, and where it is put together, relative to the root.
    pub(crate) fn places(&self, next: &ReleaseRef) -> (PathBuf, PathBuf) {
        match &self.layout().shape {
            Shape::Versioned { .. } => {
                let staging = format!("{VERSIONS}/.{}.staging", next.version);
                (version_name(next), staging.into())
            }
            Shape::InPlace { .. } => (self.beside(SIDE), self.beside(SIDE_STAGING)),
        }
    }

    /// A name in the state directory, relative to the root.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        let state = self.state().path();
        Path::new(state.file_name().unwrap_or_default()).join(name)
    }

    /// What the disk shows. In place, trees are told apart by their contents, but only in those
    /// phases in which a step may have been cut off: elsewhere the journal is as good, and this
    /// runs at a start.
    pub(crate) fn look(&self, phase: &Phase) -> Result<World, Error> {
        let releases = phase.releases();
        match &self.layout().shape {
            Shape::Versioned { .. } => {
                let target = self.root().read_link(CURRENT).ok().flatten();
                let mut kept = Vec::new();
                for release in &releases {
                    if self.has(&version_name(release))? {
                        kept.push(release.digest);
                    }
                }
                let live = releases.iter().find(|release| {
                    kept.contains(&release.digest) && target == Some(version_name(release))
                });
                Ok(World::new(live.map(|release| release.digest), kept))
            }
            Shape::InPlace { name, .. } => {
                let spots = [PathBuf::from(name), self.beside(SIDE), self.beside(ASIDE)];
                let [live, side, aside] = match phase {
                    Phase::Swapping { .. } | Phase::Reverting { .. } => [
                        self.identify(&spots[0], &releases)?,
                        self.identify(&spots[1], &releases)?,
                        self.identify(&spots[2], &releases)?,
                    ],
                    _ => [
                        self.has(&spots[0])?.then(|| live_in(phase).digest),
                        beside_in(phase).filter(|_| self.has(&spots[1]).unwrap_or(false)),
                        None,
                    ],
                };
                Ok(World::new(live, [side, aside].into_iter().flatten()))
            }
        }
    }

    /// Which of the releases a tree is. When the trees of two fit (one has only files that the
    /// other has too), it is the one with more entries.
    fn identify(&self, spot: &Path, releases: &[&ReleaseRef]) -> Result<Option<Digest>, Error> {
        let mut known = Vec::new();
        if !self.has(spot)? {
            return Ok(None);
        }
        for release in releases {
            if let Some(manifest) = self.manifest(release.digest)? {
                known.push((manifest, release.digest));
            }
        }
        known.sort_by_key(|(manifest, _)| std::cmp::Reverse(manifest.entries().len()));
        for (manifest, digest) in &known {
            if compare::fits(self.root(), spot, manifest, self.is_single_file())? {
                return Ok(Some(*digest));
            }
        }
        Ok(None)
    }

    fn has(&self, name: &Path) -> Result<bool, Error> {
        let expected = if self.is_single_file() { FileKind::File } else { FileKind::Dir };
        Ok(self.root().metadata(name)?.is_some_and(|found| found.kind == expected))
    }
}

impl Held<'_> {
    /// Makes the stable path lead to `to`: in the versioned layout and where two names can be
    /// exchanged in one atomic step, else in renames of which each is a state that [`Install::look`]
    /// recognises.
    pub(crate) fn point(&self, to: &ReleaseRef, phase: &Phase) -> Result<(), Error> {
        let install = self.install();
        match &install.layout().shape {
            Shape::Versioned { .. } => {
                Ok(install.root().symlink_replace(CURRENT, version_name(to))?)
            }
            Shape::InPlace { name, .. } if install.has(Path::new(name))? => {
                self.exchange(Path::new(name))
            }
            Shape::InPlace { name, .. } => self.put_back(to, Path::new(name), phase),
        }
    }

    /// Both trees are there: the side takes the place of the fixed path.
    fn exchange(&self, name: &Path) -> Result<(), Error> {
        let (install, root) = (self.install(), self.install().root());
        let [side, aside] = [SIDE, ASIDE].map(|spot| install.beside(spot));
        match root.exchange(name, &side) {
            Ok(Exchange::Exchanged) => return Ok(()),
            Ok(Exchange::Unsupported) => {}
            Err(error) if error.kind() == Kind::Unsupported => {}
            Err(error) => return Err(error.into()),
        }
        root.remove_tree(&aside)?;
        if install.is_single_file() {
            // The fixed path is never without a file: a copy is kept, the new one renamed over.
            compare::copy_file(root, name, &aside)?;
        } else {
            root.rename(name, &aside)?;
        }
        root.rename(&side, name)?;
        Ok(root.rename(&aside, &side)?)
    }

    /// Nothing stands at the fixed path: a move by renames was cut off between its steps.
    fn put_back(&self, to: &ReleaseRef, name: &Path, phase: &Phase) -> Result<(), Error> {
        let (install, root) = (self.install(), self.install().root());
        let [side, aside] = [SIDE, ASIDE].map(|spot| install.beside(spot));
        for spot in [&aside, &side] {
            if install.identify(spot, &phase.releases())? == Some(to.digest) {
                root.rename(spot, name)?;
                break;
            }
        }
        self.tidy_aside()
    }

    /// Ends a move by renames whose last step was cut off.
    pub(crate) fn tidy_aside(&self) -> Result<(), Error> {
        let install = self.install();
        if matches!(install.layout().shape, Shape::Versioned { .. }) {
            return Ok(());
        }
        let [side, aside] = [SIDE, ASIDE].map(|spot| install.beside(spot));
        match (install.has(&aside)?, install.has(&side)?) {
            (true, false) => Ok(install.root().rename(&aside, &side)?),
            (true, true) => Ok(install.root().remove_tree(&aside)?),
            _ => Ok(()),
        }
    }
}

/// In place, the release that lies beside the live one while the phase is undisturbed.
fn beside_in(phase: &Phase) -> Option<Digest> {
    let release = match phase {
        Phase::Settled { previous, .. } => previous.as_ref(),
        Phase::Staged { next, .. } => Some(next),
        Phase::Trial { from, .. } => Some(from),
        Phase::Swapping { to, .. } => Some(to),
        Phase::Reverting { from, .. } => Some(from),
    };
    release.map(|release| release.digest)
}

pub(crate) fn version_name(release: &ReleaseRef) -> PathBuf {
    format!("{VERSIONS}/{}", release.version).into()
}

pub(crate) const SIDE: &str = "side";
pub(crate) const SIDE_STAGING: &str = "side.staging";
/// Where the fixed path's tree waits while a move is made in two renames.
pub(crate) const ASIDE: &str = "side.moving";
