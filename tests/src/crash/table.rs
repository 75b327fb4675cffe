//! All runs: each fault at each point of each operation, and what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::fault::Fault;
use super::ground::Shape;
use super::oracle::{Case, Wrong};

/// How many points were tried and how many were found bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Points tried.
    pub points: usize,
    /// Points after which something was wrong.
    pub bad: usize,
}

/// Where a run belongs in the table: operation, shape, number of file systems, and what happened.
pub type Cell = (String, Shape, usize, String);

/// What came of all runs.
#[derive(Debug, Default)]
pub struct Results {
    /// By cell.
    pub cells: BTreeMap<Cell, Tally>,
    /// What was wrong, where.
    pub wrong: Vec<String>,
    /// What could not be tried, and why.
    pub skipped: Vec<String>,
    /// What was counted or measured beside.
    pub notes: Vec<String>,
}

impl Results {
    /// Adds a run.
    pub fn add(&mut self, cell: Cell, point: usize, result: Result<(), Wrong>) {
        let tally = self.cells.entry(cell.clone()).or_default();
        tally.points += 1;
        if let Err(wrong) = result {
            tally.bad += 1;
            let (op, shape, disks, what) = cell;
            let wrong = format!("{op}, {shape}, {disks} file systems, {what} at {point}: {wrong}");
            eprintln!("BAD {wrong}");
            self.wrong.push(wrong);
        }
    }

    /// All points.
    pub fn total(&self) -> Tally {
        self.cells.values().fold(Tally::default(), |sum, tally| Tally {
            points: sum.points + tally.points,
            bad: sum.bad + tally.bad,
        })
    }
}

impl fmt::Display for Results {
    /// A table with a row for each operation, shape and number of file systems.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: BTreeSet<&str> = self.cells.keys().map(|cell| cell.3.as_str()).collect();
        let rows: BTreeSet<_> = self.cells.keys().map(|c| (&c.0, c.1, c.2)).collect();
        writeln!(
            f,
            "| bad/points | layout | file systems | {} |",
            join(&columns, |c| (*c).to_owned())
        )?;
        writeln!(f, "|---|---|---|{}", "---|".repeat(columns.len()))?;
        for (op, shape, disks) in rows {
            let cell = |what: &&str| {
                let cell = (op.clone(), shape, disks, (*what).to_owned());
                self.cells
                    .get(&cell)
                    .map_or("–".to_owned(), |t| format!("{}/{}", t.bad, t.points))
            };
            writeln!(f, "| {op} | {shape} | {disks} | {} |", join(&columns, cell))?;
        }
        let Tally { points, bad } = self.total();
        writeln!(f, "\n{points} points, {bad} bad, {} parts skipped.", self.skipped.len())?;
        self.skipped.iter().try_for_each(|why| writeln!(f, "skipped: {why}"))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "- {note}"))
    }
}

fn join<T>(all: &BTreeSet<T>, text: impl Fn(&T) -> String) -> String {
    all.iter().map(text).collect::<Vec<_>>().join(" | ")
}

/// Which points are tried: every `step`th, beginning with one that depends on the fault, so that a
/// sample does not always meet the same calls.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// 1 is all of them.
    pub step: usize,
}

impl Sample {
    /// Of so many points, those to try.
    pub fn of(self, points: impl IntoIterator<Item = usize>, salt: usize) -> Vec<usize> {
        let skip = salt % self.step;
        points.into_iter().skip(skip).step_by(self.step).collect()
    }
}

/// Every fault at the points of one operation.
pub fn strike(
    case: &Case<'_>,
    disks: usize,
    faults: &[Fault],
    sample: Sample,
    results: &mut Results,
) {
    let calls = case.calls();
    for (salt, fault) in faults.iter().enumerate() {
        let writes = |n: &usize| *fault != Fault::Torn || calls[*n].can_be_torn();
        for point in sample.of((0..calls.len()).filter(writes), salt * 7 + case.op as usize) {
            let cell = (case.op.to_string(), case.ground.shape(), disks, fault.to_string());
            results.add(cell, point, case.strike(*fault, point));
        }
    }
}
