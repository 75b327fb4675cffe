//! Starting the application: the launcher's work.
//!
//! With nothing on trial this is two small reads, a shared lock and `exec`.

use crate::clock::now;
use crate::count::Counted;
use crate::data::DATA;
use crate::error::Error;
use crate::held::Held;
use crate::install::Install;
use crate::platform::{self, RunAs};
use crate::qualify::{QUALIFY, TRIAL};
use crate::watch::{self, Watched, keep_running};
use exuvia_durable::{FileKind, Lock};
use exuvia_plan::{Consent, Phase, files};
use semver::Version;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What a start leads to.
#[derive(Debug)]
pub(crate) enum Start {
    /// Start what is live in this phase, unwatched.
    Plain(Box<Phase>),
    /// A release is on trial: watch it. Its start may be counted already.
    Watched(Option<Box<Counted>>),
}

impl Install {
    /// Starts the application in this process's place: recovers first if a step was cut off, swaps
    /// if that was agreed for now, and watches a release on trial. Comes back only if nothing could
    /// be started.
    ///
    /// # Errors
    /// [`Error::Spawn`] if the program cannot be started. Damaged, newer or unwritable state is no
    /// error: what the stable path leads to is started.
    pub fn launch(&self, args: &[OsString]) -> Result<Infallible, Error> {
        match self.prepare_start() {
            Ok(Start::Plain(phase)) => self.become_program(&phase, args),
            Ok(Start::Watched(first)) => match watch::watch(self, first, args) {
                Ok(Watched::Ended(status)) => platform::mirror(status),
                Ok(Watched::StartInstalled) | Err(_) => self.start_anyway(args),
            },
            Err(_) => self.start_anyway(args),
        }
    }

    /// Starts the application as an own process, by its stable path. Nothing of the environment that
    /// was made for this process goes along.
    ///
    /// # Errors
    /// [`Error::Spawn`].
    pub fn start_again(&self, args: &[OsString]) -> Result<(), Error> {
        let path = self.stable_exe();
        let started = platform::spawn(&mut prepared(&path, args));
        started.map(drop).map_err(|source| Error::Spawn { path, source })
    }

    /// Whether a process of the version that the stable path leads to lives, as far as its lock tells:
    /// a program in place that does not embed Exuvia holds none.
    ///
    /// # Errors
    /// As [`Install::status`]; [`Error::Busy`].
    pub fn is_running(&self) -> Result<bool, Error> {
        Ok(self.lock(WAIT)?.not_running(&self.phase()?.live().version)?.is_none())
    }

    /// Brings the installation into a state from which it can be started.
    pub(crate) fn prepare_start(&self) -> Result<Start, Error> {
        let mut phase = self.phase()?;
        let on_quit = |phase: &Phase| {
            matches!(phase, Phase::Staged { qualified: true, consent: Consent::OnQuit, .. })
        };
        let calm = matches!(phase, Phase::Settled { .. } | Phase::Staged { .. });
        if !calm || on_quit(&phase) || !self.leads_to(phase.live()) {
            if self.is_machines() {
                return self.have_prepared();
            }
            let held = self.lock(WAIT)?;
            phase = held.recovered(now())?;
            if let Phase::Staged { current, next, .. } = &phase
                && on_quit(&phase)
                // Another instance still runs: it has not quit yet.
                && held.not_running(&current.version)?.is_some()
                && self.stands(current)?
            {
                phase = held.take(phase.swap(next.digest, now())?, now())?;
            }
        }
        match phase {
            Phase::Trial { .. } => Ok(Start::Watched(None)),
            phase => {
                // What is in the way of it keeps nobody from starting.
                let _ = self.look_after_data(&phase);
                Ok(Start::Plain(Box::new(phase)))
            }
        }
    }

    /// Starts what the stable path leads to, whatever the state says.
    pub(crate) fn start_anyway(&self, args: &[OsString]) -> Result<Infallible, Error> {
        if let Ok(phase) = self.phase()
            && self.leads_to(phase.live())
        {
            let _ = self.look_after_data(&phase);
            return self.become_program(&phase, args);
        }
        exec(&self.stable_program(), args)
    }

    fn become_program(&self, phase: &Phase, args: &[OsString]) -> Result<Infallible, Error> {
        let release = phase.live();
        let running = keep_running(self, release);
        // While its lock was not held yet the release may have been left, and pruned.
        if self.phase().is_ok_and(|now| now.live() != release) {
            // Or what is started now would keep it for a version that runs.
            drop(running);
            return self.launch(args);
        }
        let mut command = prepared(&self.executable(release, phase), args);
        if let Phase::Trial { to, .. } = phase {
            // Or its own `startup` would count and watch it.
            command.env(TRIAL, to.digest.to_string());
        }
        become_command(command)
    }
}

impl Held<'_> {
    /// The run lock, exclusively: proof that no process of this version lives. `None` if one does. What
    /// is no file holds no lock, and goes.
    pub(crate) fn not_running(&self, version: &Version) -> Result<Option<Lock>, Error> {
        let (state, name) = (self.install().state(), files::run(version));
        if state.metadata(&name)?.is_some_and(|found| found.kind != FileKind::File) {
            state.remove_tree(&name)?;
        }
        Ok(Lock::try_exclusive(state, name)?)
    }
}

/// Becomes a program that is not on trial.
pub(crate) fn exec(program: &Path, args: &[OsString]) -> Result<Infallible, Error> {
    become_command(prepared(program, args))
}

fn become_command(mut command: Command) -> Result<Infallible, Error> {
    let source = platform::exec(&mut command);
    Err(Error::Spawn { path: command.get_program().into(), source })
}

/// The command that starts a program of the installation.
pub(crate) fn prepared(program: &Path, args: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_remove(TRIAL).env_remove(QUALIFY).env_remove(DATA);
    platform::clean_environment(&mut command, RunAs::Myself);
    command
}

/// How long a start waits for a process that is changing the installation.
const WAIT: Duration = Duration::from_secs(2);
