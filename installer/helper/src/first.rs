//! The first installation: nothing counts until the journal says `settled`.

use crate::compare;
use crate::error::Error;
use crate::held::{Held, Note};
use crate::install::{
    CURRENT, FLOORS, Install, JOURNAL, LAYOUT, MANIFESTS, ROOT, STATE, VERSIONS, read_record,
    sibling,
};
use crate::receive::{keep_manifest, reference, settle_tree};
use crate::stage::{self, Fill};
use crate::trust::{self, Learnt, Wanted};
use exuvia_bundle::Manifest;
use exuvia_core::floors::Floors;
use exuvia_core::release::Facts;
use exuvia_core::{Digest, Kind, Platform, Time};
use exuvia_durable::Dir;
use exuvia_plan::history::Event;
use exuvia_plan::{
    Config, InPlaceShape, Layout, LayoutError, Phase, ReleaseRef, Shape, floors, record,
};
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
    /// off at any moment it leaves nothing that counts, and doing it again starts over.
    ///
    /// # Errors
    /// [`Error::Occupied`] if something that is not ours stands there, or an installation does.
    /// Else as [`Install::receive`].
    pub fn first_install(
        first: &First<'_>,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Install, Error> {
        let (learnt, facts) = verify(first)?;
        let layout = layout(first, &facts)?;
        let launcher = open_launcher(first)?;
        let path = std::path::absolute(first.path).unwrap_or_else(|_| first.path.to_owned());
        let install = prepare(&path, layout)?;
        let held = install.lock(Duration::ZERO)?;
        held.start_over(&facts)?;
        held.write_trust(first.config, &learnt)?;
        let manifest = held.put_in_place(&facts, fill)?;
        let current = reference(&facts)?;
        keep_manifest(install.state(), current.digest, &manifest)?;
        held.finish(&current, launcher, first.now)?;
        drop(held);
        Ok(install)
    }
}

fn verify(first: &First<'_>) -> Result<(Learnt, Facts), Error> {
    let Config { app, channel, root, .. } = first.config;
    let wanted = Wanted { app, channel, platform: first.platform, digest: first.digest };
    let files = Dir::open(first.metadata)?;
    let (learnt, found) = trust::find(root, Floors::default(), &files, &wanted, first.now);
    Ok((learnt, found?.facts().clone()))
}

fn layout(first: &First<'_>, facts: &Facts) -> Result<Layout, Error> {
    use InPlaceShape::{File, Folder};
    match (facts.kind, &first.shape) {
        (Kind::Folder | Kind::Exe, Shape::Versioned { .. })
        | (Kind::Folder | Kind::App, Shape::InPlace { shape: Folder, .. })
        | (Kind::Exe | Kind::AppImage, Shape::InPlace { shape: File, .. }) => {}
        (found, shape) => {
            let installed = match shape {
                Shape::InPlace { shape: File, .. } => Kind::Exe,
                _ => Kind::Folder,
            };
            return Err(Error::WrongKind { found, installed });
        }
    }
    let layout = Layout {
        shape: first.shape.clone(),
        app: first.config.app.clone(),
        channel: first.config.channel.clone(),
        platform: first.platform.clone(),
        kind: facts.kind,
        executable: reference(facts)?.executable,
        health: first.config.health,
        qualify: first.config.qualify.clone(),
    };
    Ok(layout.checked()?)
}

/// Opens or makes the directories, and writes the layout, by which a later run knows them again.
fn prepare(path: &Path, layout: Layout) -> Result<Install, Error> {
    let occupied = || Error::Occupied { path: path.to_owned() };
    let (root, state_name) = match &layout.shape {
        Shape::Versioned { .. } => (Dir::open_or_create(path)?, STATE.to_owned()),
        Shape::InPlace { name, .. } => match (path.parent(), path.file_name()) {
            (Some(parent), Some(own)) if own == name.as_str() => {
                (Dir::open_or_create(parent)?, sibling(name))
            }
            _ => return Err(LayoutError::Name { name: name.clone() }.into()),
        },
    };
    let state = match root.metadata(&state_name)? {
        Some(_) => root.subdir(&state_name)?,
        None if is_free(&root, &layout)? => root.create_dir(&state_name)?,
        None => return Err(occupied()),
    };
    let known = state.entries()?.iter().all(|entry| {
        let name = entry.name.to_string_lossy();
        name.starts_with('.') || OURS.iter().any(|ours| name.starts_with(ours))
    });
    if !known || state.metadata(JOURNAL)?.is_some() {
        return Err(occupied());
    }
    // A damaged layout can only be the torn one of an earlier attempt.
    if let Ok(Some(found)) = read_record::<Layout>(&state, LAYOUT)
        && found.app != layout.app
    {
        return Err(occupied());
    }
    state.write(LAYOUT, &record::encode(&layout))?;
    Ok(Install::assemble(root, state, path.to_owned(), layout))
}

/// Whether nothing stands where the application will.
fn is_free(root: &Dir, layout: &Layout) -> Result<bool, Error> {
    match &layout.shape {
        Shape::Versioned { .. } => Ok(root.entries()?.is_empty()),
        Shape::InPlace { name, .. } => Ok(root.metadata(name)?.is_none()),
    }
}

impl Held<'_> {
    /// Removes what an earlier attempt left. In place, what stands at the fixed path goes only if
    /// it is what that attempt put there.
    fn start_over(&self, facts: &Facts) -> Result<(), Error> {
        let (install, root) = (self.install(), self.install().root());
        // Another process may have finished between our look and our lock.
        if install.state().metadata(JOURNAL)?.is_some() {
            return Err(Error::Occupied { path: install.path().to_owned() });
        }
        match &install.layout().shape {
            Shape::Versioned { launcher } => {
                for name in [CURRENT, launcher, VERSIONS] {
                    root.remove_tree(name)?;
                }
                root.create_dir(VERSIONS)?;
            }
            Shape::InPlace { name, .. } => {
                if root.metadata(name)?.is_some() {
                    let single = install.is_single_file();
                    let known = install.manifest(facts.bundle.digest)?;
                    let ours = match known {
                        Some(known) => compare::fits(root, Path::new(name), &known, single)?,
                        None => false,
                    };
                    if !ours {
                        return Err(Error::Occupied { path: install.path().to_owned() });
                    }
                    root.remove_tree(name)?;
                }
            }
        }
        Ok(install.state().sweep()?)
    }

    fn write_trust(&self, config: &Config, learnt: &Learnt) -> Result<(), Error> {
        let state = self.install().state();
        let floors = floors::write(learnt.floors.as_ref().unwrap_or(&Floors::default()));
        for name in FLOORS {
            state.write(name, &floors)?;
        }
        Ok(state.write(ROOT, learnt.root.as_ref().unwrap_or(&config.root))?)
    }

    fn put_in_place(&self, facts: &Facts, fill: &mut Fill<'_>) -> Result<Manifest, Error> {
        let (install, root) = (self.install(), self.install().root());
        let current = reference(facts)?;
        let (beside, staging) = install.places(&current);
        root.remove_tree(&staging)?;
        let manifest = stage::unpack(root, &staging, facts, fill)?;
        let place = match &install.layout().shape {
            Shape::Versioned { .. } => beside,
            Shape::InPlace { name, .. } => {
                // Written first, so that a later attempt knows the tree for its own.
                keep_manifest(install.state(), current.digest, &manifest)?;
                name.into()
            }
        };
        settle_tree(root, &manifest, &staging, &place, install.is_single_file())?;
        Ok(manifest)
    }

    fn finish(&self, current: &ReleaseRef, program: Option<File>, now: Time) -> Result<(), Error> {
        let install = self.install();
        let settled = Phase::Settled { current: current.clone(), previous: None };
        if let (Shape::Versioned { launcher }, Some(program)) = (&install.layout().shape, program) {
            self.point(current, &settled)?;
            compare::copy_program(program, install.root(), Path::new(launcher))?;
        }
        self.settle(&settled, now)?;
        let to = Some(&current.version);
        self.note(Note { event: Event::Installed, from: None, to, reason: None }, now);
        Ok(())
    }
}

/// Opened before anything is written: without a launcher there is no versioned installation.
fn open_launcher(first: &First<'_>) -> Result<Option<File>, Error> {
    match (&first.shape, first.launcher) {
        (Shape::InPlace { .. }, _) => Ok(None),
        (Shape::Versioned { .. }, None) => Err(Error::NoLauncher),
        (Shape::Versioned { .. }, Some(path)) => match File::open(path) {
            Ok(program) => Ok(Some(program)),
            Err(source) => Err(Error::Spawn { path: path.to_owned(), source }),
        },
    }
}

/// What the state directory of an unfinished installation may hold.
const OURS: [&str; 8] = [LAYOUT, "lock", "floors.", ROOT, MANIFESTS, "side", "history", "run-"];
