//! Watching a release on trial, by code from before it.

use crate::clock::now;
use crate::error::Error;
use crate::install::Install;
use crate::launch::prepared;
use crate::platform::{self, Signals};
use crate::qualify::TRIAL;
use crate::steps::PATIENCE;
use exuvia_durable::Lock;
use exuvia_plan::trial::{self, Admission, Count, Exit, Outcome, Verdict, Watch, admit, judge};
use exuvia_plan::{Phase, ReleaseRef};
use std::ffi::OsString;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How a watch ended.
#[derive(Debug)]
pub(crate) enum Watched {
    /// The child is gone; its status is to be mirrored.
    Ended(ExitStatus),
    /// There is nothing to watch: start what is installed, or one more of what runs already.
    StartInstalled,
}

/// Starts the release on trial and watches it until it is gone, as often as the rules allow.
///
/// # Errors
/// Before the first start only: then nothing runs, and the caller starts the application unwatched.
pub(crate) fn watch(install: &Install, args: &[OsString]) -> Result<Watched, Error> {
    let mut next = count_start(install)?;
    let mut signals = Signals::watch()?;
    // From here on an error would leave a program behind that no longer hears its signals.
    while let Some(Counted { to, count, phase, running }) = next {
        let mut command = prepared(&install.executable(&to, &phase), args);
        command.env(TRIAL, to.digest.to_string());
        let watch = Watch { health: install.layout().health, count, overdue: false };
        let child = platform::spawn(&mut command);
        let mut vigil = Vigil { install, to: &to, watch, asked: false };
        let ended = child.map(|child| vigil.wait(child, &mut signals));
        // Or a revert would leave the tree of a version that seems to be running.
        drop(running);
        let exit = match ended.as_ref().map(|status| platform::code_and_signal(*status)) {
            Ok((code, signal)) => Exit::Gone { code, signal },
            Err(error) => Exit::NotStarted(error.kind()),
        };
        let end = exit.sort(vigil.asked);
        match (vigil.on_trial(), judge(vigil.watch, Outcome::Ended(end)), ended) {
            (true, Verdict::Revert, Ok(status)) if vigil.others_run() => {
                return Ok(Watched::Ended(status));
            }
            (true, Verdict::Revert, _) => {
                vigil.revert(&exit.reason());
                break;
            }
            (true, Verdict::GiveBack, Ok(status)) => {
                let _ = install.lock(PATIENCE).and_then(|held| held.give_back(&to, end));
                return Ok(Watched::Ended(status));
            }
            (true, Verdict::Confirm, Ok(status)) => {
                vigil.confirm();
                return Ok(Watched::Ended(status));
            }
            (true, Verdict::Leave, Ok(status)) | (false, _, Ok(status)) => {
                return Ok(Watched::Ended(status));
            }
            (false, _, Err(_)) => break,
            _ => next = count_start(install).unwrap_or(None),
        }
    }
    Ok(Watched::StartInstalled)
}

/// A start of the release on trial, with the count that includes it and the run lock.
struct Counted {
    to: ReleaseRef,
    count: Count,
    phase: Phase,
    running: Option<Lock>,
}

/// Counts a start of the release on trial; `None` when there is none, when its starts are used up
/// and it was switched back, or when they are used up by instances that still run: those are not
/// lost, and their own watchers judge them.
fn count_start(install: &Install) -> Result<Option<Counted>, Error> {
    let held = install.lock(PATIENCE)?;
    let phase = held.recovered(now())?;
    let Phase::Trial { to, .. } = &phase else { return Ok(None) };
    match admit(install.count(to.digest)?.unwrap_or_default()) {
        Admission::Start { counted: count } => {
            held.count(to, count)?;
            // Before the lock is released: the next one to count has to see that this one runs.
            let running = keep_running(install, to);
            Ok(Some(Counted { to: to.clone(), count, phase, running }))
        }
        Admission::Exhausted => {
            if held.not_running(&to.version)?.is_some() {
                held.take(phase.revert(to.digest, trial::EXHAUSTED, now())?, now())?;
            }
            Ok(None)
        }
    }
}

/// One child on trial.
struct Vigil<'a> {
    install: &'a Install,
    to: &'a ReleaseRef,
    watch: Watch,
    asked: bool,
}

impl Vigil<'_> {
    /// Waits for the child, passes signals on, and judges when the window has passed.
    fn wait(&mut self, mut child: Child, signals: &mut Signals) -> ExitStatus {
        let started = Instant::now();
        let mut window = Some(self.watch.health.window());
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return status;
            }
            let left = window.map(|window| window.saturating_sub(started.elapsed()));
            if left == Some(Duration::ZERO) {
                window = None;
                self.window_passed();
                continue;
            }
            for signal in signals.wait(left) {
                self.asked = true;
                platform::forward(&child, signal);
            }
        }
    }

    /// What cannot be done now is left to the next start: the child runs on in any case.
    fn window_passed(&mut self) {
        if !self.on_trial() {
            return;
        }
        match judge(self.watch, Outcome::Window) {
            Verdict::Confirm => self.confirm(),
            verdict => {
                self.watch.overdue = true;
                if verdict == Verdict::RevertUnderway {
                    self.revert(&trial::silent(self.watch.health));
                }
            }
        }
    }

    fn on_trial(&self) -> bool {
        matches!(self.install.phase(), Ok(Phase::Trial { to, .. }) if to.digest == self.to.digest)
    }

    /// Whether other instances of the release are up, whose watchers will judge it.
    fn others_run(&self) -> bool {
        let held = self.install.lock(PATIENCE);
        held.and_then(|held| held.not_running(&self.to.version)).is_ok_and(|free| free.is_none())
    }

    fn confirm(&self) {
        let _ = self.install.trial().map(|trial| trial.map(|trial| trial.confirm(now())));
    }

    fn revert(&self, reason: &str) {
        let _ = self.install.trial().map(|trial| trial.map(|trial| trial.revert(reason, now())));
    }
}

/// The shared lock of a version, inherited by the program that is started.
pub(crate) fn keep_running(install: &Install, release: &ReleaseRef) -> Option<Lock> {
    let mut lock = install.running(release)?;
    lock.keep_across_exec().ok()?;
    Some(lock)
}
