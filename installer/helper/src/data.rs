//! Having the application look after its user's data where a new version may change it
//! (docs/adr/0022): as the user who starts it, by the version that wrote the data.

use crate::clock::now;
use crate::error::Error;
use crate::held::Held;
use crate::install::Install;
use crate::launch::prepared;
use crate::platform::{self, Finished, RunAs};
use crate::steps::PATIENCE;
use exuvia_core::Digest;
use exuvia_plan::data::care;
use exuvia_plan::files::SNAPSHOT;
use exuvia_plan::history::{Entry, Event};
use exuvia_plan::{Phase, Qualify, QualifyFailure, ReleaseRef};
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

/// Why the data is not looked after.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    /// The application could not do it.
    #[error(transparent)]
    Hook(#[from] QualifyFailure),
    /// That it did so could not be written down.
    #[error(transparent)]
    Mark(#[from] Error),
}

impl Install {
    /// Before a start: puts back the copy that was made for a version that was left, and has one made
    /// before a version with another schema is started for the first time.
    ///
    /// # Errors
    /// [`DataError`], if there is no copy where there should be one. What cannot be put back is tried
    /// once and noted: the application starts all the same.
    pub(crate) fn look_after_data(&self, phase: &Phase) -> Result<(), DataError> {
        let hooks = &self.layout().data;
        if self.is_machines() {
            // There is one mark and many users' data: releases of the machine go back where the old
            // version can read what the new one wrote.
            return Ok(());
        }
        let care = care(self.snapshot_for(), phase);
        if care.restore {
            let asks = !hooks.restore.is_empty();
            let failure = asks.then(|| self.hook("restore", &hooks.restore, phase).err());
            let held = self.lock(PATIENCE)?;
            self.state().remove_file(SNAPSHOT).map_err(Error::from)?;
            if let Some(failure) = failure {
                held.note_data(Event::DataPutBack, phase, failure);
            }
        }
        if care.snapshot && !hooks.is_empty() {
            self.hook("snapshot", &hooks.snapshot, phase)?;
            let held = self.lock(PATIENCE)?;
            let digest = phase.live().digest.to_string();
            self.state().write_over(SNAPSHOT, digest.as_bytes()).map_err(Error::from)?;
            held.note_data(Event::DataPutAside, phase, None);
        }
        Ok(())
    }

    /// The release that the last copy was made for.
    fn snapshot_for(&self) -> Option<Digest> {
        let bytes = self.state().read(SNAPSHOT, 64).ok().flatten()?;
        str::from_utf8(&bytes).ok()?.parse().ok()
    }

    fn hook(&self, what: &str, args: &[String], phase: &Phase) -> Result<(), QualifyFailure> {
        let words: Vec<OsString> = args.iter().map(OsString::from).collect();
        let mut command = prepared(&self.executable(phase.installed(), phase), &words);
        command.env(DATA, what).stdin(Stdio::null());
        match platform::run(&mut command, RunAs::Myself, LIMIT, MAX_OUTPUT) {
            Err(error) => Err(QualifyFailure::CannotStart { kind: error.kind() }),
            Ok(Finished::TimedOut) => Err(QualifyFailure::TimedOut { seconds: LIMIT.as_secs() }),
            Ok(Finished::Ended { status, errors, .. }) => {
                let (code, signal) = platform::code_and_signal(status);
                Qualify::Args(args.to_vec()).judge(code, signal, b"", &errors, "")
            }
        }
    }
}

impl Held<'_> {
    /// The copy that was made for the installed release has served: from now on it is not put back.
    pub(crate) fn forget_snapshot(&self, installed: &ReleaseRef) -> Result<(), Error> {
        match self.install().snapshot_for() == Some(installed.digest) {
            true => Ok(self.install().state().remove_file(SNAPSHOT)?),
            false => Ok(()),
        }
    }

    fn note_data(&self, event: Event, phase: &Phase, failure: Option<QualifyFailure>) {
        let (from, to) = (Some(phase.installed().version.clone()), None);
        let reason = failure.map(|failure| failure.to_string());
        self.note(&Entry { time: now(), event, from, to, reason });
    }
}

/// The environment variable that tells the application what it was started for, and its `startup` that
/// this is no start.
pub(crate) const DATA: &str = "EXUVIA_DATA";
const LIMIT: Duration = Duration::from_secs(60);
const MAX_OUTPUT: usize = 1 << 20;
