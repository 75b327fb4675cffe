//! Linux.

use super::{Finished, RunAs};
use crate::error::Error;
use exuvia_plan::socket::{self, Reply};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, Signal, geteuid, getpid, kill_process, kill_process_group};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
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

/// Asks the agent of the machine, which is whoever listens there as root (unix(7), `SO_PEERCRED`).
pub(crate) fn ask_machine(line: &str) -> io::Result<Reply> {
    let path = env::var_os(socket::PATH_VARIABLE).unwrap_or_else(|| socket::PATH.into());
    let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Or a queue that is full would keep an application from starting.
    sockopt::set_socket_timeout(&fd, Timeout::Send, Some(ANSWER))?;
    sockopt::set_socket_timeout(&fd, Timeout::Recv, Some(ANSWER))?;
    net::connect(&fd, &SocketAddrUnix::new(Path::new(&path))?)?;
    if !sockopt::socket_peercred(&fd)?.uid.is_root() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (mut stream, mut answer) = (UnixStream::from(fd), Vec::new());
    // Who is refused at the door may find it closed, and the reason lying before it.
    let _ = stream.write_all(line.as_bytes());
    BufReader::new(stream.take(socket::MAX_REPLY)).read_until(b'\n', &mut answer)?;
    Reply::parse(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// 32 hex digits that a staged program cannot know beforehand.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    // The kernel's pool is ready long before any application runs; an answer is no secret anyway.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was made for this process alone is not passed on to a program that runs as `user`.
pub(crate) fn clean_environment(command: &mut Command, user: RunAs) {
    match user {
        // Root's environment is none of a stranger's business.
        RunAs::User { .. } => drop(command.env_clear().env("PATH", "/usr/bin:/bin")),
        RunAs::Myself => leave_image(command),
    }
    if runs_unpacked() || env::var_os(UNPACK).is_some() {
        command.env(UNPACK, "1");
    }
}

/// Takes away what the runtime of an AppImage set for its own program: its variables, and the paths
/// into its mount (formats §10).
fn leave_image(command: &mut Command) {
    let Some(mount) = env::var_os("APPDIR").filter(|mount| !mount.is_empty()) else { return };
    for (name, value) in env::vars_os() {
        match outside(&value, Path::new(&mount)) {
            Some(rest) if rest.is_empty() => command.env_remove(name),
            Some(rest) => command.env(name, rest),
            None => continue,
        };
    }
    for name in OF_IMAGE {
        command.env_remove(name);
    }
}

/// A list of paths without those in the mount; `None` if there are none. Libraries to be loaded first
/// may be parted by spaces.
fn outside(value: &OsStr, mount: &Path) -> Option<OsString> {
    let is_inside = |word: &[u8]| Path::new(OsStr::from_bytes(word)).starts_with(mount);
    let inside = |part: &&[u8]| part.split(|byte| *byte == b' ').any(is_inside);
    let parts = || value.as_bytes().split(|byte| *byte == b':');
    if !parts().any(|part| inside(&part)) {
        return None;
    }
    let rest: Vec<&[u8]> = parts().filter(|part| !inside(part)).collect();
    Some(OsString::from_vec(rest.join(&b':')))
}

/// Whether this program's AppImage was unpacked to run, as where there is no FUSE: another one has to
/// be told to do so too.
fn runs_unpacked() -> bool {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev());
    let mount = env::var_os("APPDIR").map(PathBuf::from).filter(|mount| mount.is_absolute());
    let above = mount.as_deref().and_then(Path::parent);
    mount.as_deref().zip(above).is_some_and(|(mount, above)| {
        matches!((device(mount), device(above)), (Ok(one), Ok(other)) if one == other)
    })
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
        _ => RunAs::User { user: NOBODY, group: NOBODY },
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
            if !status.success() && is_foreign(command.get_program().as_ref()) {
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

/// Whether a file is neither a script nor a program for this machine. The C library hands such a
/// file to the shell, whose complaint would be taken for the program's own.
fn is_foreign(program: &Path) -> bool {
    let head = |path: &Path| {
        let mut head = [0; 20];
        File::open(path).and_then(|mut file| file.read_exact(&mut head)).map(|()| head)
    };
    // Magic, class and byte order; then the machine.
    let kind = |head: &[u8; 20]| (head[..6].to_owned(), head[18..].to_owned());
    match (head(program), head(Path::new("/proc/self/exe"))) {
        (Ok(found), Ok(own)) => !found.starts_with(b"#!") && kind(&found) != kind(&own),
        _ => false,
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
}

impl Signals {
    /// Takes TERM, INT and HUP over, until this process ends or becomes another program.
    pub(crate) fn watch() -> Result<Signals, Error> {
        Signals::register()
            .map_err(|source| Error::Spawn { path: "signal handlers".into(), source })
    }

    fn register() -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let told = [SIGTERM, SIGINT, SIGHUP].map(|signal| (signal, Arc::default()));
        for (signal, flag) in &told {
            // The flag is registered first: when the pipe wakes us, it is set.
            signal_hook::flag::register(*signal, Arc::clone(flag))?;
            pipe::register(*signal, waker.try_clone()?)?;
        }
        pipe::register(SIGCHLD, waker)?;
        Ok(Signals { wake, told })
    }

    /// Waits for one of them, for `patience` at most, and gives those to pass on.
    pub(crate) fn wait(&mut self, patience: Option<Duration>) -> Vec<i32> {
        if readable(&self.wake, patience) {
            let mut drain = [0; 64];
            while matches!(self.wake.read(&mut drain), Ok(1..)) {}
        }
        let told = self.told.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst));
        told.map(|(signal, _)| *signal).collect()
    }
}

/// What the runtime of an AppImage tells its program about itself.
const OF_IMAGE: [&str; 5] = ["APPIMAGE", "APPDIR", "ARGV0", "OWD", "TARGET_APPIMAGE"];
/// What asks the runtime of an AppImage to unpack it.
const UNPACK: &str = "APPIMAGE_EXTRACT_AND_RUN";
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;
const EXECUTE: u32 = 0o111;
const NOBODY: u32 = 65_534;
/// Pipefuls a turn.
const READS: usize = 64;
const END: usize = 4096;
/// How long an answer is waited for: as long as for the lock of an installation of one's own.
const ANSWER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a program may be busy that is to be started.
const BUSY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_into_the_mount_are_taken_out_of_lists() {
        let outside = |value: &str| {
            let rest = outside(value.as_ref(), Path::new("/tmp/.mount_a1"));
            rest.map(|rest| rest.into_string().unwrap_or_default())
        };
        assert_eq!(outside("/tmp/.mount_a1/usr/bin:/usr/bin").as_deref(), Some("/usr/bin"));
        assert_eq!(outside("/lib:/tmp/.mount_a1:/opt").as_deref(), Some("/lib:/opt"));
        assert_eq!(outside("/lib/a.so /tmp/.mount_a1/b.so").as_deref(), Some(""));
        assert_eq!(outside("/tmp/.mount_a1").as_deref(), Some(""));
        for other in ["/tmp/.mount_a12/usr/bin:/usr/bin", "http://host:80/", "", "a b:c"] {
            assert_eq!(outside(other), None, "{other}");
        }
    }
}
