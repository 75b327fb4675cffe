//! `once`: every registered application that is due, one after the other; while somebody is asked
//! about one, the others go on.

use std::hash::{BuildHasher, RandomState};

use exuvia::history::{Entry, Event};
use exuvia::{Time, Updater};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::args::Options;
use crate::attend::{Attendance, Attention};
use crate::clock;
use crate::failure::Failure;
use crate::fetcher::Fetcher;
use crate::metrics;
use crate::notices::Notices;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::record::{Attended, Known, Records};
use crate::report::Report;
use crate::schedule::Last;
use crate::target::{self, Target};
use crate::turns::Turns;

/// Which applications are due beyond those whose time has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// All.
    pub(crate) now: bool,
    /// Those that failed, five minutes after they did.
    pub(crate) network_up: bool,
    /// Nothing is done about what is there, and when they are due stays as it was.
    pub(crate) only_check: bool,
}

/// A run of one application.
struct Run {
    name: String,
    attended: Attended,
    /// What it failed with would end a command so.
    code: Option<u8>,
}

pub(super) fn once(options: &Options, due: Due) -> Result<Answer, Failure> {
    let names = match &options.app {
        Some(name) => vec![name.clone()],
        None => options.places.registry()?.names()?,
    };
    let records = Records::open(&options.places)?;
    let round = Round { options, due, records: &records, turns: Turns::new() };
    let runs = super::on_runtime(async {
        let runs = join_all(names.into_iter().map(|name| round.turns.work(round.run(name)))).await;
        runs.into_iter().filter_map(Result::transpose).collect::<Result<Vec<Run>, Failure>>()
    })?;
    if let Some(file) = &options.metrics
        && let Err(failure) = metrics::write(options, &records, file)
    {
        eprintln!("event=metrics-failed text={:?}", failure.to_string());
    }
    Ok(answer(&runs))
}

/// What the runs of a round share.
struct Round<'a> {
    options: &'a Options,
    due: Due,
    records: &'a Records,
    turns: Turns,
}

impl Round<'_> {
    /// Looks after an application; `None` if it is not due.
    async fn run(&self, name: String) -> Result<Option<Run>, Failure> {
        // Whoever holds it is at the same work.
        let Some(_lock) = self.records.lock(&name)? else { return Ok(None) };
        let before = self.records.load(&name);
        let target = Target::find(self.options.of(&name));
        if !is_due(before.as_ref(), &target, self.due) {
            return Ok(None);
        }
        let call = Call {
            name: &name,
            only_check: self.due.only_check,
            // Whoever acts for the machine has no desktop.
            may_ask: !self.options.places.system,
            turns: &self.turns,
            places: &self.options.places,
        };
        let (mut attended, mut code) = call.attend(target, before).await;
        if let Err(failure) = self.records.save(&name, &attended) {
            // The others are looked after all the same.
            attended.outcome = Outcome::of_failure(&failure, 0).0;
            code = Some(failure.code());
        }
        log(&name, &attended);
        Ok(Some(Run { name, attended, code }))
    }
}

fn is_due(before: Option<&Attended>, target: &Result<Target, Failure>, due: Due) -> bool {
    let Some(Attended { last, .. }) = before.filter(|_| !due.now) else { return true };
    let interval = target::interval(target);
    let remaining = match due.network_up && last.failures() > 0 {
        true => last.remaining_with_network(interval, clock::now()),
        false => last.remaining(interval, clock::now()),
    };
    remaining == 0
}

/// How an application is looked after.
struct Call<'a> {
    name: &'a str,
    only_check: bool,
    may_ask: bool,
    turns: &'a Turns,
    places: &'a Places,
}

/// What is known from the run before.
struct Before {
    known: Option<Known>,
    since: Option<Time>,
    /// Whether it did not fail.
    first_failure: bool,
}

impl Call<'_> {
    async fn attend(
        &self,
        target: Result<Target, Failure>,
        before: Option<Attended>,
    ) -> (Attended, Option<u8>) {
        let lot = lot();
        // Or users who ask again and again would put updates off.
        let last = before.as_ref().map(|before| before.last).filter(|_| self.only_check);
        let before_at = before.as_ref().map(|before| before.last.at);
        let failures = before.as_ref().map_or(0, |before| before.last.failures());
        let known = before.and_then(|before| before.known);
        let before =
            Before { known: known.clone(), since: before_at, first_failure: failures == 0 };
        let attended = match target.and_then(|target| self.behind_a_fetcher(target)) {
            Ok(target) => self.look_after(&target, before, lot).await,
            Err(failure) => Err(failure),
        };
        let (attendance, code) = match attended {
            Ok(attendance) => (attendance, None),
            Err(failure) => {
                let (outcome, wait) = Outcome::of_failure(&failure, failures);
                let code = (outcome != Outcome::Busy).then(|| failure.code());
                (Attendance { outcome, wait, known }, code)
            }
        };
        let Attendance { outcome, wait, known } = attendance;
        let last = last.unwrap_or(Last { at: clock::now(), wait, lot });
        (Attended { last, outcome, known }, code)
    }

    /// Whoever acts for the machine as root has somebody without rights fetch.
    fn behind_a_fetcher(&self, mut target: Target) -> Result<Target, Failure> {
        target.fetcher = Fetcher::new(self.name, self.places)?;
        Ok(target)
    }

    async fn look_after(
        &self,
        target: &Target,
        before: Before,
        lot: u16,
    ) -> Result<Attendance, Failure> {
        let updater = target.updater(None)?;
        let policy = target.policy.as_ref().ok_or(Failure::Argument { argument: "--app NAME" })?;
        let (now, lot) = (clock::now(), f64::from(lot) / f64::from(u16::MAX));
        let Before { known, since, first_failure } = before;
        let may_ask = self.may_ask && policy.notices.value;
        let Call { name, only_check, turns, .. } = *self;
        let attention = Attention {
            name,
            updater: &updater,
            policy,
            now,
            moment: clock::local(now),
            lot,
            only_check,
            may_ask,
            turns,
            fetcher: target.fetcher.as_ref(),
        };
        let attended = attention.attend(known).await;
        if let Some(since) = since.filter(|_| !only_check) {
            if may_ask {
                tell_reverted(name, &updater, since).await;
            }
            if let Some(address) = &policy.report.value {
                let (network, fetcher) = (&target.network, target.fetcher.as_ref());
                let report = Report { updater: &updater, network, address, fetcher, since };
                // That it still fails is known.
                report.send(attended.as_ref().err().filter(|_| first_failure)).await;
            }
        }
        attended
    }
}

/// Tells the user that a bad release was left since then.
async fn tell_reverted(name: &str, updater: &Updater, since: Time) {
    let history = updater.history().unwrap_or_default();
    let left = |entry: &&Entry| entry.event == Event::Reverted && entry.time > since;
    if let Some(Entry { from: Some(from), to: Some(to), .. }) = history.iter().rev().find(left) {
        let (from, to) = (from.to_string(), to.to_string());
        let gaps = [("from", &*from), ("to", &*to)];
        Notices::about(name).tell("reverted", "revertedText", &gaps).await;
    }
}

/// Guessing it wins nobody anything.
fn lot() -> u16 {
    let [a, b, ..] = RandomState::new().hash_one(0).to_be_bytes();
    u16::from_be_bytes([a, b])
}

/// One line for each application, in a form that stays.
fn log(name: &str, attended: &Attended) {
    let outcome = &attended.outcome;
    let version = outcome.version().map_or(String::new(), |version| format!(" version={version}"));
    let more = match outcome {
        Outcome::Held { reason, .. } => format!(" reason={reason}"),
        Outcome::Updated { from, .. } => format!(" from={from}"),
        Outcome::Failed { family, text, .. } => {
            format!(" family={family} failures={} text={text:?}", attended.last.failures())
        }
        _ => String::new(),
    };
    eprintln!("event={} app={name}{version}{more}", outcome.name());
}

fn answer(runs: &[Run]) -> Answer {
    let facts: Vec<Value> =
        runs.iter().map(|run| with_name(&run.name, json!(run.attended.outcome))).collect();
    let lines: Vec<String> =
        runs.iter().map(|run| format!("{}: {}", run.name, run.attended.outcome)).collect();
    let did = |run: &Run| {
        use Outcome as O;
        let outcome = &run.attended.outcome;
        matches!(
            outcome,
            O::Offered { .. } | O::Staged { .. } | O::OnQuit { .. } | O::Updated { .. }
        )
    };
    let facts = json!({ "apps": facts });
    // What this machine can put right is told before what others must.
    let failed = runs.iter().filter_map(|run| run.code).min();
    let answer = match runs.iter().any(did) {
        true => Answer::done("attended", lines.join("\n"), facts),
        false if runs.is_empty() => Answer::nothing("nothing-due", "nothing is due", facts),
        false => Answer::nothing("nothing-new", lines.join("\n"), facts),
    };
    match failed {
        Some(code) => answer.with_code(code),
        None => answer,
    }
}

/// An object with the name of the application it is about.
pub(super) fn with_name(name: &str, facts: Value) -> Value {
    let mut whole = json!({ "name": name });
    if let (Value::Object(whole), Value::Object(facts)) = (&mut whole, facts) {
        whole.extend(facts);
    }
    whole
}
