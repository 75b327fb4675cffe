//! 100,000 installations look after themselves for 30 days against one repository, in simulated time:
//! when each asks is decided by the agent's own schedule, what it takes by the client's own choice from
//! metadata that was signed and verified, what the publisher does by the publisher's own code.
//!
//!     cargo run -p exuvia-tests --example fleet [docs/fleet-simulation.svg]
//!
//! Ends with a panic if cohorts are off by more than a hundredth, the bad release goes on after its
//! rollout was paused, anybody is left behind, or load is not spread.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod machine;
mod plot;
mod repository;
#[path = "../../../installer/agent/src/schedule.rs"]
#[allow(dead_code)]
mod schedule;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use exuvia_core::choose::Choice;
use machine::{Machine, Random};
use repository::{Repository, START};

const MACHINES: usize = 100_000;
const DAYS: i64 = 30;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// The server is down for six hours.
const OUTAGE: Range<i64> = START + 15 * DAY + 8 * HOUR..START + 15 * DAY + 14 * HOUR;

/// What was counted.
#[derive(Default)]
pub(crate) struct Counts {
    /// Checks in each hour, answered or not.
    pub(crate) checks: Vec<u32>,
    /// Downloads in each hour.
    pub(crate) downloads: Vec<u32>,
    /// Installations of each version at the end of each hour.
    pub(crate) versions: Vec<[u32; 6]>,
    /// Installations that took the bad release in each hour.
    pub(crate) bad: Vec<u32>,
}

fn main() {
    let mut random = Random::new(20_261_126);
    let mut repository = Repository::new();
    let mut machines: Vec<Machine> = (0..MACHINES).map(|_| Machine::new(&mut random)).collect();
    let mut queue: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
    for (at, machine) in machines.iter().enumerate() {
        // They were installed over the days before.
        queue.push(Reverse((machine.on_from(START + random.below(DAY), &mut random), at)));
    }
    let mut counts = Counts::default();
    let mut versions = [0_u32; 6];
    versions[0] = u32::try_from(MACHINES).unwrap();
    for hour in 0..DAYS * 24 {
        let begins = START + hour * HOUR;
        if hour % 24 == 0 {
            before_the_publisher_acts(hour / 24, &repository, &machines);
            repository.day(hour / 24);
        }
        let (mut checks, mut downloads, mut bad) = (0, 0, 0);
        while let Some(Reverse((time, at))) = queue.peek().copied()
            && time < begins + HOUR
        {
            queue.pop();
            checks += 1;
            let machine = &mut machines[at];
            let before = machine.version;
            let failed = OUTAGE.contains(&time) || random.below(100) < 2;
            let choice = (!failed).then(|| repository.choose(machine, time));
            if let Some(Choice::Offer { release, .. }) = &choice {
                downloads += 1;
                bad += u32::from(machine.take(release, time));
            }
            versions[before] -= 1;
            versions[machine.version] += 1;
            machine.checked = if failed { machine.checked } else { time };
            let due = machine.next(time, failed, &mut random);
            queue.push(Reverse((machine.on_from(due, &mut random), at)));
        }
        counts.checks.push(checks);
        counts.downloads.push(downloads);
        counts.versions.push(versions);
        counts.bad.push(bad);
    }
    judge(&counts, &machines);
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(path, plot::svg(&counts)).unwrap();
    }
}

/// How exact a percentage was, just before it changes.
fn before_the_publisher_acts(day: i64, repository: &Repository, machines: &[Machine]) {
    let Some((version, percent, since)) = repository.pace_on(day) else { return };
    let asked: Vec<&Machine> = machines.iter().filter(|machine| machine.checked >= since).collect();
    let took = asked.iter().filter(|machine| machine.took(version)).count();
    let share = 100.0 * took as f64 / asked.len() as f64;
    println!(
        "day {day:>2}: 1.{version}.0 is at {percent:>3} %; of {} that have asked since, {share:.2} % took it",
        asked.len()
    );
    assert!((share - f64::from(percent)).abs() <= 1.0, "off by more than a hundredth");
}

fn judge(counts: &Counts, machines: &[Machine]) {
    let newest = machines.iter().filter(|machine| machine.version == 5).count();
    println!("day {DAYS}: {newest} of {} run 1.5.0", machines.len());
    assert_eq!(newest, machines.len(), "somebody is left behind");
    let of_all = |share: f64| {
        let reached = |row: &[u32; 6]| f64::from(row[5]) >= share * MACHINES as f64;
        counts.versions.iter().position(reached).unwrap() + 1 - hour(repository::CRITICAL)
    };
    let [half, most, all] = [0.5, 0.99, 1.0].map(of_all);
    println!(
        "1.5.0, critical, ran on half of them after {half} hours, on 99 % after {most}, on all after {all}"
    );
    let (before, after) = counts.bad.split_at(hour(repository::PAUSED));
    let [before, after] = [before, after].map(|bad| bad.iter().sum::<u32>());
    println!(
        "1.3.0, which does not start, was taken by {before} before its rollout was paused, by {after} after"
    );
    assert!(before > 0 && after == 0);
    assert!(machines.iter().all(|machine| machine.bad.len() <= 1), "it was taken twice");
    judge_load(counts);
}

fn judge_load(counts: &Counts) {
    let at = |time: i64| usize::try_from((time - START) / HOUR).unwrap();
    let (begins, ends) = (at(OUTAGE.start), at(OUTAGE.end));
    let most_in = |hours: Range<usize>| f64::from(*counts.checks[hours].iter().max().unwrap());
    let usual = &counts.checks[hour(2)..hour(15)];
    let mean = f64::from(usual.iter().sum::<u32>()) / usual.len() as f64;
    let (most, during) = (most_in(hour(2)..hour(15)), most_in(begins..ends));
    let afterwards = most_in(ends..hour(17));
    println!(
        "checks in an hour: {mean:.0} on average, {most:.0} at most ({:.1} times that); {during:.0} ({:.1}) \
         while there is no server for six hours, {afterwards:.0} ({:.1}) afterwards",
        most / mean,
        during / mean,
        afterwards / mean,
    );
    let downloads = counts.downloads.iter().max().unwrap();
    let all: u64 = counts.checks.iter().map(|n| u64::from(*n)).sum();
    println!(
        "downloads in an hour: {downloads} at most; checks: {all}, {:.2} a day for each",
        all as f64 / MACHINES as f64 / DAYS as f64
    );
    assert!(most / mean < 3.0, "the load is not spread");
    // Who is not answered asks up to three times more within the hour, and then ever more rarely.
    assert!(during < 5.0 * most && afterwards < during, "a server that is down is not spared");
}

fn hour(day: i64) -> usize {
    usize::try_from(day * 24).unwrap()
}
