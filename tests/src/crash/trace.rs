//! Following a command with all its processes and threads, from call to call.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc::{c_int, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::call::Call;

/// What shall happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Go,
    /// It fails with this error number.
    Fail(Errno),
    /// It is not made: everything is killed before.
    Kill,
    /// Half of its bytes are written, then everything is killed.
    Tear,
}

/// Who is asked at each call.
pub trait Watcher {
    /// Before a call; nothing else of its thread happens meanwhile.
    fn before(&mut self, call: &Call) -> Verdict;

    /// Whether calls that only look are of interest too.
    fn looks_too(&self) -> bool {
        false
    }

    /// After a call that was made, with what it gave.
    fn after(&mut self, _call: &Call, _result: i64) {}
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal, or killed by the tracer.
    Killed,
}

/// Runs a command to its end under the eyes of a watcher, who sees only calls to what lies beneath
/// `roots`. `starter` makes its process traceable and becomes the command: it is this program's own
/// way in ([`become_traced`]). The calling process must have no other children.
#[expect(clippy::zombie_processes, reason = "all children are waited for below, by any id")]
pub fn run(command: &mut Command, roots: &[PathBuf], watcher: &mut dyn Watcher) -> End {
    let child = command.spawn().unwrap();
    let main = Pid::from_raw(i32::try_from(child.id()).unwrap());
    assert_eq!(waitpid(main, ALL), Ok(WaitStatus::Stopped(main, Signal::SIGSTOP)));
    ptrace::setoptions(main, OPTIONS).unwrap();
    let mut trace = Trace { roots, watcher, threads: HashMap::new(), over: false };
    trace.threads.insert(main, Where::Outside);
    trace.resume(main, None);
    let mut end = End::Killed;
    loop {
        match waitpid(None, ALL) {
            Err(Errno::ECHILD) => return end,
            Ok(WaitStatus::Exited(pid, code)) => {
                trace.threads.remove(&pid);
                if pid == main && !trace.over {
                    end = End::Code(code);
                }
            }
            Ok(WaitStatus::Signaled(pid, ..)) => drop(trace.threads.remove(&pid)),
            Ok(status) => trace.stopped(status),
            Err(error) => panic!("waiting for traced processes: {error}"),
        }
    }
}

/// Makes this process traced by its parent, and becomes the command. To be called by the program
/// that [`run`] is given, first thing.
pub fn become_traced(mut command: Command) -> std::io::Error {
    use std::os::unix::process::CommandExt;
    ptrace::traceme().unwrap();
    nix::sys::signal::raise(Signal::SIGSTOP).unwrap();
    command.exec()
}

/// What this machine lacks for [`run`], if it lacks something: a process must let itself be followed,
/// which containers may forbid, and who is followed already cannot.
pub fn lack() -> Option<String> {
    let mut probe = Command::new(std::env::current_exe().unwrap());
    let probe = probe.args([super::ground::TRACED, "/bin/true"]).stderr(Stdio::null());
    let child = Pid::from_raw(i32::try_from(probe.spawn().unwrap().id()).unwrap());
    let stopped = waitpid(child, ALL) == Ok(WaitStatus::Stopped(child, Signal::SIGSTOP));
    let follows =
        stopped && ptrace::setoptions(child, OPTIONS).is_ok() && ptrace::getregs(child).is_ok();
    if stopped {
        let _ = (kill(child, Signal::SIGKILL), waitpid(child, ALL));
    }
    (!follows).then(|| "ptrace".to_owned())
}

/// Where a thread is.
enum Where {
    /// Not in a call that matters.
    Outside,
    /// In some call that nobody asked for.
    Inside,
    /// In this call, to which this happens.
    In(Box<Call>, Verdict),
}

struct Trace<'a> {
    roots: &'a [PathBuf],
    watcher: &'a mut dyn Watcher,
    threads: HashMap<Pid, Where>,
    /// Everything is being killed.
    over: bool,
}

impl Trace<'_> {
    fn stopped(&mut self, status: WaitStatus) {
        match status {
            WaitStatus::PtraceSyscall(thread) => self.at_call(thread),
            WaitStatus::PtraceEvent(thread, ..) => self.resume(thread, None),
            WaitStatus::Stopped(thread, signal) => {
                let new = !self.threads.contains_key(&thread);
                self.threads.entry(thread).or_insert(Where::Outside);
                // A new thread begins with a stop of the tracer's making.
                let own = new && signal == Signal::SIGSTOP;
                self.resume(thread, (!own).then_some(signal));
            }
            _ => {}
        }
    }

    fn at_call(&mut self, thread: Pid) {
        match self.threads.insert(thread, Where::Outside) {
            Some(Where::In(call, verdict)) => self.leave(&call, verdict),
            Some(Where::Inside) => {}
            Some(Where::Outside) | None => {
                let now = self.enter(thread);
                self.threads.insert(thread, now);
            }
        }
        self.resume(thread, None);
    }

    fn enter(&mut self, thread: Pid) -> Where {
        // A thread may be killed at any time by another one's exit.
        let Ok(mut regs) = ptrace::getregs(thread) else { return Where::Inside };
        let call = Call::read(thread, &regs, self.watcher.looks_too());
        let Some(call) = call.filter(|call| self.concerns(call)) else { return Where::Inside };
        let verdict = if self.over { Verdict::Kill } else { self.watcher.before(&call) };
        match verdict {
            Verdict::Go => {}
            Verdict::Fail(_) => never_made(thread, &mut regs),
            Verdict::Kill => {
                never_made(thread, &mut regs);
                self.kill();
            }
            Verdict::Tear => {
                regs.rdx /= 2;
                let _ = ptrace::setregs(thread, regs);
            }
        }
        Where::In(Box::new(call), verdict)
    }

    fn leave(&mut self, call: &Call, verdict: Verdict) {
        let Ok(mut regs) = ptrace::getregs(call.thread) else { return };
        match verdict {
            Verdict::Go => self.watcher.after(call, regs.rax.cast_signed()),
            Verdict::Fail(errno) => {
                let errno: c_int = errno as c_int;
                regs.rax = i64::from(-errno).cast_unsigned();
                let _ = ptrace::setregs(call.thread, regs);
            }
            Verdict::Tear => self.kill(),
            Verdict::Kill => {}
        }
    }

    fn concerns(&self, call: &Call) -> bool {
        let beneath = |path: &PathBuf| self.roots.iter().any(|root| path.starts_with(root));
        beneath(&call.path) || call.to.as_ref().is_some_and(beneath)
    }

    fn kill(&mut self) {
        self.over = true;
        for thread in self.threads.keys() {
            let _ = kill(*thread, Signal::SIGKILL);
        }
    }

    fn resume(&mut self, thread: Pid, signal: Option<Signal>) {
        if self.over {
            let _ = kill(thread, Signal::SIGKILL);
        }
        // It may be gone already.
        let _ = ptrace::syscall(thread, signal);
    }
}

/// Lets the call that a thread stopped before go to no call at all.
fn never_made(thread: Pid, regs: &mut user_regs_struct) {
    regs.orig_rax = u64::MAX;
    let _ = ptrace::setregs(thread, *regs);
}

const ALL: Option<WaitPidFlag> = Some(WaitPidFlag::__WALL);
const OPTIONS: Options = Options::PTRACE_O_TRACESYSGOOD
    .union(Options::PTRACE_O_TRACEFORK)
    .union(Options::PTRACE_O_TRACEVFORK)
    .union(Options::PTRACE_O_TRACECLONE)
    .union(Options::PTRACE_O_TRACEEXEC)
    .union(Options::PTRACE_O_EXITKILL);
