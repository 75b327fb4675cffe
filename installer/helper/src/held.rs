//! What may only be done while the exclusive lock is held: every change to the records.

use crate::error::Error;
use crate::install::{Install, RECORD_LIMIT};
use exuvia_core::{Floors, Time};
use exuvia_durable::Lock;
use exuvia_plan::history::{self, Entry, Event};
use exuvia_plan::trial::{Count, End};
use exuvia_plan::{Layout, Phase, Record, ReleaseRef, files, floors, record};

/// The installation, locked.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    install: &'a Install,
    _lock: Lock,
}

impl<'a> Held<'a> {
    pub(crate) fn new(install: &'a Install, lock: Lock) -> Held<'a> {
        Held { install, _lock: lock }
    }

    pub(crate) fn install(&self) -> &'a Install {
        self.install
    }

    pub(crate) fn write<R: Record>(&self, name: &str, record: &R) -> Result<(), Error> {
        Ok(self.install.state().write_over(name, &record::encode(record))?)
    }

    /// Moves the journal on, unless it says so already.
    pub(crate) fn journal(&self, phase: &Phase) -> Result<(), Error> {
        match self.install.phase() {
            Ok(found) if found == *phase => Ok(()),
            _ => self.write(files::JOURNAL, phase),
        }
    }

    pub(crate) fn remember(&self, bad: &ReleaseRef, why: &str, now: Time) -> Result<(), Error> {
        let mut remembered = self.install.remembered()?;
        remembered.add(bad.digest, &bad.version, why, now);
        self.write(files::REMEMBERED, &remembered)
    }

    /// Adds a line to the history. The history explains and decides nothing, so that it cannot be
    /// written stops no step.
    pub(crate) fn note(&self, entry: &Entry) {
        let state = self.install.state();
        let file = state.read(files::HISTORY, RECORD_LIMIT).ok().flatten().unwrap_or_default();
        let _ = state.write_over(files::HISTORY, &history::append(&file, entry));
    }

    /// As [`Install::floors`]. That none of two copies is readable is noted, since from then on
    /// only the root and the installed version hold the floor.
    pub(crate) fn floors(&self, now: Time) -> Result<Floors, Error> {
        let read = self.install.read_floors()?;
        if read.readable == 0 {
            let (time, event) = (now, Event::FloorsLost);
            self.note(&Entry { time, event, from: None, to: None, reason: None });
        }
        Ok(read.floors)
    }

    pub(crate) fn save_floors(&self, floors: &Floors) -> Result<(), Error> {
        self.write_twice(files::FLOORS, &floors::write(floors))
    }

    /// One copy after the other, so that one is whole at any moment.
    pub(crate) fn write_twice(&self, names: [&str; 2], bytes: &[u8]) -> Result<(), Error> {
        names.iter().try_for_each(|name| Ok(self.install.state().write_over(name, bytes)?))
    }

    /// Raises the application's own floors to a committed release.
    pub(crate) fn raise_floors(&self, current: &ReleaseRef, now: Time) -> Result<(), Error> {
        let before = self.floors(now)?;
        let floors = floors::committed(&before, current, now);
        if floors == before { Ok(()) } else { self.save_floors(&floors) }
    }

    /// A release that supersedes a higher version was committed: the floor follows it down, or a
    /// version that a thief made up would keep every later release away. Before the journal says
    /// `settled`, so that a crash in between ends in the trial, which commits again.
    pub(crate) fn lower_floor(&self, committed: &ReleaseRef, now: Time) -> Result<(), Error> {
        let mut floors = self.floors(now)?;
        floors.application = Some(committed.version.clone());
        self.save_floors(&floors)
    }

    /// Starts the counter of a new trial at zero.
    pub(crate) fn begin_count(&self, to: &ReleaseRef) -> Result<(), Error> {
        self.drop_counts()?;
        let state = self.install.state();
        Ok(state.write_over(files::trial(Count::default()), to.digest.to_string().as_bytes())?)
    }

    /// Moves the counter; by rename, which needs no space and cannot be torn.
    pub(crate) fn count(&self, to: &ReleaseRef, count: Count) -> Result<(), Error> {
        let state = self.install.state();
        match self.install.count(to.digest)? {
            Some(found) => Ok(state.rename_over(files::trial(found), files::trial(count))?),
            None => Ok(state.write_over(files::trial(count), to.digest.to_string().as_bytes())?),
        }
    }

    /// Gives one start back. Others may have been counted meanwhile, so the count is read again.
    pub(crate) fn give_back(&self, to: &ReleaseRef, end: End) -> Result<(), Error> {
        let found = self.install.count(to.digest)?;
        found.map_or(Ok(()), |found| self.count(to, found.given_back(end)))
    }

    pub(crate) fn drop_counts(&self) -> Result<(), Error> {
        for name in Count::all().map(files::trial) {
            if self.install.state().metadata(&name)?.is_some() {
                self.install.state().remove_tree(&name)?;
            }
        }
        Ok(())
    }

    /// Keeps the layout's idea of the executable up to date, for the day the journal is lost.
    pub(crate) fn note_executable(&self, current: &ReleaseRef) -> Result<(), Error> {
        match self.install.record::<Layout>(files::LAYOUT)? {
            Some(layout) if layout.executable != current.executable => {
                let executable = current.executable.clone();
                self.write(files::LAYOUT, &Layout { executable, ..layout })
            }
            _ => Ok(()),
        }
    }
}
