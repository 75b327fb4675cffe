//! The first installation: nothing counts until the journal says `settled`.

use crate::error::Error;
use crate::held::Held;
use crate::install::{Install, intact};
use crate::platform;
use crate::receive::keep_manifest;
use crate::stage::Fill;
use crate::trust;
use exuvia_core::offline::Learnt;
use exuvia_core::{Digest, Facts, Floors, Platform, Time};
use exuvia_durable::Dir;
use exuvia_plan::files::{self, JOURNAL, LAYOUT, VERSIONS};
use exuvia_plan::history::{Entry, Event};
use exuvia_plan::{Config, Layout, LayoutError, Phase, Refusal, ReleaseRef, Shape};
use exuvia_plan::{record, release_of};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// A first installation.
#[derive(Clone, Debug)]
pub struct First<'a> {
    /// The application's directory (versioned), or the fixed path (in place).
    pub path: &'a Path,
    /// The layout. Its name is that of the launcher, or the last segment of `path`.
    pub shape: Shape,
    /// The platform whose releases are wanted.
    pub platform: &'a Platform,
    /// The application's configuration, whose root is trusted first.
    pub config: &'a Config,
    /// A folder of metadata files.
    pub metadata: &'a Path,
    /// Digest of the bundle.
    pub digest: Digest,
    /// The time now.
    pub now: Time,
    /// The program that becomes the launcher, for the versioned layout: `exuvia-helper`, or any
    /// program that calls [`reenter`](crate::reenter) first thing in `main`.
    pub launcher: Option<&'a Path>,
}

impl Install {
    /// Installs an application for the first time, verified from the configuration's root on. Cut
    /// off at any moment it leaves nothing that counts, and doing it again starts over, as it does
    /// over an installation of the application whose journal, layout or root is damaged.
    ///
    /// # Errors
    /// [`Error::Occupied`] if something that is not ours stands there, or an installation does.
    /// Else as [`Install::receive`].
    pub fn first_install(
        first: &First<'_>,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Install, Error> {
        let Config { app, channel, root, .. } = first.config;
        let (floors, whose) = (Floors::default(), (app, channel, first.platform));
        let (learnt, found) = trust::read(root, floors, first.metadata, whose, first.now)?;
        let found = found?;
        let facts = release_of(&found, first.digest)?.facts();
        let (layout, current) =
            Layout::first(first.config, first.platform, first.shape.clone(), facts)?;
        let launcher = open_launcher(first)?;
        let path = std::path::absolute(first.path).unwrap_or_else(|_| first.path.to_owned());
        let install = prepare(&path, layout, false)?;
        let held = install.lock(Duration::ZERO)?;
        held.start_over()?;
        held.write_trust(first.config, &learnt)?;
        held.put_in_place(facts, &current, Fill(fill), first.now)?;
        held.finish(current, launcher, first.now)?;
        drop(held);
        Ok(install)
    }
}

/// Opened before anything is written: without a launcher there is no versioned installation.
fn open_launcher(first: &First<'_>) -> Result<Option<File>, Error> {
    match (&first.shape, first.launcher) {
        (Shape::InPlace { .. }, _) => Ok(None),
        (Shape::Versioned { .. }, None) => Err(Error::NoLauncher),
        (Shape::Versioned { .. }, Some(path)) => {
            let failed = |source| Error::Spawn { path: path.to_owned(), source };
            File::open(path).map(Some).map_err(failed)
        }
    }
}

/// Opens or makes the directories. What stands at a fixed path already is in the way, unless it is to
/// be taken over.
pub(crate) fn prepare(path: &Path, layout: Layout, taking_over: bool) -> Result<Install, Error> {
    let occupied = || Error::Occupied { path: path.to_owned() };
    let root = match &layout.shape {
        Shape::Versioned { .. } => Dir::open_or_create(path)?,
        Shape::InPlace { name, .. } => match path.parent().zip(path.file_name()) {
            Some((parent, own)) if own == name.as_str() => Dir::open_or_create(parent)?,
            _ => return Err(Refusal::Layout(LayoutError::Name { name: name.clone() }).into()),
        },
    };
    let free = match &layout.shape {
        Shape::Versioned { .. } => root.entries()?.is_empty(),
        Shape::InPlace { name, .. } => taking_over || root.metadata(name)?.is_none(),
    };
    let state = match root.metadata(layout.state())? {
        Some(_) => root.subdir(layout.state())?,
        None if free => root.create_dir(layout.state())?,
        None => return Err(occupied()),
    };
    platform::check_owner(state.path(), path)?;
    if !state.entries()?.iter().all(|entry| entry.name.to_str().is_some_and(files::is_in_state)) {
        return Err(occupied());
    }
    Ok(Install::assemble(root, state, path.to_owned(), layout))
}

impl Held<'_> {
    /// Begins anew over what an earlier attempt left, or over an installation that nothing can be
    /// done with any more: writes the layout, by which a later run knows the place again. The trees
    /// stay until the new one is whole. In place, what stands at the fixed path gives way only if
    /// it is what Exuvia put there.
    fn start_over(&self) -> Result<(), Error> {
        let (install, root, state) =
            (self.install(), self.install().root(), self.install().state());
        let (layout, path) = (install.layout(), install.path().to_owned());
        // What is newer is an error here, and nothing is touched.
        install.read_floors()?;
        let (found, journal) = (intact::<Layout>(state, LAYOUT)?, intact::<Phase>(state, JOURNAL)?);
        let foreign = match &layout.shape {
            Shape::Versioned { .. } => false,
            Shape::InPlace { name, .. } => {
                root.metadata(name)?.is_some() && install.identify(Path::new(name), None)?.is_none()
            }
        };
        let whole = journal.is_some() && install.trusted_root().is_ok_and(|root| root.is_some());
        if foreign || found.is_some_and(|f| whole || f.app != layout.app) {
            return Err(Error::Occupied { path });
        }
        state.remove_tree(JOURNAL)?;
        state.remove_tree(LAYOUT)?;
        state.write(LAYOUT, &record::encode(layout))?;
        if let Shape::Versioned { .. } = layout.shape {
            root.subdir_or_create(VERSIONS)?;
        }
        Ok(state.sweep()?)
    }

    pub(crate) fn write_trust(&self, config: &Config, learnt: &Learnt) -> Result<(), Error> {
        self.save_floors(learnt.floors.as_ref().unwrap_or(&Floors::default()))?;
        self.write_twice(files::ROOTS, learnt.root.as_ref().unwrap_or(&config.root))
    }

    fn put_in_place(
        &self,
        facts: &Facts,
        current: &ReleaseRef,
        fill: Fill<'_>,
        now: Time,
    ) -> Result<(), Error> {
        let manifest = self.unpack(facts, current, fill)?;
        // Written first, so that a later attempt knows the tree for its own.
        keep_manifest(self.install().state(), current.digest, &manifest)?;
        let place = self.install().layout().tree(current, &settled(current.clone()));
        self.clear(&place, now)?;
        self.place(current, &place)
    }

    fn finish(&self, current: ReleaseRef, program: Option<File>, now: Time) -> Result<(), Error> {
        let install = self.install();
        let to = Some(current.version.clone());
        let settled = settled(current);
        if let (Shape::Versioned { launcher }, Some(program)) = (&install.layout().shape, program) {
            self.point(settled.live(), &settled)?;
            install.root().copy_program(program, launcher)?;
        }
        self.settle(&settled, now)?;
        self.note(&Entry { time: now, event: Event::Installed, from: None, to, reason: None });
        Ok(())
    }
}

pub(crate) fn settled(current: ReleaseRef) -> Phase {
    Phase::Settled { current, previous: None }
}
