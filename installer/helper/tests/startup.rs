//! Programs that embed the helper: in place it is the application itself that recovers, swaps and
//! watches. The application of these tests is a copy of this test program.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::release::DataFacts;
use exuvia_helper::{Install, Startup, at_startup};
use exuvia_plan::{Consent, DataHooks, Qualify};
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Kit, PROGRAM, now};

/// What the application does: not a test, unless it runs from an installation.
#[test]
fn the_application() {
    let exe = std::env::current_exe().unwrap();
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let (word, install) = match at_startup(&exe, &args) {
        Startup::NotInstalled => return,
        Startup::Ready(install) if std::env::var_os("EXUVIA_DATA").is_some() => ("data", install),
        Startup::Ready(install) => ("ready", install),
        Startup::OnTrial(install) => ("trial", install),
        Startup::Unusable(install, _) => ("unusable", install),
        other => panic!("{other:?}"),
    };
    let share = exe.parent().unwrap().parent().unwrap().join("share");
    let read = |name: &str| fs::read_to_string(share.join(name)).unwrap();
    let log = install.path().with_file_name("log");
    let before = fs::read_to_string(&log).unwrap_or_default();
    fs::write(&log, format!("{before}{} {word}\n", read("version"))).unwrap();
    match read("behaviour").as_str() {
        "crash" => std::process::exit(1),
        "healthy" => {
            if let Some(trial) = install.trial().unwrap() {
                trial.confirm(now()).unwrap();
            }
        }
        _ => {}
    }
    std::process::exit(0);
}

fn kit(new: &str) -> (Kit, Install) {
    let mut kit = Kit::new();
    kit.qualify = Qualify::No;
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    kit.release_program("1.0.0", &program, "", |_| {});
    kit.release_program("1.1.0", &program, new, |_| {});
    let install = kit.in_place("1.0.0");
    (kit, install)
}

fn start(install: &Install) -> Option<i32> {
    start_exe(&install.path().join(PROGRAM))
}

fn start_exe(exe: &Path) -> Option<i32> {
    let mut command = Command::new(exe);
    command.args(["--exact", "the_application", "--nocapture"]);
    command.output().unwrap().status.code()
}

fn agree(kit: &Kit, install: &Install) {
    kit.qualified(install, "1.1.0").consent(Consent::OnQuit, now()).unwrap();
}

fn state(install: &Install) -> (String, &'static str) {
    let status = install.status().unwrap();
    (status.current().version.to_string(), status.phase.name())
}

#[test]
fn with_nothing_on_trial_the_application_just_starts() {
    let (kit, install) = kit("");
    assert_eq!(start(&install), Some(0));
    kit.qualified(&install, "1.1.0").release();
    assert_eq!(start(&install), Some(0));
    assert_eq!(kit.log(), ["1.0.0 ready", "1.0.0 ready"], "nobody agreed to a swap");
}

#[test]
fn the_old_version_swaps_at_its_next_start_and_watches_the_new_one() {
    let (kit, install) = kit("healthy");
    agree(&kit, &install);
    assert_eq!(start(&install), Some(0));
    assert_eq!(kit.log(), ["1.1.0 trial"]);
    assert_eq!(state(&install), ("1.1.0".to_owned(), "settled"));
    assert_eq!(start(&install), Some(0));
    assert_eq!(kit.log(), ["1.1.0 trial", "1.1.0 ready"]);
}

#[test]
fn a_new_version_that_crashes_is_switched_back_and_the_old_one_runs() {
    let (kit, install) = kit("crash");
    agree(&kit, &install);
    assert_eq!(start(&install), Some(0));
    assert_eq!(kit.log(), ["1.1.0 trial", "1.1.0 trial", "1.1.0 trial", "1.0.0 ready"]);
    assert_eq!(state(&install), ("1.0.0".to_owned(), "settled"));
}

#[test]
fn a_new_version_that_is_started_by_hand_watches_a_child_of_its_own() {
    let (kit, install) = kit("crash");
    agree(&kit, &install);
    kit.qualified(&install, "1.1.0").swap(now()).unwrap().release();
    assert_eq!(start(&install), Some(0));
    assert_eq!(kit.log(), ["1.1.0 trial", "1.1.0 trial", "1.1.0 trial", "1.0.0 ready"]);
}

#[test]
fn in_place_the_data_is_looked_after_by_the_version_that_wrote_it() {
    let mut kit = Kit::new();
    kit.qualify = Qualify::No;
    let hook = ["--exact", "the_application", "--nocapture"].map(str::to_owned).to_vec();
    kit.data = DataHooks { snapshot: hook.clone(), restore: hook };
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    for (version, behaviour, schema) in [("1.0.0", "", 1), ("1.1.0", "crash", 2)] {
        kit.release_program(version, &program, behaviour, |facts| {
            facts.data = Some(DataFacts { schema, readable_from: None });
        });
    }
    let install = kit.in_place("1.0.0");
    agree(&kit, &install);
    assert_eq!(start(&install), Some(0));
    let [data, tried, ready] = ["1.0.0 data", "1.1.0 trial", "1.0.0 ready"];
    assert_eq!(kit.log(), [data, tried, tried, tried, data, ready]);
}

#[test]
fn damaged_state_is_reported_and_does_not_keep_the_application_from_starting() {
    let (kit, install) = kit("");
    fs::write(install.path().with_file_name(".app.exuvia").join("journal"), "x").unwrap();
    assert_eq!(start(&install), Some(0));
    assert_eq!(kit.log(), ["1.0.0 unusable"]);
}

#[test]
fn a_version_that_was_swapped_out_leaves_the_new_one_alone() {
    let (kit, install) = kit("");
    kit.qualified(&install, "1.1.0").swap(now()).unwrap().release();
    let side = install.path().with_file_name(".app.exuvia").join("side").join(PROGRAM);
    assert_eq!(start_exe(&side), Some(0));
    assert_eq!(kit.log(), ["1.0.0 ready"]);
    assert_eq!(install.status().unwrap().starts, 0);
}

#[test]
fn outside_an_installation_nothing_happens() {
    let kit = Kit::new();
    let exe = kit.path().join("notes");
    fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    assert_eq!(start_exe(&exe), Some(0));
    assert!(kit.log().is_empty());
}
