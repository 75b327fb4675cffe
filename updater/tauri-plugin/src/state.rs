//! What is going on, as pages hear it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use exuvia::Version;
use serde::Serialize;
use tauri::ipc::Channel;

/// What is going on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum State {
    /// Nothing was asked yet.
    Idle,
    /// The program runs from a build tree or a package of the system: nothing is ever offered.
    NotInstalled,
    /// Metadata is being fetched.
    Checking,
    /// The newest version is installed.
    UpToDate,
    /// There is a release, but not for this installation, now.
    Held {
        /// Why.
        reason: String,
    },
    /// There is a release to install.
    Offered {
        /// Its version.
        version: Version,
        /// Bytes of the cheapest route.
        download_size: u64,
        /// Bytes of the whole release.
        full_size: u64,
        /// The publisher asks to install it without delay.
        critical: bool,
    },
    /// It is being received.
    Downloading {
        /// Its version.
        version: Version,
        /// Bytes here.
        received: u64,
        /// Bytes in all.
        total: u64,
        /// Bytes in a second, of late.
        rate: u64,
        /// Seconds left at this rate.
        #[serde(skip_serializing_if = "Option::is_none")]
        left: Option<u64>,
        /// Somebody paused it.
        paused: bool,
    },
    /// It is being rebuilt beside the running version, verified and tried.
    Staging {
        /// Its version.
        version: Version,
    },
    /// It can be switched to.
    Ready {
        /// Its version.
        version: Version,
    },
    /// It is switched to once the application has quit.
    OnQuit {
        /// Its version.
        version: Version,
    },
    /// It runs from the next start on.
    Installed {
        /// Its version.
        version: Version,
    },
    /// A step failed; the installed version is untouched.
    Failed {
        /// The version that was wanted.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<Version>,
        /// Who must act.
        family: &'static str,
        /// What happened.
        message: String,
        /// What to do.
        advice: &'static str,
    },
}

/// The present state and everybody who wants to hear of the next.
pub(crate) struct States {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    watchers: Vec<(u32, Channel<State>)>,
    next: u32,
}

impl States {
    pub(crate) fn new(state: State) -> States {
        States { inner: Mutex::new(Inner { state, watchers: Vec::new(), next: 0 }) }
    }

    pub(crate) fn now(&self) -> State {
        self.lock().state.clone()
    }

    /// A page that is gone is forgotten.
    pub(crate) fn set(&self, state: State) {
        let mut inner = self.lock();
        inner.watchers.retain(|(_, watcher)| watcher.send(state.clone()).is_ok());
        inner.state = state;
    }

    pub(crate) fn watch(&self, watcher: Channel<State>) -> u32 {
        let mut inner = self.lock();
        let _ = watcher.send(inner.state.clone());
        let id = inner.next;
        inner.next = id.wrapping_add(1);
        inner.watchers.push((id, watcher));
        id
    }

    pub(crate) fn unwatch(&self, id: u32) {
        self.lock().watchers.retain(|(other, _)| *other != id);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
