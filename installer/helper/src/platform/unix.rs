//! What Linux and macOS have in common: owners and modes, process groups, signals, `exec`.

use super::{Finished, RunAs, os};
use crate::error::Error;
use exuvia_plan::socket::{self, Reply};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{self, SocketAddrUnix};
use rustix::process::{Pid, Signal, geteuid, getpid, kill_process, kill_process_group};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{emulate_default_handler, pipe};
use std::env;
use std::fs::{self, Metadata};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Refuses a state directory that somebody else could have put there or may write to.
pub(crate) fn check_owner(state: &Path, of: &Path) -> Result<(), Error> {
    let untrusted = || Error::Untrusted { path: state.to_owned() };
    let found = fs::symlink_metadata(state).map_err(|_| untrusted())?;
    if !trusted(found.uid(), of) || others_may_write(&found) {
        return Err(untrusted());
    }
    Ok(())
}

/// Refuses to change anything if this very program could have been exchanged: it or its folder belongs
/// to a stranger, or others may write to it. In a folder like `/tmp` they may not rename what is not
/// theirs.
pub(crate) fn check_own_program() -> Result<(), Error> {
    let Ok(program) = env::current_exe() else { return Ok(()) };
    for path in program.ancestors().take(2) {
        let untrusted = || Error::Untrusted { path: path.to_owned() };
        let found = fs::metadata(path).map_err(|_| untrusted())?;
        let sticky = found.is_dir() && found.mode() & STICKY != 0;
        let owned = [0, geteuid().as_raw()].contains(&found.uid());
        if !owned || others_may_write(&found) && !sticky {
            return Err(untrusted());
        }
    }
    Ok(())
}

/// Whether somebody else than the owner and root may write there.
fn others_may_write(found: &Metadata) -> bool {
    let by_group = found.mode() & GROUP_WRITE != 0 && !is_private(found.gid(), found.uid());
    found.mode() & OTHERS_WRITE != 0 || by_group
}

/// Whether a group is that of one user alone, as most systems give each: it has the user's number, and
/// nobody else is in it.
fn is_private(group: u32, user: u32) -> bool {
    let table = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let number = |field: Option<&str>| field.and_then(|field| field.parse::<u32>().ok());
    let is_other = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let owner = number(fields.next());
        number(fields.next()) == Some(group) && owner != Some(user)
    };
    let has_members = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next();
        let is_it = number(fields.nth(1)) == Some(group);
        is_it && fields.next().is_some_and(|members| !members.is_empty() && Some(members) != name)
    };
    group == user
        && !table("/etc/passwd").lines().any(is_other)
        && !table("/etc/group").lines().any(has_members)
}

/// The path without links in it.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// Refuses what is no program, or was put there by somebody else.
pub(crate) fn check_program(program: &Path, of: &Path) -> Result<(), Error> {
    match fs::metadata(program) {
        Ok(found) if found.is_file() && found.mode() & EXECUTE != 0 && trusted(found.uid(), of) => {
            Ok(())
        }
        _ => Err(Error::Untrusted { path: program.to_owned() }),
    }
}

/// Whether an owner is root, the user of this process, or whoever owns what the user has chosen.
fn trusted(owner: u32, of: &Path) -> bool {
    let owners = [Some(0), Some(geteuid().as_raw()), fs::metadata(of).ok().map(|of| of.uid())];
    owners.contains(&Some(owner))
}

/// Whether an installation is root's while this process is another user's.
pub(crate) fn is_machines(state: &Path) -> bool {
    !geteuid().is_root() && fs::metadata(state).is_ok_and(|state| state.uid() == 0)
}

/// Asks the agent of the machine, which is whoever listens there as root: the kernel says so.
pub(crate) fn ask_machine(line: &str) -> io::Result<Reply> {
    let path = env::var_os(socket::PATH_VARIABLE).unwrap_or_else(|| socket::PATH.into());
    let fd = os::stream_socket()?;
    // Or a queue that is full would keep an application from starting.
    sockopt::set_socket_timeout(&fd, Timeout::Send, Some(ANSWER))?;
    sockopt::set_socket_timeout(&fd, Timeout::Recv, Some(ANSWER))?;
    net::connect(&fd, &SocketAddrUnix::new(Path::new(&path))?)?;
    let (mut stream, mut answer) = (UnixStream::from(fd), Vec::new());
    if !os::peer_is_root(&stream)? {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    // Who is refused at the door may find it closed, and the reason lying before it.
    let _ = stream.write_all(line.as_bytes());
    BufReader::new(stream.take(socket::MAX_REPLY)).read_until(b'\n', &mut answer)?;
    Reply::parse(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Root starts no downloaded program as root, but as the owner of the installation or as nobody.
pub(crate) fn unprivileged(install: &Path) -> RunAs {
    if !geteuid().is_root() {
        return RunAs::Myself;
    }
    match fs::metadata(install) {
        Ok(found) if found.uid() != 0 => RunAs::User { user: found.uid(), group: found.gid() },
        _ => RunAs::User { user: os::NOBODY, group: os::NOBODY },
    }
}

/// Runs a program in a process group of its own, and kills the whole group when time is up.
pub(crate) fn run(
    command: &mut Command,
    user: RunAs,
    limit: Duration,
    max_output: usize,
) -> io::Result<Finished> {
    if let RunAs::User { user, group } = user {
        // The standard library drops the supplementary groups along with root.
        command.uid(user).gid(group);
    }
    command.process_group(0).current_dir("/").stdout(Stdio::piped()).stderr(Stdio::piped());
    let deadline = Instant::now() + limit;
    let mut child = spawn(command)?;
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = child.try_wait()?;
        // Read all the time, or it would wait for a full pipe to be emptied.
        read_end(&mut stderr, &mut errors);
        if let Some(status) = ended {
            while output.len() < max_output && read_some(&mut stdout, &mut output, Duration::ZERO) {
            }
            kill_group(&child);
            if !status.success() && os::is_foreign(command.get_program().as_ref()) {
                return Err(io::ErrorKind::Unsupported.into());
            }
            return Ok(Finished::Ended { status, output, errors });
        }
        if left.is_zero() {
            kill_group(&child);
            child.wait()?;
            return Ok(Finished::TimedOut);
        }
        if output.len() >= max_output {
            // It goes on printing into nothing.
            stdout = None;
        }
        if !read_some(&mut stdout, &mut output, left.min(PAUSE)) {
            std::thread::sleep(left.min(PAUSE));
        }
    }
}

/// Reads what has come, for a while, and keeps its end.
fn read_end(from: &mut Option<ChildStderr>, into: &mut Vec<u8>) {
    for _ in 0..READS {
        if !read_some(from, into, Duration::ZERO) {
            break;
        }
        into.drain(..into.len().saturating_sub(END));
    }
}

/// Reads what has come within `patience`. Gives `false` once there is nothing more to wait for.
fn read_some<R: Read + AsFd>(from: &mut Option<R>, into: &mut Vec<u8>, patience: Duration) -> bool {
    let Some(pipe) = from else { return false };
    if !readable(pipe, Some(patience)) {
        return !patience.is_zero();
    }
    let mut buffer = [0; 4096];
    match pipe.read(&mut buffer) {
        Ok(read @ 1..) => {
            into.extend_from_slice(&buffer[..read]);
            true
        }
        _ => {
            *from = None;
            false
        }
    }
}

fn readable(fd: &impl AsFd, patience: Option<Duration>) -> bool {
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    matches!(poll(&mut fds, patience.as_ref()), Ok(1..))
}

fn kill_group(child: &Child) {
    // Its members may be gone already.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// How a process ended: its exit code, or the signal that ended it.
pub(crate) fn code_and_signal(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), status.signal())
}

/// Starts a child that shares this process's terminal and group.
///
/// A program that was written a moment ago is busy while a process that somebody else in here is just
/// starting has a copy of the descriptor that it was written through, which is until its `exec`.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let deadline = Instant::now() + BUSY;
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(PAUSE);
            }
            spawned => return spawned,
        }
    }
}

/// Becomes the program. Comes back only with the reason why not.
pub(crate) fn exec(command: &mut Command) -> io::Error {
    command.exec()
}

/// Ends this process as the child ended.
pub(crate) fn mirror(status: ExitStatus) -> ! {
    if let Some(signal) = status.signal() {
        if [SIGTERM, SIGINT, SIGHUP].contains(&signal) {
            let _ = emulate_default_handler(signal);
        } else if let Some(signal) = Signal::from_named_raw(signal) {
            let _ = kill_process(getpid(), signal);
        }
        std::process::exit(128 + signal);
    }
    std::process::exit(status.code().unwrap_or(1))
}

/// Passes a signal on. The terminal has sent its interrupt to the child already.
pub(crate) fn forward(child: &Child, signal: i32) {
    if signal == SIGINT && io::stdin().is_terminal() {
        return;
    }
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(Pid::from_child(child), signal);
    }
}

/// Wakes a waiting watcher when a child ends or when this process is told to stop.
pub(crate) struct Signals {
    wake: UnixStream,
    told: [(i32, Arc<AtomicBool>); 3],
    /// They are for this process again.
    over: Arc<AtomicBool>,
}

impl Signals {
    /// Takes TERM, INT and HUP over, until they are given back or this process ends.
    pub(crate) fn watch() -> Result<Signals, Error> {
        Signals::register()
            .map_err(|source| Error::Spawn { path: "signal handlers".into(), source })
    }

    fn register() -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let told = [SIGTERM, SIGINT, SIGHUP].map(|signal| (signal, Arc::default()));
        let over = Arc::default();
        for (signal, flag) in &told {
            // The flag is registered first: when the pipe wakes us, it is set.
            flag::register(*signal, Arc::clone(flag))?;
            flag::register_conditional_default(*signal, Arc::clone(&over))?;
            pipe::register(*signal, waker.try_clone()?)?;
        }
        pipe::register(SIGCHLD, waker)?;
        Ok(Signals { wake, told, over })
    }

    /// Waits for one of them, for `patience` at most, and gives those to pass on.
    pub(crate) fn wait(&mut self, _child: &Child, patience: Option<Duration>) -> Vec<i32> {
        if readable(&self.wake, patience) {
            let mut drain = [0; 64];
            while matches!(self.wake.read(&mut drain), Ok(1..)) {}
        }
        self.told()
    }

    /// Gives them back, as the last child is gone and this process becomes another program, which would
    /// not know what was told meanwhile.
    pub(crate) fn give_back(self) {
        self.over.store(true, Ordering::SeqCst);
        for signal in self.told() {
            let _ = emulate_default_handler(signal);
        }
    }

    fn told(&self) -> Vec<i32> {
        let told = self.told.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst));
        told.map(|(signal, _)| *signal).collect()
    }
}

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;
const EXECUTE: u32 = 0o111;
/// Pipefuls a turn.
const READS: usize = 64;
const END: usize = 4096;
/// How long an answer is waited for: as long as for the lock of an installation of one's own.
const ANSWER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a program may be busy that is to be started.
const BUSY: Duration = Duration::from_secs(2);
