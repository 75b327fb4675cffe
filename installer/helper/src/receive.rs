//! Receiving a release: from bytes that nobody here trusts to a tree beside the installed one.

use crate::error::Error;
use crate::held::Held;
use crate::install::Install;
use crate::stage::Fill;
use crate::steps::Staged;
use crate::trust;
use exuvia_bundle::Manifest;
use exuvia_core::release::{Facts, Release};
use exuvia_core::{Digest, Time};
use exuvia_durable::Dir;
use exuvia_plan::files::{self, MANIFESTS};
use exuvia_plan::{Layout, Phase, ReleaseRef, Shape, release_of};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// What is to be received.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// A folder of metadata files: a repository's `metadata/`, or the fetcher's store.
    pub metadata: &'a Path,
    /// Digest of the bundle.
    pub digest: Digest,
    /// The time now.
    pub now: Time,
    /// Take the release although it failed here before.
    pub even_if_bad: bool,
}

impl Install {
    /// Verifies the metadata with this installation's own root and floors, finds the release by
    /// its bundle, checks that it is allowed here, then lets `fill` write the bundle's stream and
    /// puts its tree beside the installed one. `fill` is not called for what is refused before, or
    /// is staged already.
    ///
    /// # Errors
    /// *Repository:* the metadata, the release or the bundle is refused. *Local:* no space, no
    /// rights, [`Error::Busy`] at once if another process is changing the installation. Nothing of
    /// the installed version was touched, and the space is given back.
    pub fn receive(
        &self,
        request: &Request<'_>,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Staged, Error> {
        let held = self.lock(Duration::ZERO)?;
        let phase = held.recovered(request.now)?;
        let (current, _) = phase.at_rest()?;
        if let Phase::Staged { next, .. } = &phase
            && next.digest == request.digest
        {
            return Ok(Staged::in_journal(self, next.clone()));
        }
        held.settle(&phase, request.now)?;
        let (release, floor) = (held.find(request)?, held.floors(request.now)?.application);
        let facts = release.facts();
        let next = ReleaseRef::admitted(facts, self.layout(), current, floor.as_ref())?;
        if !request.even_if_bad {
            self.remembered()?.refuse(&next)?;
        }
        let phase = held.make_room(phase, request.now)?;
        held.take_in(facts, &phase, &next, Fill(fill), request.now)?;
        drop(held);
        Ok(Staged::in_journal(self, next))
    }
}

impl Held<'_> {
    /// The signed release, by this installation's own root and floors.
    fn find(&self, request: &Request<'_>) -> Result<Release, Error> {
        let unfinished = || Error::Unfinished { path: self.install().path().to_owned() };
        let root = self.install().trusted_root()?.ok_or_else(unfinished)?;
        let floors = self.floors(request.now)?;
        let Layout { app, channel, platform, .. } = self.install().layout();
        let whose = (app, channel, platform);
        let (learnt, found) = trust::read(&root, floors, request.metadata, whose, request.now)?;
        // Floors first: a root without its floor could be taken back.
        if let Some(floors) = &learnt.floors {
            self.save_floors(floors)?;
        }
        self.write_twice(files::ROOTS, learnt.root.as_ref().unwrap_or(&root))?;
        Ok(release_of(&found?, request.digest)?.clone())
    }

    /// What was staged before gives way.
    fn make_room(&self, phase: Phase, now: Time) -> Result<Phase, Error> {
        match &phase {
            Phase::Staged { next, .. } => self.take(phase.discard(next.digest, None, now)?, now),
            _ => Ok(phase),
        }
    }

    /// Unpack, manifest, room, rename, journal.
    fn take_in(
        &self,
        facts: &Facts,
        phase: &Phase,
        next: &ReleaseRef,
        fill: Fill<'_>,
        now: Time,
    ) -> Result<(), Error> {
        let (install, layout) = (self.install(), self.install().layout());
        let (staging, place) = (layout.staging(next), layout.tree(next, phase));
        let manifest = self.unpack(facts, next, fill)?;
        let mut spot = &staging;
        let result = (|| {
            let gives_way = self.vacate(phase, next, &place, now)?;
            keep_manifest(install.state(), next.digest, &manifest)?;
            self.place(next, &place)?;
            spot = &place;
            install.root().carry_labels(layout.tree(phase.installed(), phase), &place)?;
            self.take(phase.stage(next, gives_way, now)?, now)
        })();
        // Even in its place it only takes room while the journal, which alone counts, knows nothing.
        if result.is_err() && matches!(install.phase(), Ok(Phase::Settled { .. })) {
            let _ = install.root().remove_tree(spot);
        }
        result.map(drop)
    }

    /// Clears the place of a new tree. If the previous release stands there it gives way, unless
    /// it is running; whether it did.
    fn vacate(
        &self,
        phase: &Phase,
        next: &ReleaseRef,
        place: &Path,
        now: Time,
    ) -> Result<bool, Error> {
        let (install, (current, previous)) = (self.install(), phase.at_rest()?);
        let gives_way = previous.filter(|previous| match install.layout().shape {
            Shape::Versioned { .. } => previous.version == next.version,
            Shape::InPlace { .. } => true,
        });
        let mut _free = None;
        if let Some(previous) = gives_way {
            let busy = || Error::Busy { path: install.root().path().join(place) };
            _free = Some(self.not_running(&previous.version)?.ok_or_else(busy)?);
            self.journal(&Phase::Settled { current: current.clone(), previous: None })?;
        }
        self.clear(place, now)?;
        Ok(gives_way.is_some())
    }
}

pub(crate) fn keep_manifest(state: &Dir, digest: Digest, manifest: &Manifest) -> Result<(), Error> {
    state.subdir_or_create(MANIFESTS)?;
    Ok(state.write_over(files::manifest(digest), &manifest.encode())?)
}
