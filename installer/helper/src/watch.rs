//! Watching a release on trial, by code from before it.

use crate::clock::now;
use crate::error::Error;
use crate::install::Install;
use crate::launch::command;
use crate::platform::{self, Signals};
use crate::qualify::TRIAL;
use crate::steps::PATIENCE;
use exuvia_plan::history::Event;
use exuvia_plan::trial::{self, Admission, End, Outcome, Verdict, Watch, admit, judge};
use exuvia_plan::{Phase, ReleaseRef};
use std::ffi::OsString;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How a watch ended.
#[derive(Debug)]
pub(crate) enum Watched {
    /// The child is gone; its status is to be mirrored.
    Ended(ExitStatus),
    /// Nothing is on trial any more, and nothing runs: start what is installed.
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
    while let Some((to, starts, phase)) = next {
        let mut command = command(install, &to, &phase, args);
        command.env(TRIAL, to.digest.to_string());
        let running = keep_running(install, &to);
        let watch = Watch { health: install.layout().health, starts, overdue: false };
        let (end, status, watch) = match platform::spawn(&mut command) {
            Ok(child) => {
                let mut vigil = Vigil { install, to: &to, watch, child, asked: false };
                let status = vigil.wait(&mut signals);
                let (code, signal) = platform::code_and_signal(status);
                (End::sort(code, signal, vigil.asked), Some(status), vigil.watch)
            }
            Err(_) => (End::Failed, None, watch),
        };
        // Or a revert would leave the tree of a version that seems to be running.
        drop(running);
        let over = !on_trial(install, &to);
        match (over, judge(watch, Outcome::Ended(end)), status) {
            (true, _, Some(status)) | (_, Verdict::Leave, Some(status)) => {
                return Ok(Watched::Ended(status));
            }
            (false, Verdict::GiveBack, Some(status)) => {
                let held = install.lock(PATIENCE);
                let _ = held.and_then(|held| held.give_back(&to));
                return Ok(Watched::Ended(status));
            }
            (false, Verdict::Revert, _) => {
                let _ = revert(install, FAILED);
                break;
            }
            (true, _, None) => break,
            _ => next = count_start(install).unwrap_or(None),
        }
    }
    Ok(Watched::StartInstalled)
}

/// Counts a start of the release on trial and gives it with the number; `None` when there is
/// none, or when its starts are used up and it was switched back.
fn count_start(install: &Install) -> Result<Option<(ReleaseRef, u8, Phase)>, Error> {
    let held = install.lock(PATIENCE)?;
    let phase = held.recovered(now())?;
    let Phase::Trial { from, to } = &phase else { return Ok(None) };
    match admit(install.starts(to.digest)?.unwrap_or(0)) {
        Admission::Start { counted } => {
            held.count(to, counted)?;
            Ok(Some((to.clone(), counted, phase)))
        }
        Admission::Exhausted => {
            held.go_back(to.clone(), from.clone(), FAILED, Event::Reverted, now())?;
            Ok(None)
        }
    }
}

/// One child on trial.
struct Vigil<'a> {
    install: &'a Install,
    to: &'a ReleaseRef,
    watch: Watch,
    child: Child,
    asked: bool,
}

impl Vigil<'_> {
    /// Waits for the child, passes signals on, and judges when the window has passed.
    fn wait(&mut self, signals: &mut Signals) -> ExitStatus {
        let started = Instant::now();
        let mut window = Some(self.watch.health.window());
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
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
                platform::forward(&self.child, signal);
            }
        }
    }

    /// What cannot be done now is left to the next start: the child runs on in any case.
    fn window_passed(&mut self) {
        if !on_trial(self.install, self.to) {
            return;
        }
        let trial = || Ok(self.install.trial()?.filter(|t| t.release().digest == self.to.digest));
        match judge(self.watch, Outcome::Window) {
            Verdict::Confirm => {
                let _ = trial().and_then(|trial: Option<_>| {
                    trial.map(|trial: crate::Trial| trial.confirm(now())).transpose()
                });
            }
            Verdict::RevertUnderway => {
                self.watch.overdue = true;
                let _ = trial().and_then(|trial: Option<_>| {
                    trial.map(|trial: crate::Trial| trial.revert(SILENT, now())).transpose()
                });
            }
            _ => self.watch.overdue = true,
        }
    }
}

fn on_trial(install: &Install, release: &ReleaseRef) -> bool {
    matches!(install.phase(), Ok(Phase::Trial { to, .. }) if to.digest == release.digest)
}

fn revert(install: &Install, reason: &str) -> Result<(), Error> {
    match install.trial()? {
        Some(trial) => trial.revert(reason, now()).map(drop),
        None => Ok(()),
    }
}

/// The shared lock of a version, inherited by the program that is started.
pub(crate) fn keep_running(
    install: &Install,
    release: &ReleaseRef,
) -> Option<exuvia_durable::Lock> {
    let lock = install.running(release)?;
    lock.keep_across_exec().ok()?;
    Some(lock)
}

const FAILED: &str = "it did not start in three tries";
const SILENT: &str = "it did not report healthy in three tries";
const _: () = assert!(trial::MAX_STARTS == 3, "the reasons above say three");
