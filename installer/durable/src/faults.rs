//! Faults on request, for tests: fail the Nth mutating step, tear a write, or stop everything.
//!
//! ```ignore
//! let count = Faults::count(|| install(&dir)).1;
//! for n in 0..count {
//!     let _faults = Faults::here(n, Fault::Stop);
//!     let _ = install(&dir);          // the process "dies" at step n
//!     drop(_faults);
//!     recover(&dir);                  // and must find the old tree or the new one
//! }
//! ```

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Step;

/// What shall happen at the chosen step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This one step fails with an error number; later steps work.
    Errno(i32),
    /// From this step on nothing reaches the disk any more: the process is as good as killed.
    Stop,
    /// As `Stop`, but if the step is a write, half of its bytes still arrive.
    Tear,
}

/// A fault in force until dropped.
#[derive(Debug)]
#[must_use]
pub struct Faults {
    everywhere: Option<MutexGuard<'static, ()>>,
    /// The plan may live in this thread, so its guard must stay here.
    _stay: PhantomData<*const ()>,
}

impl Faults {
    /// Lets step `n` (from 0) of this thread suffer `fault`.
    pub fn here(n: usize, fault: Fault) -> Faults {
        HERE.with_borrow_mut(|plan| *plan = Some(Plan::new(Some((n, fault)))));
        Faults { everywhere: None, _stay: PhantomData }
    }

    /// Counts and records the steps of this thread without harming any.
    pub fn record() -> Faults {
        HERE.with_borrow_mut(|plan| *plan = Some(Plan::new(None)));
        Faults { everywhere: None, _stay: PhantomData }
    }

    /// As [`Faults::here`] for the steps of all threads of this process, for code that works on a
    /// thread pool. Two of these wait for each other; a test that runs beside it without being part
    /// of it would be hit too.
    pub fn everywhere(n: usize, fault: Fault) -> Faults {
        Faults::begin_everywhere(Plan::new(Some((n, fault))))
    }

    /// As [`Faults::record`] for all threads.
    pub fn record_everywhere() -> Faults {
        Faults::begin_everywhere(Plan::new(None))
    }

    fn begin_everywhere(plan: Plan) -> Faults {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        *everywhere() = Some(plan);
        Faults { everywhere: Some(turn), _stay: PhantomData }
    }

    /// The steps that were attempted so far, in order.
    pub fn steps(&self) -> Vec<(Step, PathBuf)> {
        let steps = |plan: &Option<Plan>| plan.as_ref().map_or(Vec::new(), |p| p.steps.clone());
        match self.everywhere {
            Some(_) => steps(&everywhere()),
            None => HERE.with_borrow(steps),
        }
    }

    /// Whether the fault has struck.
    pub fn struck(&self) -> bool {
        let struck = |plan: &Option<Plan>| plan.as_ref().is_some_and(|plan| plan.struck);
        match self.everywhere {
            Some(_) => struck(&everywhere()),
            None => HERE.with_borrow(struck),
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        match self.everywhere {
            Some(_) => *everywhere() = None,
            None => HERE.with_borrow_mut(|plan| *plan = None),
        }
    }
}

/// What [`before`] tells a step to do.
pub(crate) enum Verdict {
    Go,
    Fail(io::Error),
    Tear(io::Error),
}

/// Asked before each mutating step.
pub(crate) fn before(step: Step, path: &Path) -> Verdict {
    let here = HERE.with_borrow_mut(|plan| plan.as_mut().map(|plan| plan.next(step, path)));
    match here {
        Some(verdict) => verdict,
        None => everywhere().as_mut().map_or(Verdict::Go, |plan| plan.next(step, path)),
    }
}

#[derive(Debug)]
struct Plan {
    fault: Option<(usize, Fault)>,
    steps: Vec<(Step, PathBuf)>,
    struck: bool,
}

impl Plan {
    fn new(fault: Option<(usize, Fault)>) -> Self {
        Self { fault, steps: Vec::new(), struck: false }
    }

    fn next(&mut self, step: Step, path: &Path) -> Verdict {
        let now = self.steps.len();
        self.steps.push((step, path.to_owned()));
        let Some((n, fault)) = self.fault.filter(|(n, _)| now >= *n) else { return Verdict::Go };
        self.struck = true;
        match fault {
            Fault::Errno(errno) if now == n => Verdict::Fail(io::Error::from_raw_os_error(errno)),
            Fault::Errno(_) => Verdict::Go,
            Fault::Tear if now == n && step == Step::Write => Verdict::Tear(killed()),
            Fault::Stop | Fault::Tear => Verdict::Fail(killed()),
        }
    }
}

/// No error number of a file system, so that code cannot take a kill for a full disk; and not
/// `Interrupted`, which `write_all` would try again for ever.
fn killed() -> io::Error {
    io::Error::other("the process was stopped here by a test")
}

thread_local! {
    static HERE: RefCell<Option<Plan>> = const { RefCell::new(None) };
}
static EVERYWHERE: Mutex<Option<Plan>> = Mutex::new(None);
static TURN: Mutex<()> = Mutex::new(());

fn everywhere() -> MutexGuard<'static, Option<Plan>> {
    EVERYWHERE.lock().unwrap_or_else(PoisonError::into_inner)
}
