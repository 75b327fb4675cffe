//! Starting programs.

use super::super::{Finished, RunAs};
use super::console::{self, INTERRUPT, Signals};
use super::limited::{self, Started};
use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr::{from_ref, null, null_mut};
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::{
    ERROR_BAD_EXE_FORMAT, ERROR_SHARING_VIOLATION, STATUS_CONTROL_C_EXIT, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};
use windows_sys::Win32::System::Pipes::PeekNamedPipe;
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, GetExitCodeProcess, INFINITE, TerminateProcess,
    WaitForSingleObject,
};

/// Runs a program in a job of its own, and ends all that is in it when time is up.
pub(crate) fn run(
    command: &mut Command,
    user: RunAs,
    limit: Duration,
    max_output: usize,
) -> io::Result<Finished> {
    let deadline = Instant::now() + limit;
    let job = Job::new()?;
    let Started { process, stdout, stderr } = quietly(|| start(command, user))?;
    job.take(&process);
    let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    loop {
        let ended = status_of(&process);
        // Read all the time, or it would wait for a full pipe to be emptied.
        for _ in 0..READS {
            if !read_some(&mut stderr, &mut errors) {
                break;
            }
            errors.drain(..errors.len().saturating_sub(END));
        }
        while output.len() < max_output && read_some(&mut stdout, &mut output) {}
        if let Some(status) = ended {
            return Ok(Finished::Ended { status, output, errors });
        }
        if Instant::now() >= deadline {
            job.end(&process);
            return Ok(Finished::TimedOut);
        }
        if output.len() >= max_output {
            // It goes on printing into nothing.
            stdout = None;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Starts it without a window, as this user or with less than this process may do.
fn start(command: &mut Command, user: RunAs) -> io::Result<Started> {
    let folder = env::var_os("SystemRoot").unwrap_or_else(|| "C:\\".into());
    let flags = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;
    if let RunAs::User { .. } = user {
        return patiently(|| limited::start(command, &folder, flags));
    }
    command.creation_flags(flags).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = patiently(|| command.spawn())?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let [stdout, stderr] = [OwnedHandle::from(stdout), stderr.into()].map(File::from);
    Ok(Started { process: child.into(), stdout, stderr })
}

/// How a process ended, if it did.
fn status_of(process: &OwnedHandle) -> Option<ExitStatus> {
    let (process, mut code) = (process.as_raw_handle(), 0);
    // SAFETY: the process is open as long as it is borrowed; the number is written to.
    let ended = unsafe {
        WaitForSingleObject(process, 0) == WAIT_OBJECT_0
            && GetExitCodeProcess(process, &raw mut code) != 0
    };
    ended.then(|| ExitStatus::from_raw(code))
}

/// Reads what has come. Gives `false` if nothing has.
fn read_some(from: &mut Option<File>, into: &mut Vec<u8>) -> bool {
    let Some(pipe) = from else { return false };
    let (mut ready, mut buffer) = (0, [0; 4096]);
    let (handle, none) = (pipe.as_raw_handle(), null_mut());
    // SAFETY: the pipe is open as long as it is borrowed; only the number is asked for.
    let open = unsafe { PeekNamedPipe(handle, none, 0, null_mut(), &raw mut ready, null_mut()) };
    if open != 0 && ready == 0 {
        return false;
    }
    match pipe.read(&mut buffer) {
        Ok(read @ 1..) if open != 0 => {
            into.extend_from_slice(&buffer[..read]);
            true
        }
        _ => {
            *from = None;
            false
        }
    }
}

/// Processes that end with the handle. What a program starts in the moment before it is taken in here is
/// not among them.
struct Job(OwnedHandle);

impl Job {
    fn new() -> io::Result<Job> {
        // SAFETY: no name, no rights; the handle is owned from here on.
        let job = unsafe {
            let job = CreateJobObjectW(null(), null());
            if job.is_null() {
                return Err(io::Error::last_os_error());
            }
            OwnedHandle::from_raw_handle(job)
        };
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        let length = u32::try_from(size_of_val(&limits)).unwrap_or(0);
        let (what, handle) = (JobObjectExtendedLimitInformation, job.as_raw_handle());
        // SAFETY: the limits are of the kind that is named, and as long as is said.
        let set =
            unsafe { SetInformationJobObject(handle, what, from_ref(&limits).cast(), length) };
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(Job(job)) }
    }

    fn take(&self, process: &OwnedHandle) {
        // SAFETY: both are open. A system that refuses leaves the process to be ended alone.
        unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) };
    }

    /// Ends all of them, and waits for the one.
    fn end(self, process: &OwnedHandle) {
        drop(self.0);
        // SAFETY: the process is open. It may have ended already.
        unsafe {
            TerminateProcess(process.as_raw_handle(), 1);
            WaitForSingleObject(process.as_raw_handle(), INFINITE);
        }
    }
}

/// A child inherits how errors are told: no window asks anybody about a library that is missing.
fn quietly<T>(start: impl FnOnce() -> T) -> T {
    let quiet = SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX;
    // SAFETY: a number of the process.
    let before = unsafe { SetErrorMode(quiet) };
    let started = start();
    // SAFETY: as it was.
    unsafe { SetErrorMode(before) };
    started
}

/// How a process ended: its exit code, or the signal that this would be elsewhere.
pub(crate) fn code_and_signal(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    match status.code() {
        Some(STATUS_CONTROL_C_EXIT) => (None, Some(INTERRUPT)),
        code => (code, None),
    }
}

/// Starts a child that shares this process's console.
///
/// A program that was written a moment ago may be held open by a virus scanner.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    console::leave_console_for(command.get_program().as_ref());
    patiently(|| command.spawn())
}

/// Tries again for a while, and says it if it is no program.
fn patiently<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + BUSY;
    let is = |error: &io::Error, code: u32| error.raw_os_error() == Some(code.cast_signed());
    loop {
        match start() {
            Err(error) if is(&error, ERROR_SHARING_VIOLATION) && Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            Err(error) if is(&error, ERROR_BAD_EXE_FORMAT) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            started => return started,
        }
    }
}

/// Starts the program, stays while it runs and ends as it ends, since no process can become another one.
/// Comes back only with the reason why it did not start.
pub(crate) fn exec(command: &mut Command) -> io::Error {
    // What tells the program to stop must not stop this process before it.
    let _signals = Signals::watch();
    match spawn(command).and_then(|mut child| child.wait()) {
        Ok(status) => mirror(status),
        Err(error) => error,
    }
}

/// Ends this process as the child ended.
pub(crate) fn mirror(status: ExitStatus) -> ! {
    std::process::exit(status.code().unwrap_or(1))
}

/// The console has told the child already.
pub(crate) fn forward(_child: &Child, _signal: i32) {}

/// Pipefuls a turn.
const READS: usize = 64;
const END: usize = 4096;
const PAUSE: Duration = Duration::from_millis(20);
/// How long a program may be busy that is to be started.
const BUSY: Duration = Duration::from_secs(2);
