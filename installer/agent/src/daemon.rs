//! `run`: sleeps until an application is due, and has a process of its own look after it.
//!
//! Rules:
//! - Between two rounds nothing wakes it but a clock that was set, a registration or policy that
//!   changed, and the network, the last only while something fails.
//! - Whatever goes wrong, there are five minutes at least between two rounds with the same reason.
//! - A round is a child: what it needed is gone when it ends.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::answer::Answer;
use crate::args::{Options, Round};
use crate::clock;
use crate::failure::Failure;
use crate::places::Places;
use crate::platform::{self, Folders, Until, Woken};
use crate::record::Records;
use crate::target::{self, Target};

/// Comes back only when it cannot go on, or another one does the work.
pub(crate) fn run(options: &Options) -> Result<Answer, Failure> {
    let records = Records::open(&options.places)?;
    let Some(_only) = records.lock_daemon()? else {
        let text = "another agent looks after these applications";
        return Ok(Answer::nothing("runs-already", text, serde_json::json!({})));
    };
    let folders = Folders::watch(&options.places.folders()?);
    let mut pace = Pace::default();
    loop {
        let due = Due::find(options, &records)?;
        match pace.next(&due) {
            Step::Round(round) => {
                self::round(round)?;
                pace.ran();
            }
            Step::Sleep { seconds, network } => {
                let time = clock::now().as_unix().saturating_add(seconds);
                let until = Until { time, network };
                let woken = platform::wait(&until, &folders).map_err(Failure::Runtime)?;
                pace.woken(woken);
                // Several files change together, and a network needs a while after a sleep.
                std::thread::sleep(match woken {
                    Woken::Time | Woken::Network => Duration::ZERO,
                    Woken::Folder => Duration::from_secs(1),
                    Woken::Clock => Duration::from_secs(20),
                });
            }
        }
    }
}

/// The same command line once more, as a round.
fn round(round: Round) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::Runtime)?;
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut command = Command::new(program);
    // What a round comes to stands in the records, and in its log.
    command.args(args).args(["--round", round.name()]).stdout(std::process::Stdio::null());
    command.status().map_err(Failure::Runtime)?;
    Ok(())
}

/// When something is due next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Due {
    /// Seconds until the first application is due; `None` if none is registered.
    first: Option<i64>,
    /// The same for those that failed, if the network came back.
    with_network: Option<i64>,
}

impl Due {
    fn find(options: &Options, records: &Records) -> Result<Due, Failure> {
        let (mut due, now) = (Due::default(), clock::now());
        let names = match &options.app {
            Some(name) => vec![name.clone()],
            None => options.places.registry()?.names()?,
        };
        for name in names {
            let interval = target::interval(&Target::find(options.of(&name)));
            let last = records.load(&name).map(|attended| attended.last);
            let first = last.map_or(0, |last| last.remaining(interval, now));
            due.first = Some(due.first.map_or(first, |known| known.min(first)));
            if let Some(last) = last.filter(|last| last.failures() > 0) {
                let remaining = last.remaining_with_network(interval, now);
                due.with_network = Some(due.with_network.map_or(remaining, |n| n.min(remaining)));
            }
        }
        Ok(due)
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Round(Round),
    Sleep { seconds: i64, network: bool },
}

/// What keeps the rounds apart.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// The last thing was a round.
    ran: bool,
    /// The network changed since the last round.
    network: bool,
}

impl Pace {
    fn next(&self, due: &Due) -> Step {
        let (first, with_network) = (due.first.unwrap_or(LONGEST), due.with_network);
        let seconds = match with_network.filter(|_| self.network) {
            Some(earlier) => earlier.min(first),
            None => first,
        };
        match seconds {
            // It was due and still is: another is at work on it, or nothing can be written down.
            ..=0 if self.ran => Step::Sleep { seconds: SHORTEST, network: false },
            ..=0 if first <= 0 => Step::Round(Round::Due),
            ..=0 => Step::Round(Round::NetworkUp),
            _ => {
                let network = with_network.is_some() && !self.network;
                Step::Sleep { seconds: seconds.min(LONGEST), network }
            }
        }
    }

    fn ran(&mut self) {
        *self = Pace { ran: true, network: false };
    }

    fn woken(&mut self, woken: Woken) {
        self.network |= woken == Woken::Network;
        // A clock or a file that changed is a reason of its own.
        self.ran = false;
    }
}

const SHORTEST: i64 = 300;
/// Longer than anything waits.
const LONGEST: i64 = 366 * 86_400;

impl Places {
    /// The folders of registrations and policies.
    fn folders(&self) -> Result<Vec<PathBuf>, Failure> {
        let apps = self.registry()?.folder().to_owned();
        // Whoever may make it does, so that it can be watched.
        let _ = std::fs::create_dir_all(&apps);
        let policy = apps.parent().map(PathBuf::from);
        Ok([Some(apps), policy, Some(self.machine_dir().to_owned())]
            .into_iter()
            .flatten()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(first: i64, with_network: Option<i64>) -> Due {
        Due { first: Some(first), with_network }
    }

    fn sleep(seconds: i64, network: bool) -> Step {
        Step::Sleep { seconds, network }
    }

    #[test]
    fn the_next_step_follows_from_what_is_due_and_what_was() {
        let (fresh, network) = (Pace::default(), Pace { network: true, ran: false });
        let ran = Pace { ran: true, network: false };
        let table = [
            (fresh, Due::default(), sleep(LONGEST, false)),
            (fresh, due(0, None), Step::Round(Round::Due)),
            (fresh, due(7_000, None), sleep(7_000, false)),
            (fresh, due(7_000, Some(10)), sleep(7_000, true)),
            (network, due(7_000, Some(10)), sleep(10, false)),
            (network, due(7_000, Some(0)), Step::Round(Round::NetworkUp)),
            (network, due(7_000, None), sleep(7_000, false)),
            // What is due after its round is not tried again at once.
            (ran, due(0, None), sleep(SHORTEST, false)),
            (ran, due(300, Some(300)), sleep(300, true)),
        ];
        for (pace, due, expected) in table {
            assert_eq!(pace.next(&due), expected, "{pace:?} {due:?}");
        }
    }

    #[test]
    fn a_disk_that_takes_nothing_is_a_round_every_five_minutes() {
        let (mut pace, mut seconds, mut rounds) = (Pace::default(), 0, 0);
        while seconds < 86_400 {
            match pace.next(&due(0, None)) {
                Step::Round(_) => {
                    rounds += 1;
                    pace.ran();
                }
                Step::Sleep { seconds: more, .. } => {
                    seconds += more;
                    pace.woken(Woken::Time);
                }
            }
        }
        assert_eq!(rounds, 288);
    }
}
