//! Receiving a release: from bytes that nobody here trusts to a tree beside the installed one.

use crate::error::Error;
use crate::held::{Held, Note};
use crate::install::{Install, MANIFESTS, ROOT, manifest_name};
use crate::stage::{self, Fill};
use crate::steps::{Staged, needs};
use crate::trust::{self, Wanted};
use exuvia_bundle::{Manifest, RelPath};
use exuvia_core::release::{Facts, Release};
use exuvia_core::{Digest, Time};
use exuvia_durable::Dir;
use exuvia_plan::history::Event;
use exuvia_plan::{Consent, Phase, ReleaseRef, Shape};
use semver::Version;
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
        let (current, previous) = match &phase {
            Phase::Staged { next, .. } if next.digest == request.digest => {
                return Ok(Staged::in_journal(self, next.clone()));
            }
            Phase::Settled { current, previous } | Phase::Staged { current, previous, .. } => {
                (current.clone(), previous.clone())
            }
            found => return Err(needs("settled or staged", found)),
        };
        held.settle(&phase, request.now)?;
        let release = held.find(request)?;
        held.allow(release.facts(), &current, request)?;
        // What was staged before gives way.
        held.drop_staged(&phase, Event::Discarded, None, request.now)?;
        let next = held.take_in(release.facts(), current, previous, fill, request.now)?;
        drop(held);
        Ok(Staged::in_journal(self, next))
    }
}

impl Held<'_> {
    /// The signed release, by this installation's own root and floors.
    fn find(&self, request: &Request<'_>) -> Result<Release, Error> {
        let (state, layout) = (self.install().state(), self.install().layout());
        let unfinished = || Error::Unfinished { path: self.install().path().to_owned() };
        let root = state.read(ROOT, MAX_ROOT)?.ok_or_else(unfinished)?;
        let wanted = Wanted {
            app: &layout.app,
            channel: &layout.channel,
            platform: &layout.platform,
            digest: request.digest,
        };
        let floors = self.floors(request.now)?;
        let files = Dir::open(request.metadata)?;
        let (learnt, found) = trust::find(&root, floors, &files, &wanted, request.now);
        // Floors first: a root without its floor could be taken back.
        if let Some(floors) = &learnt.floors {
            self.save_floors(floors)?;
        }
        if let Some(root) = &learnt.root {
            state.write(ROOT, root)?;
        }
        found
    }

    /// Whether a trusted release may follow the installed one here.
    fn allow(&self, facts: &Facts, current: &ReleaseRef, at: &Request<'_>) -> Result<(), Error> {
        let installed = self.install().layout().kind;
        if facts.kind != installed {
            return Err(Error::WrongKind { found: facts.kind, installed });
        }
        if let Some(field) = facts.not_understood() {
            return Err(Error::NotUnderstood { field: field.to_owned() });
        }
        if !facts.supersedes.contains(&current.digest) || facts.bundle.digest == current.digest {
            let application = self.floors(at.now)?.application;
            let above = |floor: &Version| facts.version.cmp_precedence(floor).is_gt();
            // What was rolled back may come again; what lies between may not.
            let floor = application.filter(|floor| *floor != facts.version && !above(floor));
            if let Some(floor) =
                floor.or((!above(&current.version)).then(|| current.version.clone()))
            {
                return Err(Error::NotNewer { offered: facts.version.clone(), floor });
            }
        }
        if let Some(from) = &facts.requires.from
            && current.version.cmp_precedence(from).is_lt()
        {
            let (from, installed) = (from.clone(), current.version.clone());
            return Err(Error::FromTooOld { from, installed });
        }
        match self.install().remembered()?.find(facts.bundle.digest) {
            Some(bad) if !at.even_if_bad => Err(Error::RememberedBad {
                version: bad.version.clone(),
                reason: bad.reason.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn take_in(
        &self,
        facts: &Facts,
        current: ReleaseRef,
        previous: Option<ReleaseRef>,
        fill: &mut Fill<'_>,
        now: Time,
    ) -> Result<ReleaseRef, Error> {
        let next = reference(facts)?;
        let install = self.install();
        let (place, staging) = install.places(&next);
        install.root().remove_tree(&staging)?;
        let manifest = stage::unpack(install.root(), &staging, facts, fill)?;
        let result = self.put_beside(&manifest, &staging, &place, current, previous, &next);
        if result.is_err() {
            let _ = install.root().remove_tree(&staging);
        }
        let from = result?;
        let (from, to) = (Some(&from.version), Some(&next.version));
        self.note(Note { event: Event::Staged, from, to, reason: None }, now);
        Ok(next)
    }

    /// Manifest, room, rename, journal; gives the installed release back.
    fn put_beside(
        &self,
        manifest: &Manifest,
        staging: &Path,
        place: &Path,
        current: ReleaseRef,
        mut previous: Option<ReleaseRef>,
        next: &ReleaseRef,
    ) -> Result<ReleaseRef, Error> {
        let install = self.install();
        keep_manifest(install.state(), next.digest, manifest)?;
        let stands_there = |kept: &ReleaseRef| match install.layout().shape {
            Shape::Versioned { .. } => kept.version == next.version,
            Shape::InPlace { .. } => true,
        };
        let giving_way = previous.take_if(|previous| stands_there(previous));
        if giving_way.is_some() {
            self.journal(&Phase::Settled { current: current.clone(), previous: None })?;
        }
        self.vacate(place, giving_way.as_ref())?;
        settle_tree(install.root(), manifest, staging, place, install.is_single_file())?;
        self.journal(&Phase::Staged {
            current: current.clone(),
            previous,
            next: next.clone(),
            qualified: false,
            consent: Consent::None,
        })?;
        Ok(current)
    }
}

/// Moves a finished staging directory, or the one file in it, to its place.
pub(crate) fn settle_tree(
    root: &Dir,
    manifest: &Manifest,
    staging: &Path,
    place: &Path,
    single: bool,
) -> Result<(), Error> {
    if !single {
        return Ok(root.rename(staging, place)?);
    }
    let [only] = manifest.entries() else {
        return Err(Error::WrongFacts { what: "kind: more than one file" });
    };
    root.rename(staging.join(only.path.as_str()), place)?;
    Ok(root.remove_tree(staging)?)
}

pub(crate) fn keep_manifest(state: &Dir, digest: Digest, manifest: &Manifest) -> Result<(), Error> {
    state.subdir_or_create(MANIFESTS)?;
    Ok(state.write(manifest_name(digest), &manifest.encode())?)
}

/// The release as records name it.
pub(crate) fn reference(facts: &Facts) -> Result<ReleaseRef, Error> {
    let executable = RelPath::new(facts.executable.as_str())
        .map_err(|_| Error::WrongFacts { what: "executable" })?;
    Ok(ReleaseRef {
        version: facts.version.clone(),
        digest: facts.bundle.digest,
        executable,
        published: facts.published,
        safe_from: facts.safe_from.clone(),
        schema: facts.data.as_ref().map(|data| data.schema),
    })
}

pub(crate) const MAX_ROOT: u64 = 512 << 10;
