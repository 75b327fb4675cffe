//! The first line of `main`, and the last word on a trial.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use exuvia_helper::{Install, Startup};
use exuvia_plan::Phase;

use crate::error::LocalError;
use crate::report::{self, Report};

/// Call this first in `main`: it makes the program one that can be updated.
///
/// It never fails and never keeps the application waiting. Outside an installation (a build tree, a
/// package of the system) it does nothing. It answers a qualification and exits, serves as the helper
/// when the program was started as such, puts an interrupted step right, and counts the start of a
/// version on trial.
pub fn startup() -> App {
    exuvia_helper::reenter();
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let found = match exuvia_helper::own_exe() {
        Some(exe) => exuvia_helper::at_startup(&exe, &args),
        None => Startup::NotInstalled,
    };
    let state = directories::BaseDirs::new()
        .map(|base| base.state_dir().unwrap_or(base.data_local_dir()).to_owned());
    App::new(found, state.as_deref())
}

/// The path of this application that outlives its versions: for autostart entries, shortcuts and for
/// starting again. `None` if the running program's path cannot be told.
pub fn stable_exe() -> Option<PathBuf> {
    let exe = exuvia_helper::own_exe()?;
    match Install::locate(&exe) {
        Ok(Some(install)) => Some(install.stable_exe()),
        _ => Some(exe),
    }
}

/// Starts this application once more by [`stable_exe`], with nothing in its environment that was made
/// for this process (an AppImage's mount). The caller ends afterwards.
///
/// # Errors
/// [`LocalError`], if it cannot be started.
pub fn start_again(args: &[OsString]) -> Result<(), LocalError> {
    let exe = exuvia_helper::own_exe()
        .ok_or_else(|| LocalError::NotInstalled { path: PathBuf::new() })?;
    if let Ok(Some(install)) = Install::locate(&exe) {
        return Ok(install.start_again(args)?);
    }
    let started = Command::new(&exe).args(args).spawn();
    started.map(drop).map_err(|source| LocalError::Io { path: exe, source: Arc::new(source) })
}

/// The running application, as the updater sees it.
#[derive(Debug)]
pub struct App {
    report: Report,
    on_trial: Option<Install>,
    confirming: Mutex<Option<JoinHandle<()>>>,
}

impl App {
    fn new(found: Startup, state: Option<&Path>) -> App {
        let (report, on_trial) = match found {
            Startup::NotInstalled => (Report::NotInstalled, None),
            Startup::Ready(install) => (report::since_last_start(&install, state), None),
            Startup::OnTrial(install) => (on_trial(&install, state), Some(install)),
            Startup::Unusable(_, error) | Startup::Unreadable(error) => {
                (Report::Unusable { reason: error.to_string() }, None)
            }
            _ => (Report::Unchanged, None),
        };
        App { report, on_trial, confirming: Mutex::new(None) }
    }

    /// What happened since the last start.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// This version works: ends its trial. Call it once the window is up. Returns at once; the last
    /// step is done on a thread of its own, which dropping the `App` waits for. Does nothing outside a
    /// trial, and never fails: a trial that cannot be ended is judged again at the next start.
    pub fn healthy(&self) {
        let Some(install) = self.on_trial.clone() else { return };
        let Ok(mut confirming) = self.confirming.lock() else { return };
        if confirming.is_none() {
            *confirming = Some(std::thread::spawn(move || {
                let _ = install.healthy();
            }));
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Ok(Some(confirming)) = self.confirming.get_mut().map(Option::take) {
            let _ = confirming.join();
        }
    }
}

fn on_trial(install: &Install, state: Option<&Path>) -> Report {
    let since = report::since_last_start(install, state);
    match install.status().map(|status| status.phase) {
        Ok(Phase::Trial { from, to, .. }) => Report::Updated { from: from.version, to: to.version },
        _ => since,
    }
}
