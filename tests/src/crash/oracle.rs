//! What must hold after every point: what starts next is exactly the old or exactly the new version, a
//! success that was reported is one, the next run finishes, and nothing is left lying about.

use std::collections::BTreeSet;
use std::fmt;

use super::call::{Call, Kind};
use super::fault::{At, Count, Fault};
use super::ground::{Ground, Ran, Run, Saved, Shape, VERSIONS};
use super::trace::{self, End, Verdict, Watcher};

/// What is done to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// An update by the whole bundle.
    Full,
    /// An update by a delta.
    Delta,
    /// Going back by hand.
    Rollback,
    /// The recovery of a switch that was cut off before the step that moves the stable path.
    RecoverBefore,
    /// … and after it.
    RecoverAfter,
    /// The oldest version gives way: in the versioned layout when a newer one is confirmed, else
    /// during the next update.
    Prune,
}

impl Op {
    /// All of them.
    pub const ALL: [Op; 6] =
        [Op::Full, Op::Delta, Op::Rollback, Op::RecoverBefore, Op::RecoverAfter, Op::Prune];

    /// The versions that may be found afterwards, that which is aimed at last, and what is published.
    fn versions(self, shape: Shape) -> (&'static [&'static str], &'static str) {
        match (self, shape) {
            (Op::Full, _) => (&VERSIONS[..2], "1.1.0-full"),
            (Op::Delta | Op::RecoverBefore | Op::RecoverAfter, _) => (&VERSIONS[..2], "1.1.0"),
            (Op::Rollback, _) => (&["1.1.0", "1.0.0"], "1.1.0"),
            (Op::Prune, Shape::Versioned) => (&VERSIONS[2..], "1.2.0"),
            (Op::Prune, _) => (&VERSIONS[1..], "1.2.0"),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Full => "full update",
            Op::Delta => "delta update",
            Op::Rollback => "rollback",
            Op::RecoverBefore | Op::RecoverAfter => "recovery",
            Op::Prune => "prune",
        })
    }
}

/// An operation on a machine that is ready for it.
pub struct Case<'a> {
    /// The machine.
    pub ground: &'a Ground,
    /// The operation.
    pub op: Op,
    before: Saved,
    /// What lies about after an undisturbed run.
    tidy: BTreeSet<String>,
}

impl<'a> Case<'a> {
    /// Brings the machine to where the operation begins, and does it undisturbed once.
    pub fn prepare(ground: &'a Ground, op: Op) -> Case<'a> {
        ground.install();
        let update = |www: &str| drop(ground.agent(www, &["update", "--yes"]).works());
        match op {
            Op::Full | Op::Delta => {}
            Op::Rollback => {
                update("1.1.0");
                settle(ground);
            }
            Op::RecoverBefore | Op::RecoverAfter => {
                let mut cut =
                    CutOff { ground, after: op == Op::RecoverAfter, seen: false, done: false };
                trace::run(
                    &mut ground.agent("1.1.0", &["update", "--yes"]).traced(),
                    &ground.roots(),
                    &mut cut,
                );
                assert!(cut.done, "the switch was never seen");
            }
            Op::Prune => {
                update("1.1.0");
                settle(ground);
                if ground.shape() == Shape::Versioned {
                    update("1.2.0");
                }
            }
        }
        let before = ground.save("before");
        let mut case = Case { ground, op, before, tidy: BTreeSet::new() };
        case.run().works();
        case.judge(true).unwrap_or_else(|wrong| panic!("{op} on {}: {wrong}", ground.shape()));
        case.tidy = ground.names();
        case
    }

    /// The operation itself.
    pub fn run(&self) -> Run {
        let update = || self.ground.agent(self.published(), &["update", "--yes"]);
        match (self.op, self.ground.shape()) {
            (Op::Prune, Shape::Versioned) => self.ground.helper("confirm"),
            (Op::Full | Op::Delta | Op::Prune, _) => update(),
            (Op::Rollback, _) => self.ground.agent(self.published(), &["rollback"]),
            (Op::RecoverBefore | Op::RecoverAfter, _) => self.ground.helper("recover"),
        }
    }

    fn published(&self) -> &'static str {
        self.op.versions(self.ground.shape()).1
    }

    /// Makes the machine what it was before the operation.
    pub fn restore(&self) {
        self.ground.restore(&self.before);
    }

    /// Does the operation under the eyes of a watcher.
    pub fn trace(&self, watcher: &mut dyn Watcher) -> End {
        self.restore();
        self.trace_from_here(watcher)
    }

    /// As [`Case::trace`] on a machine that is ready.
    pub fn trace_from_here(&self, watcher: &mut dyn Watcher) -> End {
        trace::run(&mut self.run().traced(), &self.ground.roots(), watcher)
    }

    /// The calls of the operation.
    pub fn calls(&self) -> Vec<Call> {
        let mut count = Count::default();
        let end = self.trace(&mut count);
        assert_eq!(end, End::Code(0), "{}", self.run().printed());
        count.calls
    }

    /// Does the operation with a fault at one point, and judges what is left.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn strike(&self, fault: Fault, point: usize) -> Result<(), Wrong> {
        let mut at = At::new(fault, point);
        let end = self.trace(&mut at);
        self.judge(end == End::Code(0)).map_err(|wrong| wrong.after(at.struck.as_ref()))
    }

    /// What starts now, whether a success that was `reported` is one, whether the next run finishes
    /// and leaves nothing behind.
    ///
    /// # Errors
    /// What is wrong.
    pub fn judge(&self, reported: bool) -> Result<(), Wrong> {
        let found = self.holds(reported)?;
        let goal = self.goal();
        self.finish(found, goal)?;
        self.starts(&[goal])?;
        let names = self.ground.names();
        match names.difference(&self.tidy).next() {
            Some(left) if !self.tidy.is_empty() => {
                Err(Wrong::new(format!("{left} was left behind")))
            }
            _ => Ok(()),
        }
    }

    /// What starts now, and whether a success that was `reported` is one.
    ///
    /// # Errors
    /// What is wrong.
    pub fn holds(&self, reported: bool) -> Result<&'static str, Wrong> {
        let found = self.starts(self.op.versions(self.ground.shape()).0)?;
        let claims = !matches!(self.op, Op::RecoverBefore | Op::RecoverAfter);
        if claims && reported && found != self.goal() {
            return Err(Wrong::new(format!("success was reported, {found} starts")));
        }
        Ok(found)
    }

    /// Whether the next update ends well, wherever it begins.
    ///
    /// # Errors
    /// What is wrong.
    pub fn goes_on(&self) -> Result<(), Wrong> {
        let ran = self.ground.agent(self.published(), &["update", "--yes"]).now();
        match ran.code {
            Some(0 | NOTHING_TO_DO) => self.holds(false).map(drop),
            _ => Err(Wrong::of("the next run fails", &ran)),
        }
    }

    fn goal(&self) -> &'static str {
        let allowed = self.op.versions(self.ground.shape()).0;
        allowed[allowed.len() - 1]
    }

    fn starts(&self, allowed: &[&'static str]) -> Result<&'static str, Wrong> {
        let ran = self.ground.start().now();
        let says =
            |version: &str| ran.output.lines().any(|l| l == format!("notes {version} probe"));
        let Some(version) = allowed.iter().find(|version| says(version)) else {
            return Err(Wrong::of(&format!("none of {allowed:?} starts"), &ran));
        };
        if ran.code != Some(0) || self.ground.live() != Some(self.ground.expected(version)) {
            return Err(Wrong::of(&format!("{version} starts and is not whole"), &ran));
        }
        Ok(version)
    }

    fn finish(&self, found: &str, goal: &str) -> Result<(), Wrong> {
        let ground = self.ground;
        let update = || ground.agent(self.published(), &["update", "--yes"]);
        let first = match (self.op, ground.shape()) {
            (Op::Prune, Shape::Versioned) => Some(ground.helper("confirm")),
            (Op::Rollback, _) if found != goal => {
                Some(ground.agent(self.published(), &["rollback"]))
            }
            (Op::RecoverBefore | Op::RecoverAfter, _) => Some(ground.helper("recover")),
            _ => None,
        };
        // Time passes until then.
        ground.age();
        for run in first.into_iter().chain([update(), ground.helper("confirm")]) {
            let ran = run.now();
            if !matches!(ran.code, Some(0 | NOTHING_TO_DO)) {
                return Err(Wrong::of("the next run fails", &ran));
            }
        }
        Ok(())
    }
}

/// What is wrong with an installation.
#[derive(Clone, Debug)]
pub struct Wrong(String);

impl Wrong {
    pub(super) fn new(text: impl Into<String>) -> Wrong {
        Wrong(text.into())
    }

    /// With what a command said.
    pub(super) fn of(text: &str, ran: &Ran) -> Wrong {
        Wrong(format!("{text} (exit {:?}: {})", ran.code, ran.output.trim()))
    }

    fn after(self, struck: Option<&Call>) -> Wrong {
        match struck {
            Some(call) => Wrong(format!("{} [at {:?} {}]", self.0, call.kind, call.path.display())),
            None => self,
        }
    }
}

impl From<&str> for Wrong {
    fn from(text: &str) -> Wrong {
        Wrong::new(text)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Confirms a trial, if there is one.
pub(super) fn settle(ground: &Ground) {
    let ran = ground.helper("confirm").now();
    assert!(matches!(ran.code, Some(0 | NOTHING_TO_DO)), "{}", ran.output);
}

/// Whether a call is the one by which another version takes the place of the installed one.
pub(super) fn moves_stable_path(ground: &Ground, call: &Call) -> bool {
    let stable = match ground.shape() {
        Shape::Versioned => ground.app().join("current"),
        Shape::InPlace | Shape::SingleFile => ground.app(),
    };
    call.kind == Kind::Rename && (call.path == stable || call.to.as_ref() == Some(&stable))
}

/// Kills an update at the call that moves the stable path, or at the one after.
struct CutOff<'a> {
    ground: &'a Ground,
    after: bool,
    seen: bool,
    done: bool,
}

impl Watcher for CutOff<'_> {
    fn before(&mut self, call: &Call) -> Verdict {
        let moves = moves_stable_path(self.ground, call);
        if self.seen || moves && !self.after {
            self.done = true;
            return Verdict::Kill;
        }
        self.seen |= moves;
        Verdict::Go
    }
}

const NOTHING_TO_DO: i32 = 3;
