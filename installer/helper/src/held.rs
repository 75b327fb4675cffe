//! What may only be done while the exclusive lock is held: every change to the records.

use crate::error::Error;
use crate::install::{
    FLOORS, HISTORY, Install, JOURNAL, LAYOUT, RECORD_LIMIT, REMEMBERED, trial_name,
};
use exuvia_core::Time;
use exuvia_core::floors::Floors;
use exuvia_durable::Lock;
use exuvia_plan::history::{self, Event};
use exuvia_plan::{Layout, Phase, Record, ReleaseRef, floors, record, trial};
use semver::Version;

/// The installation, locked.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    install: &'a Install,
    _lock: Lock,
}

/// A line of the history without its time.
#[derive(Debug)]
pub(crate) struct Note<'a> {
    pub(crate) event: Event,
    pub(crate) from: Option<&'a Version>,
    pub(crate) to: Option<&'a Version>,
    pub(crate) reason: Option<&'a str>,
}

impl<'a> Held<'a> {
    pub(crate) fn new(install: &'a Install, lock: Lock) -> Held<'a> {
        Held { install, _lock: lock }
    }

    pub(crate) fn install(&self) -> &'a Install {
        self.install
    }

    pub(crate) fn write<R: Record>(&self, name: &str, record: &R) -> Result<(), Error> {
        Ok(self.install.state().write(name, &record::encode(record))?)
    }

    /// Moves the journal on, unless it says so already.
    pub(crate) fn journal(&self, phase: &Phase) -> Result<(), Error> {
        match self.install.phase() {
            Ok(found) if found == *phase => Ok(()),
            _ => self.write(JOURNAL, phase),
        }
    }

    pub(crate) fn remember(&self, bad: &ReleaseRef, why: &str, now: Time) -> Result<(), Error> {
        let mut remembered = self.install.remembered()?;
        remembered.add(bad.digest, &bad.version, why, now);
        self.write(REMEMBERED, &remembered)
    }

    /// Adds a line to the history. The history explains and decides nothing, so that it cannot be
    /// written stops no step.
    pub(crate) fn note(&self, note: Note<'_>, now: Time) {
        let state = self.install.state();
        let Note { event, from, to, reason } = note;
        let (from, to, reason) = (from.cloned(), to.cloned(), reason.map(str::to_owned));
        let file = state.read(HISTORY, RECORD_LIMIT).ok().flatten().unwrap_or_default();
        let entry = history::Entry { time: now, event, from, to, reason };
        let _ = state.write(HISTORY, &history::append(&file, &entry));
    }

    /// Both copies of the floors, merged. That none of two copies is readable is noted, since from
    /// then on only the root and the installed version hold the floor.
    pub(crate) fn floors(&self, now: Time) -> Result<Floors, Error> {
        let state = self.install.state();
        let [a, b] = FLOORS.map(|name| state.read(name, RECORD_LIMIT));
        let read = floors::read(a?.as_deref(), b?.as_deref())
            .map_err(|source| Error::Record { path: state.path().join(FLOORS[0]), source })?;
        if read.readable == 0 {
            let note = Note { event: Event::FloorsLost, from: None, to: None, reason: None };
            self.note(note, now);
        }
        Ok(read.floors)
    }

    pub(crate) fn save_floors(&self, floors: &Floors) -> Result<(), Error> {
        let bytes = floors::write(floors);
        FLOORS.iter().try_for_each(|name| Ok(self.install.state().write(name, &bytes)?))
    }

    /// Raises the application's own floors to a committed release.
    pub(crate) fn raise_floors(&self, current: &ReleaseRef, now: Time) -> Result<(), Error> {
        let before = self.floors(now)?;
        let mut floors = before.clone();
        floors.raise_application(&current.version);
        floors.raise_time(current.published);
        if floors == before { Ok(()) } else { self.save_floors(&floors) }
    }

    /// Starts the counter of a new trial at zero.
    pub(crate) fn begin_count(&self, to: &ReleaseRef) -> Result<(), Error> {
        self.drop_counts()?;
        let state = self.install.state();
        Ok(state.write(trial_name(0), to.digest.to_string().as_bytes())?)
    }

    /// Counts a start; by rename, which needs no space and cannot be torn.
    pub(crate) fn count(&self, to: &ReleaseRef, starts: u8) -> Result<(), Error> {
        let state = self.install.state();
        match self.install.starts(to.digest)? {
            Some(found) => Ok(state.rename(trial_name(found), trial_name(starts))?),
            None => Ok(state.write(trial_name(starts), to.digest.to_string().as_bytes())?),
        }
    }

    /// Gives one start back. Others may have been counted meanwhile, so the number is read again.
    pub(crate) fn give_back(&self, to: &ReleaseRef) -> Result<(), Error> {
        match self.install.starts(to.digest)? {
            Some(found @ 1..) => self.count(to, found - 1),
            _ => Ok(()),
        }
    }

    pub(crate) fn drop_counts(&self) -> Result<(), Error> {
        for starts in 0..=trial::MAX_STARTS {
            if self.install.state().metadata(trial_name(starts))?.is_some() {
                self.install.state().remove_file(trial_name(starts))?;
            }
        }
        Ok(())
    }

    /// Keeps the layout's idea of the executable up to date, for the day the journal is lost.
    pub(crate) fn note_executable(&self, current: &ReleaseRef) -> Result<(), Error> {
        let stored: Option<Layout> = self.install.record(LAYOUT)?;
        match stored {
            Some(layout) if layout.executable != current.executable => {
                let executable = current.executable.clone();
                self.write(LAYOUT, &Layout { executable, ..layout })
            }
            _ => Ok(()),
        }
    }
}
