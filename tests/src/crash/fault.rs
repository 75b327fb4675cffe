//! What happens at the Nth call.

use std::fmt;

use nix::errno::Errno;

use super::call::{Call, Kind};
use super::trace::{Verdict, Watcher};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// All processes are killed before the call.
    Kill,
    /// The call, a write, is done by half; then all are killed.
    Torn,
    /// This call fails: the device does.
    Eio,
    /// From this call on the disk is full: what takes space fails.
    Enospc,
    /// This call exceeds a quota; a later one may not.
    Edquot,
    /// From this call on the file system takes no change: what a kernel does after an error.
    Erofs,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 6] =
        [Fault::Kill, Fault::Torn, Fault::Eio, Fault::Enospc, Fault::Edquot, Fault::Erofs];

    fn verdict(self, call: &Call, first: bool) -> Verdict {
        let takes_space = matches!(
            call.kind,
            Kind::Create | Kind::Write | Kind::MakeDir | Kind::Symlink | Kind::Link
        );
        match self {
            Fault::Kill => Verdict::Kill,
            Fault::Torn if call.can_be_torn() => Verdict::Tear,
            Fault::Torn => Verdict::Kill,
            Fault::Eio if first => Verdict::Fail(Errno::EIO),
            Fault::Edquot if first => Verdict::Fail(Errno::EDQUOT),
            Fault::Enospc if first || takes_space => Verdict::Fail(Errno::ENOSPC),
            Fault::Erofs => Verdict::Fail(Errno::EROFS),
            _ => Verdict::Go,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Kill => "kill",
            Fault::Torn => "torn",
            Fault::Eio => "EIO",
            Fault::Enospc => "ENOSPC",
            Fault::Edquot => "EDQUOT",
            Fault::Erofs => "EROFS",
        })
    }
}

/// Lets one fault strike at one call.
#[derive(Debug)]
pub struct At {
    fault: Fault,
    point: usize,
    seen: usize,
    /// The call it struck first.
    pub struck: Option<Call>,
}

impl At {
    /// At the call of this number, from 0.
    pub fn new(fault: Fault, point: usize) -> At {
        At { fault, point, seen: 0, struck: None }
    }
}

impl Watcher for At {
    fn before(&mut self, call: &Call) -> Verdict {
        let now = self.seen;
        self.seen += 1;
        if now < self.point {
            return Verdict::Go;
        }
        let first = now == self.point;
        if first {
            self.struck = Some(call.clone());
        }
        self.fault.verdict(call, first)
    }
}

/// Writes down all calls and harms none.
#[derive(Debug, Default)]
pub struct Count {
    /// The calls, in order.
    pub calls: Vec<Call>,
}

impl Watcher for Count {
    fn before(&mut self, call: &Call) -> Verdict {
        self.calls.push(call.clone());
        Verdict::Go
    }
}
