//! The socket of the agent of the machine (unix(7)): who asks is told by the kernel.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt;

/// Where users knock.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    given: bool,
}

impl Door {
    /// The socket on standard input that the system listens on (systemd.exec(5),
    /// `StandardInput=socket`), or one of its own.
    pub(crate) fn open(path: &Path) -> io::Result<Door> {
        let stdin = io::stdin();
        let given = sockopt::socket_acceptconn(&stdin).unwrap_or(false);
        let listener = match given {
            true => UnixListener::from(stdin.as_fd().try_clone_to_owned()?),
            false => listen(path)?,
        };
        listener.set_nonblocking(true)?;
        Ok(Door { listener, given })
    }

    /// Whether the system listens when nobody is here.
    pub(crate) fn is_given(&self) -> bool {
        self.given
    }

    /// The next who comes, within `patience` where the system listens too.
    pub(crate) fn wait(&self, patience: Duration) -> io::Result<Option<Guest>> {
        let patience = Timespec::try_from(patience).ok().filter(|_| self.given);
        let mut fds = [PollFd::new(&self.listener, PollFlags::IN)];
        match poll(&mut fds, patience.as_ref()) {
            Ok(0) | Err(Errno::INTR) => return Ok(None),
            ready => ready?,
        };
        match self.listener.accept() {
            Ok((stream, _)) => Ok(Guest::new(stream).ok()),
            // Who came may have gone.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // What an agent left behind that was killed; one that lives answers.
    let left = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if left {
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Somebody who asks.
#[derive(Debug)]
pub(crate) struct Guest {
    stream: UnixStream,
    user: u32,
}

impl Guest {
    fn new(stream: UnixStream) -> io::Result<Guest> {
        let user = sockopt::socket_peercred(&stream)?.uid.as_raw();
        stream.set_nonblocking(false)?;
        Ok(Guest { stream, user })
    }

    /// Their user id.
    pub(crate) fn user(&self) -> u32 {
        self.user
    }

    /// A line, or what has come of it when it is too long or time is up.
    pub(crate) fn read(&mut self, most: usize, patience: Duration) -> Vec<u8> {
        let (deadline, mut line) = (Instant::now() + patience, Vec::new());
        let mut buffer = [0; 128];
        while line.len() <= most && !line.ends_with(b"\n") {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                break;
            }
            match self.stream.read(&mut buffer) {
                Ok(read @ 1..) => line.extend_from_slice(&buffer[..read]),
                _ => break,
            }
        }
        line.truncate(most);
        line
    }

    /// Answers. Who does not listen misses it.
    pub(crate) fn reply(&mut self, line: &[u8]) {
        // A line fits into what the kernel holds: nobody makes the agent wait.
        let _ = self.stream.set_nonblocking(true);
        let _ = self.stream.write_all(line);
    }
}
