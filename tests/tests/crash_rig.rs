//! A sample of the crash rig (`exuvia_tests::crash`): the real programs, killed and starved at their
//! calls. The whole table is made by `tests/crash-table`.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use exuvia_tests::processes::Stage;

/// Every so many points. A prime, so that a sample meets other calls in each operation.
const STEP: &str = "149";

fn nothing_is_bad(mode: &str, step: &str, least: usize) {
    // Builds the programs.
    drop(Stage::new());
    let mut rig = Command::new(env!("CARGO_BIN_EXE_crash-rig"));
    let output = rig.args(["--step", step, mode]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let last = text.lines().find(|line| line.contains(" points, ")).unwrap();
    let points: usize = last.split(' ').next().unwrap().parse().unwrap();
    assert!(points >= least || text.contains("skipped: "), "only {points} points");
}

#[test]
fn no_fault_at_any_call_leaves_anything_but_the_old_or_the_new_version() {
    nothing_is_bad("calls", STEP, 100);
}

#[test]
fn no_state_that_a_crash_may_legally_leave_is_anything_else_either() {
    nothing_is_bad("states", "300", 15);
}

#[test]
fn an_attacker_at_any_call_leads_nothing_outside_and_nothing_wrong_inside() {
    nothing_is_bad("race", "600", 15);
}

#[test]
fn a_start_that_is_overtaken_by_updates_starts_a_whole_version_all_the_same() {
    nothing_is_bad("overtaken", "1", 20);
}

#[test]
fn swaps_never_keep_the_application_from_starting() {
    nothing_is_bad("swaps", "50", 10);
}

#[test]
fn updates_in_a_row_with_a_fault_in_each_arrive_and_leave_nothing_behind() {
    nothing_is_bad("faults", "80", 30);
}

#[test]
fn installers_known_to_be_wrong_are_found_bad() {
    nothing_is_bad("itself", "1", 6);
}
