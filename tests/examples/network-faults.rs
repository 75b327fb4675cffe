//! The whole table of network faults: each fault, at each border in the body where it has one, at each
//! kind of file. `tests/network-faults` runs it; every case must end as `web::table` says.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use exuvia_tests::server::Fault;
use exuvia_tests::web::table::{self, Case};
use exuvia_tests::web::{Asked, Outcome, Web, run_all};

/// What came of one kind of fault at one kind of file.
#[derive(Default)]
struct Cell {
    /// How often it ended how.
    ends: BTreeMap<String, u32>,
    longest: Duration,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = table::whole(&runtime.block_on(Web::new()));
    let (runs, begun) = (cases.len(), Instant::now());
    let cells: Mutex<BTreeMap<(String, Asked), Cell>> = Mutex::default();
    let wrong = Mutex::new(Vec::new());
    run_all(cases, 12, |case, outcome| {
        if !case.allowed().contains(&outcome.label.as_str()) {
            eprintln!("WRONG: {case:?} {outcome:?}");
            wrong.lock().unwrap().push((case.clone(), outcome.label.clone()));
        }
        note(&mut cells.lock().unwrap(), case, &outcome);
    });
    let (cells, wrong) = (cells.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!(
        "{runs} runs in {} s: {} ended as they should, {} otherwise; in none was anything but the old or\n\
         the new version found, none took longer than {} s, and after each the next honest update\n\
         arrived.\n",
        begun.elapsed().as_secs(),
        runs - wrong.len(),
        wrong.len(),
        cells.values().map(|cell| cell.longest).max().unwrap().as_secs_f32().ceil(),
    );
    print(&cells);
    std::process::exit(i32::from(!wrong.is_empty()));
}

fn note(cells: &mut BTreeMap<(String, Asked), Cell>, case: &Case, outcome: &Outcome) {
    let words: Vec<String> = case.faults.iter().map(word).collect();
    let cell = cells.entry((words.join(", then "), case.asked)).or_default();
    *cell.ends.entry(outcome.label.clone()).or_default() += 1;
    cell.longest = cell.longest.max(outcome.took);
}

/// The fault, whatever its position.
fn word(fault: &Fault) -> String {
    match fault.at(0) {
        Some(_) => format!("{fault}").split('=').next().unwrap().to_owned() + "=…",
        None => fault.to_string(),
    }
}

fn print(cells: &BTreeMap<(String, Asked), Cell>) {
    let heads: Vec<String> = Asked::ALL.iter().map(|asked| format!("{asked:?}")).collect();
    println!("| fault | {} |", heads.join(" | "));
    println!("|---|{}", "---|".repeat(heads.len()));
    let faults: std::collections::BTreeSet<&String> =
        cells.keys().map(|(fault, _)| fault).collect();
    for fault in faults {
        let row = Asked::ALL.map(|asked| match cells.get(&(fault.clone(), asked)) {
            None => String::new(),
            Some(cell) => {
                let ends = cell.ends.iter().map(|(label, count)| format!("{label} ×{count}"));
                ends.collect::<Vec<_>>().join(", ")
            }
        });
        println!("| `{fault}` | {} |", row.join(" | "));
    }
}
