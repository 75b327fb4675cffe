//! One `poll` on what the kernel tells: a timer that is cancelled when the clock is set or the machine
//! wakes up (timerfd_create(2), `TFD_TIMER_CANCEL_ON_SET`), routes (rtnetlink(7)), files (inotify(7)).

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::{Until, Woken};

/// Folders that are watched from when this is made, so that nothing is missed between two waits.
#[derive(Debug)]
pub(crate) struct Folders(Option<OwnedFd>);

impl Folders {
    /// Those of these folders that are there; where the system tells nothing, none.
    pub(crate) fn watch(folders: &[PathBuf]) -> Folders {
        Folders(watch(folders).ok())
    }

    fn drain(&self) {
        let Some(fd) = &self.0 else { return };
        let mut buffer = [0; 4096];
        while rustix::io::read(fd, &mut buffer).is_ok_and(|read| read > 0) {}
    }
}

/// Waits for the first of it.
pub(crate) fn wait(until: &Until, folders: &Folders) -> io::Result<Woken> {
    let timer = timer(until.time)?;
    // Where the system does not tell of one of these, the timer is enough.
    let network = until.network.then(network).and_then(Result::ok);
    let mut kinds = vec![Woken::Time];
    let mut fds = vec![PollFd::new(&timer, PollFlags::IN)];
    for (fd, kind) in [(&network, Woken::Network), (&folders.0, Woken::Folder)] {
        if let Some(fd) = fd {
            kinds.push(kind);
            fds.push(PollFd::new(fd, PollFlags::IN));
        }
    }
    loop {
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            ready => ready?,
        };
        break;
    }
    let first = fds.iter().zip(kinds).find(|(fd, _)| !fd.revents().is_empty());
    match first.map_or(Woken::Time, |(_, kind)| kind) {
        Woken::Time => match rustix::io::read(&timer, &mut [0; 8]) {
            Err(Errno::CANCELED) => Ok(Woken::Clock),
            read => read.map(|_| Woken::Time).map_err(Into::into),
        },
        Woken::Folder => {
            folders.drain();
            Ok(Woken::Folder)
        }
        woken => Ok(woken),
    }
}

fn timer(time: i64) -> io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)?;
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    // A time of 0 would never come.
    let it_value = Timespec { tv_sec: time.max(1), tv_nsec: 0 };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(&timer, flags, &Itimerspec { it_interval: zero, it_value })?;
    Ok(timer)
}

fn network() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, ROUTE)?;
    bind(&socket, &SocketAddrNetlink::new(0, IPV4_ROUTES | IPV6_ROUTES))?;
    Ok(socket)
}

fn watch(folders: &[PathBuf]) -> io::Result<OwnedFd> {
    use inotify::WatchFlags as W;
    let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    let changes = W::CLOSE_WRITE | W::MOVED_TO | W::MOVED_FROM | W::DELETE | W::ONLYDIR;
    for folder in folders {
        let _ = inotify::add_watch(&fd, folder, changes);
    }
    Ok(fd)
}

/// `NETLINK_ROUTE` is 0, which is no protocol of its own.
const ROUTE: Option<rustix::net::Protocol> = None;
/// `RTMGRP_IPV4_ROUTE` and `RTMGRP_IPV6_ROUTE` of linux/rtnetlink.h.
const IPV4_ROUTES: u32 = 0x40;
const IPV6_ROUTES: u32 = 0x400;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::clock;

    fn until(seconds: i64) -> Until {
        Until { time: clock::now().as_unix() + seconds, network: true }
    }

    #[test]
    fn a_time_that_has_passed_is_not_waited_for() {
        let begun = Instant::now();
        for time in [i64::MIN, 0, 1] {
            let until = Until { time, ..until(0) };
            assert_eq!(wait(&until, &Folders(None)).unwrap(), Woken::Time);
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_changed_file_wakes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let folders = Folders::watch(&[path.join("not/there"), path.clone()]);
        for name in ["a.toml", "b.toml"] {
            std::fs::write(path.join(name), "x").unwrap();
            assert_eq!(wait(&until(60), &folders).unwrap(), Woken::Folder);
        }
        let begun = Instant::now();
        while wait(&until(1), &folders).unwrap() != Woken::Time {
            assert!(begun.elapsed() < Duration::from_secs(30), "it is told for ever");
        }
    }
}
