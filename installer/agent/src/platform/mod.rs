//! What each system has: for waiting without being woken for nothing, for speaking to users, for a
//! process without rights.

#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod door;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod notices;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
mod rights;

#[cfg(all(test, not(target_os = "linux")))]
pub(crate) use other::channel;
#[cfg(all(test, target_os = "linux"))]
pub(crate) use rights::channel;

#[cfg(target_os = "linux")]
pub(crate) use desktop::surroundings;
#[cfg(target_os = "linux")]
pub(crate) use door::{Door, Guest};
#[cfg(target_os = "linux")]
pub(crate) use linux::{Folders, wait};
#[cfg(target_os = "linux")]
pub(crate) use notices::{Shown, do_not_disturb, show};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Channel, Nobody, give};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Door, Folders, Guest, Shown, do_not_disturb, show, surroundings, wait};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{renounce_rights, spawn_without_rights, without_rights};
#[cfg(target_os = "linux")]
pub(crate) use rights::{Channel, Nobody, give};
#[cfg(target_os = "linux")]
pub(crate) use rights::{renounce_rights, spawn_without_rights, without_rights};

/// What to wait for.
#[derive(Clone, Debug)]
pub(crate) struct Until {
    /// A time of the system's clock, in seconds since 1970.
    pub(crate) time: i64,
    /// Whether the network counts.
    pub(crate) network: bool,
}

/// What ended the waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It is time.
    Time,
    /// The clock was set, or the machine was asleep.
    Clock,
    /// An address or a way into the network appeared or went.
    Network,
    /// Something in a folder changed.
    Folder,
}
