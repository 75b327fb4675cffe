//! An installation: where it lies, what it says about itself.

use crate::error::Error;
use crate::held::Held;
use crate::platform;
use crate::steps::{Qualified, Staged};
use exuvia_core::Digest;
use exuvia_durable::{Dir, Lock};
use exuvia_plan::record::{self, Record};
use exuvia_plan::{InPlaceShape, Layout, Phase, ReleaseRef, Remembered, Shape, history};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An installed application. Cheap to clone; holds two open directories and no lock.
#[derive(Clone, Debug)]
pub struct Install {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// `APP` (versioned), or the directory that `NAME` lies in (in place).
    root: Dir,
    /// `APP/.exuvia` or `.NAME.exuvia`.
    state: Dir,
    path: PathBuf,
    layout: Layout,
}

/// What an installation is and what is going on with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What is installed and how.
    pub layout: Layout,
    /// The phase it is in.
    pub phase: Phase,
    /// Starts counted for a release on trial.
    pub starts: u8,
    /// Releases that failed here.
    pub remembered: Remembered,
    /// The path that outlives versions.
    pub stable_exe: PathBuf,
}

impl Status {
    /// The release that counts as installed; during a trial still the one before.
    pub fn current(&self) -> &ReleaseRef {
        self.phase.installed()
    }

    /// The release that a manual rollback would go to.
    pub fn previous(&self) -> Option<&ReleaseRef> {
        match &self.phase {
            Phase::Settled { previous, .. } | Phase::Staged { previous, .. } => previous.as_ref(),
            _ => None,
        }
    }
}

/// A release that lies beside the installed one.
#[derive(Debug)]
pub enum Waiting {
    /// Not yet started once.
    Staged(Staged),
    /// Ready to be swapped in.
    Qualified(Qualified),
}

impl Install {
    /// Opens the installation at `path`: the application's directory in the versioned layout, the
    /// fixed path itself in the in-place one.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], [`Error::Untrusted`], [`Error::Record`], [`Error::Disk`].
    pub fn open(path: &Path) -> Result<Install, Error> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        match versioned(&path)? {
            Some(install) => Ok(install),
            None => in_place(&path)?.ok_or(Error::NotInstalled { path }),
        }
    }

    /// Finds the installation that an executable belongs to: its launcher, a program in one of its
    /// versions, or what stands at the fixed path. `None` outside any installation.
    ///
    /// # Errors
    /// As [`Install::open`]; a state directory that others may write to is passed over.
    pub fn locate(exe: &Path) -> Result<Option<Install>, Error> {
        let exe = exe.canonicalize().unwrap_or_else(|_| exe.to_owned());
        for place in exe.ancestors().take(MAX_CLIMB).filter(|place| place.parent().is_some()) {
            for found in [in_place(place), side_of(place), versioned(place)] {
                match found {
                    Ok(Some(install)) if install.owns(&exe) => return Ok(Some(install)),
                    Ok(_) | Err(Error::Untrusted { .. } | Error::Disk(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(None)
    }

    /// The application's directory, or the fixed path of an in-place installation.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// What is installed and how.
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// The path that outlives versions: for shortcuts, autostart, and starting again.
    pub fn stable_exe(&self) -> PathBuf {
        let path = self.path();
        match &self.layout().shape {
            Shape::Versioned { launcher } => path.join(launcher),
            Shape::InPlace { shape: InPlaceShape::File, .. } => path.to_owned(),
            Shape::InPlace { shape: InPlaceShape::Folder, .. } => {
                let phase = self.phase().ok();
                let live = phase.as_ref().map(|phase| &live_in(phase).executable);
                path.join(live.unwrap_or(&self.layout().executable).as_str())
            }
        }
    }

    /// What is going on. Takes no lock.
    ///
    /// # Errors
    /// [`Error::Record`] if the journal is damaged or newer, [`Error::Unfinished`] without one.
    pub fn status(&self) -> Result<Status, Error> {
        let phase = self.phase()?;
        let starts = match &phase {
            Phase::Trial { to, .. } => self.starts(to.digest)?.unwrap_or(0),
            _ => 0,
        };
        let (layout, stable_exe) = (self.layout().clone(), self.stable_exe());
        Ok(Status { layout, phase, starts, remembered: self.remembered()?, stable_exe })
    }

    /// What happened to this installation, oldest first.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn history(&self) -> Result<Vec<history::Entry>, Error> {
        let file = self.state().read(HISTORY, RECORD_LIMIT)?;
        Ok(history::read(&file.unwrap_or_default()))
    }

    /// The releases that failed here. A damaged record counts as empty: forgetting a failure costs
    /// a repetition of it, no safety.
    ///
    /// # Errors
    /// [`Error::Record`] if it was written by a later version.
    pub fn remembered(&self) -> Result<Remembered, Error> {
        match self.record(REMEMBERED) {
            Ok(remembered) => Ok(remembered.unwrap_or_default()),
            Err(Error::Record { source: exuvia_plan::RecordError::Damaged { .. }, .. }) => {
                Ok(Remembered::default())
            }
            Err(error) => Err(error),
        }
    }

    /// The release that was staged before and waits, if there is one.
    ///
    /// # Errors
    /// As [`Install::status`].
    pub fn waiting(&self) -> Result<Option<Waiting>, Error> {
        Ok(match self.phase()? {
            Phase::Staged { next, qualified: true, .. } => {
                Some(Waiting::Qualified(Qualified::in_journal(self, next)))
            }
            Phase::Staged { next, .. } => Some(Waiting::Staged(Staged::in_journal(self, next))),
            _ => None,
        })
    }

    pub(crate) fn root(&self) -> &Dir {
        &self.inner.root
    }

    pub(crate) fn state(&self) -> &Dir {
        &self.inner.state
    }

    /// The journal's phase.
    pub(crate) fn phase(&self) -> Result<Phase, Error> {
        self.record(JOURNAL)?.ok_or_else(|| Error::Unfinished { path: self.path().to_owned() })
    }

    pub(crate) fn record<R: Record>(&self, name: &str) -> Result<Option<R>, Error> {
        read_record(self.state(), name)
    }

    /// Starts counted for the release on trial; `None` when no counter of it exists.
    pub(crate) fn starts(&self, to: Digest) -> Result<Option<u8>, Error> {
        for starts in (0..=exuvia_plan::trial::MAX_STARTS).rev() {
            let bytes = self.state().read(trial_name(starts), 64)?;
            if bytes.is_some_and(|bytes| bytes == to.to_string().as_bytes()) {
                return Ok(Some(starts));
            }
        }
        Ok(None)
    }

    /// The exclusive lock, with all that may only be done under it.
    pub(crate) fn lock(&self, patience: Duration) -> Result<Held<'_>, Error> {
        let lock = Lock::exclusive(self.state(), LOCK, patience)?;
        let path = || self.state().path().join(LOCK);
        Ok(Held::new(self, lock.ok_or_else(|| Error::Busy { path: path() })?))
    }

    /// Marks a version as running, for as long as the lock lives. `None` when that is not
    /// possible: a user who may not write here runs the application all the same.
    pub(crate) fn running(&self, release: &ReleaseRef) -> Option<Lock> {
        Lock::try_shared(self.state(), run_name(release)).ok().flatten()
    }

    /// Whether an executable, as a canonical path, is part of this installation.
    fn owns(&self, exe: &Path) -> bool {
        let path = self.path();
        match &self.layout().shape {
            Shape::Versioned { launcher } => {
                exe == path.join(launcher) || exe.starts_with(path.join(VERSIONS))
            }
            Shape::InPlace { shape, .. } => {
                let live = match shape {
                    InPlaceShape::File => exe == path,
                    InPlaceShape::Folder => exe != path && exe.starts_with(path),
                };
                live || exe.starts_with(self.state().path())
            }
        }
    }

    pub(crate) fn assemble(root: Dir, state: Dir, path: PathBuf, layout: Layout) -> Install {
        Install { inner: Arc::new(Inner { root, state, path, layout }) }
    }
}

/// The release that the stable path leads to while the phase is undisturbed.
pub(crate) fn live_in(phase: &Phase) -> &ReleaseRef {
    match phase {
        Phase::Trial { to, .. } => to,
        other => other.installed(),
    }
}

pub(crate) fn read_record<R: Record>(state: &Dir, name: &str) -> Result<Option<R>, Error> {
    let Some(bytes) = state.read(name, R::LIMIT as u64)? else { return Ok(None) };
    let path = || state.path().join(name);
    record::decode(&bytes).map(Some).map_err(|source| Error::Record { path: path(), source })
}

pub(crate) fn trial_name(starts: u8) -> String {
    format!("trial-{starts}")
}

pub(crate) fn run_name(release: &ReleaseRef) -> String {
    format!("{RUN}{}{RUN_END}", release.version)
}

pub(crate) fn manifest_name(digest: Digest) -> String {
    format!("{MANIFESTS}/{digest}.json")
}

/// `.NAME.exuvia`, the state beside a fixed path.
pub(crate) fn sibling(name: &str) -> String {
    format!(".{name}{STATE}")
}

fn versioned(path: &Path) -> Result<Option<Install>, Error> {
    let found = opened(path, STATE, path)?;
    Ok(found.filter(|install| matches!(install.layout().shape, Shape::Versioned { .. })))
}

fn in_place(path: &Path) -> Result<Option<Install>, Error> {
    let (Some(parent), Some(own)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Ok(None);
    };
    let found = opened(parent, &sibling(own), path)?;
    let fits = |install: &Install| match &install.layout().shape {
        Shape::InPlace { name, .. } => name == own,
        Shape::Versioned { .. } => false,
    };
    Ok(found.filter(fits))
}

/// The in-place installation whose state directory this is: a version that was swapped out while
/// it ran finds its way home.
fn side_of(state: &Path) -> Result<Option<Install>, Error> {
    let name = state.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| name.strip_prefix('.')?.strip_suffix(STATE));
    match (state.parent(), name) {
        (Some(parent), Some(name)) if !name.is_empty() => in_place(&parent.join(name)),
        _ => Ok(None),
    }
}

fn opened(root: &Path, state: &str, path: &Path) -> Result<Option<Install>, Error> {
    if !root.join(state).join(LAYOUT).exists() {
        return Ok(None);
    }
    let root = Dir::open(root)?;
    let state = root.subdir(state)?;
    platform::check_owner(state.path(), path)?;
    let layout = read_record(&state, LAYOUT)?;
    Ok(layout.map(|layout| Install::assemble(root, state, path.to_owned(), layout)))
}

pub(crate) const STATE: &str = ".exuvia";
pub(crate) const VERSIONS: &str = "versions";
pub(crate) const CURRENT: &str = "current";
pub(crate) const LAYOUT: &str = "layout";
pub(crate) const JOURNAL: &str = "journal";
pub(crate) const REMEMBERED: &str = "remembered";
pub(crate) const HISTORY: &str = "history";
pub(crate) const ROOT: &str = "root.json";
pub(crate) const MANIFESTS: &str = "manifests";
pub(crate) const FLOORS: [&str; 2] = ["floors.a", "floors.b"];
pub(crate) const RECORD_LIMIT: u64 = 1 << 20;
pub(crate) const RUN: &str = "run-";
pub(crate) const RUN_END: &str = ".lock";
const LOCK: &str = "lock";
const MAX_CLIMB: usize = 64;
