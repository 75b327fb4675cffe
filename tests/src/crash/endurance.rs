//! The same again and again: swaps while somebody starts the application all the time, updates with a
//! random fault in each, and how long a start takes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use super::Rig;
use super::fault::{At, Fault};
use super::ground::{Ground, Run, Shape, VERSIONS};
use super::oracle::Wrong;
use super::table::Results;
use super::trace;
use crate::home::{Thing, things};

/// Two hundred swaps there and back, in each layout, while the application is started in a loop.
pub(super) fn swaps(rig: &Rig, results: &mut Results) {
    for shape in Shape::ALL {
        let ground = rig.ground(shape, 1);
        ground.install();
        let (done, mut swapped) = (AtomicBool::new(false), 0);
        let (starts, failed) = std::thread::scope(|threads| {
            let starter = threads.spawn(|| start_until(&ground, &done));
            for _ in 0..(200 / rig.sample.step).max(4) / 2 {
                // A panic here would leave the starter without its end.
                let there = update(&ground).now();
                settle(&ground);
                let back = ground.agent("1.1.0", &["rollback"]).now();
                for ran in [there, back] {
                    let cell =
                        ("swaps under a start loop".to_owned(), shape, 1, "swaps".to_owned());
                    let done = ran.code == Some(0);
                    let result = if done { Ok(()) } else { Err(Wrong::of("it fails", &ran)) };
                    results.add(cell, swapped, result);
                    swapped += 1;
                }
            }
            done.store(true, Ordering::SeqCst);
            starter.join().unwrap()
        });
        let cell = ("swaps under a start loop".to_owned(), shape, 1, "starts".to_owned());
        for start in 0..starts {
            let wrong = failed.iter().find(|(at, _)| *at == start);
            results.add(cell.clone(), start, wrong.map_or(Ok(()), |(_, why)| Err(why[..].into())));
        }
        results.notes.push(format!("{shape}: {swapped} swaps, {starts} starts meanwhile"));
    }
}

fn start_until(ground: &Ground, done: &AtomicBool) -> (usize, Vec<(usize, String)>) {
    let (mut starts, mut failed) = (0, Vec::new());
    while !done.load(Ordering::SeqCst) {
        let ran = ground.start().now();
        let says = |v: &&str| ran.output.lines().any(|line| line == format!("notes {v} probe"));
        if ran.code != Some(0) || !VERSIONS.iter().any(says) {
            failed.push((starts, format!("exit {:?}: {}", ran.code, ran.output)));
        }
        starts += 1;
    }
    (starts, failed)
}

/// A thousand updates in a row, and a return after each, with a random fault at a random call.
pub(super) fn faults(rig: &Rig, results: &mut Results) {
    let mut dice = Dice(0x2026_1126);
    for shape in Shape::ALL {
        let ground = rig.ground(shape, 1);
        ground.install();
        let cell = |what: &str| {
            ("updates in a row, a fault in each".to_owned(), shape, 1, what.to_owned())
        };
        let (mut first, mut memory) = (None, 0);
        let rounds = (1000 / 3 / rig.sample.step).max(4);
        for round in 0..rounds {
            let fault = Fault::ALL[dice.below(Fault::ALL.len())];
            let mut at = At::new(fault, dice.below(250));
            trace::run(&mut update(&ground).traced(), &ground.roots(), &mut at);
            results.add(cell("updated"), round, arrives(&ground));
            let found = Found::at(&ground);
            let first = first.get_or_insert_with(|| found.clone());
            results.add(cell("nothing grows"), round, found.is_no_more_than(first));
            let mut at = At::new(fault, dice.below(60));
            let rollback = ground.agent("1.1.0", &["rollback"]);
            trace::run(&mut rollback.traced(), &ground.roots(), &mut at);
            results.add(cell("returned"), round, returns(&ground));
            if round == rounds / 10 {
                memory = most_memory();
            }
        }
        let (open, most) = (open_files(), most_memory());
        let fits = if most <= memory + memory / 10 { Ok(()) } else { Err("memory grew".into()) };
        results.add(cell("nothing grows"), rounds, fits);
        let text = format!("{shape}: {rounds} rounds, at most {} KiB in any process", most);
        results.notes.push(format!("{text}, {open} files open in the rig"));
    }
}

/// Goes on until the update is there: exactly what a fresh installation is.
fn arrives(ground: &Ground) -> Result<(), Wrong> {
    let found = ground.live();
    if !VERSIONS[..2].iter().any(|version| found == Some(ground.expected(version))) {
        return Err("neither old nor new".into());
    }
    ground.age();
    let ran = update(ground).now();
    if !matches!(ran.code, Some(0 | NOTHING_TO_DO)) {
        return Err(Wrong::of("the next run fails", &ran));
    }
    settle(ground);
    match ground.live() == Some(ground.expected(VERSIONS[1])) {
        true => Ok(()),
        false => Err("it is not what a fresh installation is".into()),
    }
}

fn returns(ground: &Ground) -> Result<(), Wrong> {
    ground.helper("recover").now();
    if ground.live() != Some(ground.expected(VERSIONS[0])) {
        let ran = ground.agent("1.1.0", &["rollback"]).now();
        if ran.code != Some(0) {
            return Err(Wrong::of("there is no way back", &ran));
        }
    }
    match ground.live() == Some(ground.expected(VERSIONS[0])) {
        true => Ok(()),
        false => Err("it is not what it was".into()),
    }
}

/// What was rolled back is wanted all the same.
fn update(ground: &Ground) -> Run {
    ground.agent("1.1.0", &["update", "--yes", "--even-if-failed"])
}

fn settle(ground: &Ground) {
    ground.helper("confirm").now();
}

/// What lies on a machine.
#[derive(Clone)]
struct Found {
    names: BTreeSet<String>,
    bytes: usize,
}

impl Found {
    fn at(ground: &Ground) -> Found {
        let files = ground.roots().map(|root| things(&root));
        // The history has an end of its own.
        let files = files.iter().flatten().filter(|(path, _)| !path.ends_with("/history"));
        let bytes = files.map(|(_, thing)| match thing {
            Thing::File(_, bytes) => bytes.len(),
            _ => 0,
        });
        Found { bytes: bytes.sum(), names: ground.names() }
    }

    /// What a fault may leave until the next update is not counted: a record or two.
    fn is_no_more_than(&self, first: &Found) -> Result<(), Wrong> {
        let more: Vec<_> = self.names.difference(&first.names).collect();
        if more.len() > 4 {
            return Err(format!("more files: {more:?}")[..].into());
        }
        match self.bytes > first.bytes + 8192 {
            true => Err(format!("{} bytes, {} at first", self.bytes, first.bytes)[..].into()),
            false => Ok(()),
        }
    }
}

/// How much longer a start takes through the launcher, and a swap with the start after it.
pub(super) fn times(rig: &Rig, results: &mut Results) {
    let ground = rig.ground(Shape::Versioned, 1);
    ground.install();
    let rounds = (400 / rig.sample.step).max(10);
    let plain = ground.app().join("current/notes");
    let (mut launched, mut direct) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        launched.push(took(&ground.start()));
        direct.push(took(&ground.run(plain.clone(), &["probe"])));
    }
    let (launched, direct) = (median(launched), median(direct));
    let more = launched.saturating_sub(direct);
    let micros = |time: Duration| format!("{} µs", time.as_micros());
    results.notes.push(format!(
        "a start through the launcher {}, a plain one {}: {} more (median of {rounds})",
        micros(launched),
        micros(direct),
        micros(more)
    ));
    let mut consents = Vec::new();
    for _ in 0..(rounds / 20).max(3) {
        ground.install();
        let given = ground.give("1.1.0", "1.2.0");
        super::race::receive(&ground, &given).works();
        consents.push(took(&ground.helper("swap")) + took(&ground.start()));
    }
    let consent = median(consents).saturating_sub(direct);
    results
        .notes
        .push(format!("from consent to the new version {} beyond a plain start", micros(consent)));
    let cell = |what: &str| ("times".to_owned(), Shape::Versioned, 1, what.to_owned());
    let within = |time: Duration, most: u64| match time <= Duration::from_millis(most) {
        true => Ok(()),
        false => Err(format!("{time:?}, {most} ms are allowed")[..].into()),
    };
    results.add(cell("launcher"), 0, within(more, 2));
    results.add(cell("consent"), 0, within(consent, 100));
}

fn took(run: &Run) -> Duration {
    let begun = Instant::now();
    run.works();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// KiB that the largest of all processes so far had in memory at once.
fn most_memory() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The same faults each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit
    }
}

const NOTHING_TO_DO: i32 = 3;
