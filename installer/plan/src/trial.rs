//! The trial rules: what a watched start means for the release on trial.
//!
//! Three starts at most. A start is counted before the child runs. A nonzero exit, a fatal signal
//! or silence beyond the window keeps it counted; a clean exit and being told to stop give it back.

use crate::policy::Health;

/// How many starts a release on trial gets.
pub const MAX_STARTS: u8 = 3;

/// What is to be done before a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// Count this start, then make it.
    Start {
        /// The number of starts once it is counted.
        counted: u8,
    },
    /// All starts are used up: revert and start the old version.
    Exhausted,
}

/// Whether a release that was started `starts` times may be started once more.
pub fn admit(starts: u8) -> Admission {
    match starts {
        0..MAX_STARTS => Admission::Start { counted: starts + 1 },
        MAX_STARTS.. => Admission::Exhausted,
    }
}

/// What the watcher knows about the present start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// When the release counts as healthy.
    pub health: Health,
    /// Starts counted, this one included.
    pub starts: u8,
    /// Whether the window has passed without a word.
    pub overdue: bool,
}

/// What happened to the watched child while its release was still on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is up and the window has passed.
    Window,
    /// It is gone.
    Ended(End),
}

/// How a child went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Exit status 0: quit, or handed over to another live instance.
    Clean,
    /// Told to stop: by TERM, HUP or INT, or after the watcher was told so and passed it on.
    Stopped,
    /// Anything else, also when it could not be started at all.
    Failed,
}

impl End {
    /// Sorts an exit status; `asked` says that the watcher itself was told to stop.
    pub fn sort(code: Option<i32>, signal: Option<i32>, asked: bool) -> End {
        match (code, signal) {
            (Some(0), _) => End::Clean,
            _ if asked => End::Stopped,
            (_, Some(HUP | INT | TERM)) => End::Stopped,
            _ => End::Failed,
        }
    }
}

/// What the watcher does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The release is healthy: commit, and go on waiting for the child.
    Confirm,
    /// The start stays counted; go on waiting.
    Overdue,
    /// The last start is lost: move the pointer back, leave the child running.
    RevertUnderway,
    /// The start is given back; leave with the child's status.
    GiveBack,
    /// The start stays counted; leave with the child's status.
    Leave,
    /// The start stays counted; start the release again.
    Again,
    /// The last start is lost: move the pointer back and start the old version.
    Revert,
}

/// The verdict on a watched start.
///
/// ```
/// use exuvia_plan::{Health, trial::{End, Outcome, Verdict, Watch, judge}};
/// let watch = Watch { health: Health::default(), starts: 3, overdue: false };
/// assert_eq!(judge(watch, Outcome::Ended(End::Failed)), Verdict::Revert);
/// assert_eq!(judge(watch, Outcome::Ended(End::Clean)), Verdict::GiveBack);
/// ```
pub fn judge(watch: Watch, outcome: Outcome) -> Verdict {
    let last = watch.starts >= MAX_STARTS;
    match (outcome, watch.health) {
        (Outcome::Window, Health::Alive { .. }) => Verdict::Confirm,
        (Outcome::Window, Health::Explicit { .. }) if last => Verdict::RevertUnderway,
        (Outcome::Window, Health::Explicit { .. }) => Verdict::Overdue,
        (Outcome::Ended(End::Failed), _) if last => Verdict::Revert,
        (Outcome::Ended(End::Failed), _) => Verdict::Again,
        (Outcome::Ended(End::Clean | End::Stopped), _) if watch.overdue => Verdict::Leave,
        (Outcome::Ended(End::Clean | End::Stopped), _) => Verdict::GiveBack,
    }
}

/// Why a release is switched back whose starts were all used up by watchers that did not live to
/// tell how.
pub const EXHAUSTED: &str = "three starts, none of them healthy";

/// Why a release is switched back whose last start ended so.
pub fn failed(code: Option<i32>, signal: Option<i32>) -> String {
    match (code, signal) {
        (_, Some(signal)) => format!("three starts, the last one ended by signal {signal}"),
        (code, None) => format!("three starts, the last one ended with {}", code.unwrap_or(-1)),
    }
}

/// Why a release is switched back that could not be started.
pub fn not_started(kind: std::io::ErrorKind) -> String {
    format!("three starts, the last one impossible ({kind})")
}

/// Why a release is switched back that ran and never called itself healthy.
pub fn silent(health: Health) -> String {
    let seconds = health.window().as_secs();
    format!("three starts, the last one not healthy within {seconds} seconds")
}

/// Signal numbers, the same on every Unix.
const HUP: i32 = 1;
const INT: i32 = 2;
const TERM: i32 = 15;
