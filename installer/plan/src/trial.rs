//! The trial rules: what a watched start means for the release on trial.
//!
//! Three starts at most. A start is counted before the child runs. A nonzero exit, a fatal signal
//! or silence beyond the window keeps it counted; a clean exit and being told to stop give it back.
//! Where being up is enough, so is ending cleanly three times: a command line tool never stays up
//! for the window, and would be on trial for ever.

use crate::policy::Health;
use std::io::ErrorKind;

/// How many starts a release on trial gets.
pub const MAX_STARTS: u8 = 3;

/// How many clean ends confirm a release under [`Health::Alive`].
pub const CLEAN_ENDS: u8 = 3;

/// What is counted of a release on trial; the name of its counter (formats §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Starts that were not given back.
    pub starts: u8,
    /// Starts that ended cleanly before the window, [`CLEAN_ENDS`] at most.
    pub clean: u8,
}

impl Count {
    /// Every count there can be, that with the most starts first.
    pub fn all() -> impl Iterator<Item = Count> {
        let clean = |starts| (0..=CLEAN_ENDS).rev().map(move |clean| Count { starts, clean });
        (0..=MAX_STARTS).rev().flat_map(clean)
    }

    /// With one start given back, which ended so.
    pub fn given_back(self, end: End) -> Count {
        let clean = self.clean.saturating_add(u8::from(end == End::Clean)).min(CLEAN_ENDS);
        Count { starts: self.starts.saturating_sub(1), clean }
    }
}

/// What is to be done before a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// Count this start, then make it.
    Start {
        /// The count with this start.
        counted: Count,
    },
    /// All starts are used up: revert and start the old version.
    Exhausted,
}

/// Whether a release with this count may be started once more.
pub fn admit(count: Count) -> Admission {
    match count.starts {
        starts @ 0..MAX_STARTS => {
            Admission::Start { counted: Count { starts: starts + 1, ..count } }
        }
        MAX_STARTS.. => Admission::Exhausted,
    }
}

/// What the watcher knows about the present start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// When the release counts as healthy.
    pub health: Health,
    /// What is counted, this start included.
    pub count: Count,
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

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The child is gone: with a status, or by a signal.
    Gone {
        /// Its exit status.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// There never was a child.
    NotStarted(ErrorKind),
}

/// What an [`Exit`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Exit status 0: quit, or handed over to another live instance.
    Clean,
    /// Told to stop: by TERM, HUP or INT, or after the watcher was told so and passed it on.
    Stopped,
    /// Anything else, also when it could not be started at all.
    Failed,
}

impl Exit {
    /// What it means; `asked` says that the watcher itself was told to stop.
    pub fn sort(self, asked: bool) -> End {
        match self {
            Exit::NotStarted(_) => End::Failed,
            Exit::Gone { code: Some(0), .. } => End::Clean,
            Exit::Gone { .. } if asked => End::Stopped,
            Exit::Gone { signal: Some(HUP | INT | TERM), .. } => End::Stopped,
            Exit::Gone { .. } => End::Failed,
        }
    }

    /// Why a release is switched back whose last start ended so.
    pub fn reason(self) -> String {
        let last = match self {
            Exit::Gone { signal: Some(signal), .. } => format!("ended by signal {signal}"),
            Exit::Gone { code, .. } => format!("ended with {}", code.unwrap_or(-1)),
            Exit::NotStarted(ErrorKind::NotFound) => "found no program to start".to_owned(),
            Exit::NotStarted(kind) => format!("was impossible ({kind})"),
        };
        format!("three starts, the last one {last}")
    }
}

/// What the watcher does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The release is healthy: commit; if the child is still there, go on waiting for it.
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
/// use exuvia_plan::{Health, trial::{Count, End, Outcome, Verdict, Watch, judge}};
/// let count = Count { starts: 3, clean: 0 };
/// let watch = Watch { health: Health::default(), count, overdue: false };
/// assert_eq!(judge(watch, Outcome::Ended(End::Failed)), Verdict::Revert);
/// assert_eq!(judge(watch, Outcome::Ended(End::Clean)), Verdict::GiveBack);
/// ```
pub fn judge(watch: Watch, outcome: Outcome) -> Verdict {
    let last = watch.count.starts >= MAX_STARTS;
    let proven = watch.count.given_back(End::Clean).clean >= CLEAN_ENDS;
    match (outcome, watch.health) {
        (Outcome::Window, Health::Alive { .. }) => Verdict::Confirm,
        (Outcome::Window, Health::Explicit { .. }) if last => Verdict::RevertUnderway,
        (Outcome::Window, Health::Explicit { .. }) => Verdict::Overdue,
        (Outcome::Ended(End::Clean), Health::Alive { .. }) if proven => Verdict::Confirm,
        (Outcome::Ended(End::Failed), _) if last => Verdict::Revert,
        (Outcome::Ended(End::Failed), _) => Verdict::Again,
        (Outcome::Ended(End::Clean | End::Stopped), _) if watch.overdue => Verdict::Leave,
        (Outcome::Ended(End::Clean | End::Stopped), _) => Verdict::GiveBack,
    }
}

/// Why a release is switched back whose starts were all used up by watchers that did not live to
/// tell how.
pub const EXHAUSTED: &str = "three starts, none of them healthy";

/// Why a release is switched back that ran and never called itself healthy.
pub fn silent(health: Health) -> String {
    let seconds = health.window().as_secs();
    format!("three starts, the last one not healthy within {seconds} seconds")
}

/// Signal numbers, the same on every Unix.
const HUP: i32 = 1;
const INT: i32 = 2;
const TERM: i32 = 15;
