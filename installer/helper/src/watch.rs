//! Watching a release on trial, by code from before it.

use crate::clock::now;
use crate::count::Counted;
use crate::error::Error;
use crate::install::Install;
use crate::launch::prepared;
use crate::platform::{self, Signals};
use crate::qualify::TRIAL;
use crate::steps::PATIENCE;
use exuvia_durable::Lock;
use exuvia_plan::trial::{self, Exit, Outcome, Verdict, Watch, judge};
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
pub(crate) fn watch(
    install: &Install,
    first: Option<Box<Counted>>,
    args: &[OsString],
) -> Result<Watched, Error> {
    let mut next = match first {
        Some(first) => Some(*first),
        None => install.next_start()?,
    };
    let mut signals = Signals::watch()?;
    // From here on an error would leave a program behind that no longer hears its signals.
    while let Some(Counted { to, count, phase, running }) = next {
        if let Err(why) = install.look_after_data(&phase) {
            drop(running);
            revert(install, &format!("the user's data could not be put aside: {why}"));
            break;
        }
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
        match (vigil.on_trial(), vigil.judge(Outcome::Ended(end)), ended) {
            (true, Verdict::Revert, Ok(status)) if vigil.others_run() => {
                return Ok(Watched::Ended(status));
            }
            (true, Verdict::Revert, _) => {
                revert(install, &exit.reason());
                break;
            }
            (true, Verdict::GiveBack, Ok(status)) => {
                let _ = install.return_start(end);
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
            _ => next = install.next_start().unwrap_or(None),
        }
    }
    signals.give_back();
    Ok(Watched::StartInstalled)
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
            for signal in signals.wait(&child, left) {
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
        match self.judge(Outcome::Window) {
            Verdict::Confirm => self.confirm(),
            verdict => {
                self.watch.overdue = true;
                if verdict == Verdict::RevertUnderway {
                    revert(self.install, &trial::silent(self.watch.health));
                }
            }
        }
    }

    /// What to do. Only whoever counts the starts goes back: the agent does, at the next one.
    fn judge(&self, outcome: Outcome) -> Verdict {
        match judge(self.watch, outcome) {
            Verdict::Revert if self.install.is_machines() => Verdict::Again,
            Verdict::RevertUnderway if self.install.is_machines() => Verdict::Overdue,
            verdict => verdict,
        }
    }

    fn on_trial(&self) -> bool {
        matches!(self.install.phase(), Ok(Phase::Trial { to, .. }) if to.digest == self.to.digest)
    }

    /// Whether other instances of the release are up, whose watchers will judge it. What mounts an
    /// AppImage has the lock too, and ends a moment after the program.
    fn others_run(&self) -> bool {
        let ended = Instant::now();
        loop {
            let held = self.install.lock(PATIENCE);
            let free = held.and_then(|held| held.not_running(&self.to.version));
            let run = free.is_ok_and(|free| free.is_none());
            if !run || ended.elapsed() > LINGER {
                return run;
            }
            std::thread::sleep(LINGER / 50);
        }
    }

    fn confirm(&self) {
        let _ = self.install.healthy();
    }
}

fn revert(install: &Install, reason: &str) {
    let _ = install.trial().map(|trial| trial.map(|trial| trial.revert(reason, now())));
}

/// The shared lock of a version, inherited by the program that is started.
pub(crate) fn keep_running(install: &Install, release: &ReleaseRef) -> Option<Lock> {
    let mut lock = install.running(release)?;
    lock.keep_across_exec().ok()?;
    Some(lock)
}

/// How long the lock of a program may outlive it.
const LINGER: Duration = Duration::from_secs(1);
