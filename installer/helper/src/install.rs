//! An installation: where it lies, what it says about itself.

use crate::error::Error;
use crate::held::Held;
use crate::platform;
use crate::steps::{Qualified, Staged};
use exuvia_core::{Digest, Floors, Limits};
use exuvia_durable::{Dir, Kind, Lock};
use exuvia_plan::record::{self, Record};
use exuvia_plan::trial::Count;
use exuvia_plan::{
    Layout, Phase, RecordError, ReleaseRef, Remembered, Shape, files, floors, history, roots,
};
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
    /// What may not go down: the lowest version that may be offered, as far as nothing supersedes
    /// what is installed, and the earliest "now".
    pub floors: Floors,
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
        self.phase.at_rest().ok().and_then(|(_, previous)| previous)
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
        let exe = platform::resolved(exe).unwrap_or_else(|_| exe.to_owned());
        for place in exe.ancestors().take(MAX_CLIMB).filter(|place| place.parent().is_some()) {
            for found in [in_place(place), side_of(place), versioned(place)] {
                match found {
                    Ok(Some(install))
                        if exe
                            .strip_prefix(install.root().path())
                            .is_ok_and(|exe| install.layout().owns(exe)) =>
                    {
                        return Ok(Some(install));
                    }
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

    /// What the paths of [`Layout`] are relative to: the application's directory (versioned), or
    /// the one that the fixed path lies in.
    pub fn root_path(&self) -> &Path {
        self.root().path()
    }

    /// What is installed and how.
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// The path that outlives versions: for shortcuts, autostart, and starting again.
    pub fn stable_exe(&self) -> PathBuf {
        let root = self.root().path();
        match (&self.layout().shape, self.phase()) {
            (Shape::Versioned { launcher }, _) => root.join(launcher),
            (_, Ok(phase)) => self.executable(phase.live(), &phase),
            (_, Err(_)) => self.stable_program(),
        }
    }

    /// The program of a release in this phase, as an absolute path.
    pub fn executable(&self, release: &ReleaseRef, phase: &Phase) -> PathBuf {
        self.root().path().join(self.layout().program(release, phase))
    }

    /// What is going on. Takes no lock.
    ///
    /// # Errors
    /// [`Error::Record`] if the journal is damaged or newer, [`Error::Unfinished`] without one.
    pub fn status(&self) -> Result<Status, Error> {
        let phase = self.phase()?;
        // There are no counters but those of a trial.
        let starts = self.count(phase.live().digest)?.unwrap_or_default().starts;
        let (layout, stable_exe) = (self.layout().clone(), self.stable_exe());
        let floors = self.read_floors()?.floors;
        Ok(Status { layout, phase, starts, floors, remembered: self.remembered()?, stable_exe })
    }

    /// The root that this installation trusts and [`receive`](Install::receive) begins from: of two
    /// copies the newer one that is a root at all. The floor of the root says if that is too old.
    ///
    /// # Errors
    /// [`Error::Disk`]; [`Error::Record`] if no copy is whole.
    pub fn trusted_root(&self) -> Result<Option<Vec<u8>>, Error> {
        let read = |at: usize| read_state(self.state(), files::ROOTS[at], Limits::default().root);
        let path = self.state().path().join(files::ROOTS[0]);
        roots::newest([read(0)?, read(1)?]).map_err(|source| Error::Record { path, source })
    }

    /// What happened to this installation, oldest first.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn history(&self) -> Result<Vec<history::Entry>, Error> {
        let file = read_state(self.state(), files::HISTORY, RECORD_LIMIT)?;
        Ok(history::read(&file.unwrap_or_default()))
    }

    /// The releases that failed here. A damaged record counts as empty: forgetting a failure costs
    /// a repetition of it, no safety.
    ///
    /// # Errors
    /// [`Error::Record`] if it was written by a later version.
    pub fn remembered(&self) -> Result<Remembered, Error> {
        Ok(intact(self.state(), files::REMEMBERED)?.unwrap_or_default())
    }

    /// The release that was staged before and waits, if there is one.
    ///
    /// # Errors
    /// As [`Install::status`].
    pub fn waiting(&self) -> Result<Option<Waiting>, Error> {
        Ok(match self.phase()? {
            Phase::Staged { next, qualified: true, .. } => {
                Some(Waiting::Qualified(Qualified::in_journal(self, next, None)))
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
        self.record(files::JOURNAL)?
            .ok_or_else(|| Error::Unfinished { path: self.path().to_owned() })
    }

    pub(crate) fn record<R: Record>(&self, name: &str) -> Result<Option<R>, Error> {
        read_record(self.state(), name)
    }

    /// What is counted of the release on trial; `None` when no counter of it exists.
    pub(crate) fn count(&self, to: Digest) -> Result<Option<Count>, Error> {
        for count in Count::all() {
            let bytes = read_state(self.state(), &files::trial(count), 64)?;
            if bytes.is_some_and(|bytes| bytes == to.to_string().as_bytes()) {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    pub(crate) fn read_floors(&self) -> Result<floors::Read, Error> {
        let [a, b] = files::FLOORS.map(|name| read_state(self.state(), name, RECORD_LIMIT));
        let path = || self.state().path().join(files::FLOORS[0]);
        floors::read(a?.as_deref(), b?.as_deref())
            .map_err(|source| Error::Record { path: path(), source })
    }

    /// The exclusive lock, with all that may only be done under it.
    pub(crate) fn lock(&self, patience: Duration) -> Result<Held<'_>, Error> {
        let lock = Lock::exclusive(self.state(), files::LOCK, patience)?;
        let path = || self.state().path().join(files::LOCK);
        Ok(Held::new(self, lock.ok_or_else(|| Error::Busy { path: path() })?))
    }

    /// Marks a version as running, for as long as the lock lives. `None` when that is not
    /// possible: a user who may not write here runs the application all the same.
    pub(crate) fn running(&self, release: &ReleaseRef) -> Option<Lock> {
        Lock::try_shared(self.state(), files::run(&release.version)).ok().flatten()
    }

    pub(crate) fn assemble(root: Dir, state: Dir, path: PathBuf, layout: Layout) -> Install {
        Install { inner: Arc::new(Inner { root, state, path, layout }) }
    }
}

pub(crate) fn read_record<R: Record>(state: &Dir, name: &str) -> Result<Option<R>, Error> {
    let Some(bytes) = read_state(state, name, R::LIMIT as u64)? else { return Ok(None) };
    let path = || state.path().join(name);
    record::decode(&bytes).map(Some).map_err(|source| Error::Record { path: path(), source })
}

/// A record, unless there is none or it is damaged.
pub(crate) fn intact<R: Record>(state: &Dir, name: &str) -> Result<Option<R>, Error> {
    match read_record(state, name) {
        Err(Error::Record { source: RecordError::Damaged { .. }, .. }) => Ok(None),
        read => read,
    }
}

/// The bytes of a state file. What is no file or too long for one counts as empty: damaged.
pub(crate) fn read_state(state: &Dir, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    match state.read(name, limit) {
        Err(error) if [Kind::TooLarge, Kind::WrongPath].contains(&error.kind()) => {
            Ok(Some(Vec::new()))
        }
        read => Ok(read?),
    }
}

fn versioned(path: &Path) -> Result<Option<Install>, Error> {
    let found = opened(path, files::STATE, path)?;
    Ok(found.filter(|install| matches!(install.layout().shape, Shape::Versioned { .. })))
}

fn in_place(path: &Path) -> Result<Option<Install>, Error> {
    let Some((parent, own)) = path.parent().zip(path.file_name().and_then(|n| n.to_str())) else {
        return Ok(None);
    };
    let found = opened(parent, &files::sibling(own), path)?;
    let fits = |shape: &Shape| matches!(shape, Shape::InPlace { name, .. } if name == own);
    Ok(found.filter(|install| fits(&install.layout().shape)))
}

/// The in-place installation whose state directory this is: a version that was swapped out while
/// it ran finds its way home.
fn side_of(state: &Path) -> Result<Option<Install>, Error> {
    let name = state.file_name().and_then(|name| files::name_of_sibling(name.to_str()?));
    match state.parent().zip(name) {
        Some((parent, name)) => in_place(&parent.join(name)),
        None => Ok(None),
    }
}

fn opened(root: &Path, state: &str, path: &Path) -> Result<Option<Install>, Error> {
    if !root.join(state).join(files::LAYOUT).exists() {
        return Ok(None);
    }
    let root = Dir::open(root)?;
    let state = root.subdir(state)?;
    platform::check_owner(state.path(), path)?;
    let layout = read_record(&state, files::LAYOUT)?;
    Ok(layout.map(|layout| Install::assemble(root, state, path.to_owned(), layout)))
}

pub(crate) const RECORD_LIMIT: u64 = 1 << 20;
const MAX_CLIMB: usize = 64;
