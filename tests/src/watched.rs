//! A process whose cost is measured.

use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// A process under observation. One at a time: its CPU time is told by the difference it makes to
/// that of all children.
pub struct Watched {
    child: Child,
    peak: u64,
    begun: Instant,
    before: Duration,
}

/// What a process cost.
#[derive(Debug)]
pub struct Cost {
    /// CPU time of it and of what it started and waited for, user and system.
    pub cpu: Duration,
    /// From its start to its end.
    pub wall: Duration,
    /// Most bytes of it that were in memory at once, its code included (`VmHWM`).
    pub peak: u64,
    /// How it ended, and what it said.
    pub output: Output,
}

impl Watched {
    /// Starts it, with its output caught.
    pub fn start(command: &mut Command) -> Watched {
        let (before, begun) = (children(), Instant::now());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Watched { child, peak: 0, begun, before }
    }

    /// Most bytes in memory at once so far.
    pub fn peak(&mut self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        // Not there any more once it has ended.
        if let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            let kib: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
            self.peak = self.peak.max(kib * 1024);
        }
        self.peak
    }

    /// CPU time of its threads that are still there.
    pub fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter();
        let spent = tasks.flatten().flatten().filter_map(|task| {
            let spent = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            spent.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(spent.sum())
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it as a power cut does, as far as a process can tell.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Cost {
        while !self.has_ended() {
            self.peak();
            thread::sleep(Duration::from_micros(500));
        }
        let wall = self.begun.elapsed();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        let output = Output { status, stdout, stderr };
        Cost { cpu: children() - self.before, wall, peak: self.peak, output }
    }
}

/// CPU time of all children that were waited for.
fn children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let of = |time: TimeVal| {
        let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(u64::try_from(micros).unwrap())
    };
    of(usage.user_time()) + of(usage.system_time())
}
