//! The versioned layout with a real program, on every system: started by its launcher, on trial, switched
//! back, and exchanged while it runs. The application of these tests is a copy of this test program.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_helper::{Error, Install, Startup, at_startup};
use exuvia_plan::{Qualify, Refusal};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Kit, LAUNCHER, live, now};

/// What the application does: not a test, unless it runs from an installation.
#[test]
fn the_application() {
    let exe = std::env::current_exe().unwrap();
    let (word, install) = match at_startup(&exe, &[]) {
        Startup::NotInstalled => return,
        Startup::Ready(install) => ("ready", install),
        Startup::OnTrial(install) => ("trial", install),
        other => panic!("{other:?}"),
    };
    let share = exe.parent().unwrap().parent().unwrap().join("share");
    let read = |name: &str| fs::read_to_string(share.join(name)).unwrap();
    let log = install.path().with_file_name("log");
    let before = fs::read_to_string(&log).unwrap_or_default();
    fs::write(&log, format!("{before}{} {word}\n", read("version"))).unwrap();
    match read("behaviour").as_str() {
        "crash" => std::process::exit(1),
        "seven" => std::process::exit(7),
        "wait" => drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink())),
        "healthy" => install.healthy().unwrap(),
        _ => {}
    }
    std::process::exit(0);
}

/// A release for each behaviour, 1.0.0, 1.1.0 and so on, the first of them installed.
fn kit(behaviours: &[&str]) -> (Kit, Install) {
    let mut kit = Kit::new();
    kit.qualify = Qualify::Args(vec!["--list".to_owned()]);
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    for (minor, behaviour) in behaviours.iter().enumerate() {
        kit.release_program(&format!("1.{minor}.0"), &program, behaviour, |_| {});
    }
    let install = kit.versioned("1.0.0");
    (kit, install)
}

fn launcher(install: &Install) -> Command {
    let mut command = Command::new(install.stable_exe());
    command.args(["--exact", "the_application", "--nocapture"]).stdout(Stdio::null());
    command
}

fn launch(install: &Install) -> Option<i32> {
    launcher(install).stdin(Stdio::null()).status().unwrap().code()
}

fn commit(kit: &Kit, install: &Install, version: &str) {
    kit.swapped(install, version);
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
}

fn state(install: &Install) -> (String, &'static str) {
    let status = install.status().unwrap();
    (status.current().version.to_string(), status.phase.name())
}

#[test]
fn an_update_is_started_by_the_launcher_and_confirms_itself() {
    let (kit, install) = kit(&["seven", "healthy"]);
    assert_eq!(launch(&install), Some(7), "the launcher ends as the program does");
    kit.swapped(&install, "1.1.0");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(state(&install), ("1.1.0".to_owned(), "settled"));
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["1.0.0 ready", "1.1.0 trial", "1.1.0 ready"]);
    assert_eq!(install.rollback(now()).unwrap().release().version.to_string(), "1.0.0");
    assert_eq!(launch(&install), Some(7));
}

#[test]
fn a_release_that_crashes_is_switched_back_and_the_old_one_runs() {
    let (kit, install) = kit(&["", "crash"]);
    kit.swapped(&install, "1.1.0");
    assert_eq!(launch(&install), Some(0));
    let trial = "1.1.0 trial";
    assert_eq!(kit.log(), [trial, trial, trial, "1.0.0 ready"]);
    assert_eq!(state(&install), ("1.0.0".to_owned(), "settled"));
    assert!(matches!(
        kit.receive(&install, "1.1.0"),
        Err(Error::Refused(Refusal::RememberedBad { .. }))
    ));
}

#[test]
fn a_release_that_does_not_start_is_refused_before_anything_depends_on_it() {
    let (mut kit, install) = kit(&[""]);
    kit.release_program("1.1.0", b"no program of any system", "", |_| {});
    let result = kit.receive(&install, "1.1.0").unwrap().qualify(now());
    assert!(matches!(result, Err(Error::Unqualified { .. })), "{result:?}");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["1.0.0 ready"]);
}

#[test]
fn a_program_that_embeds_exuvia_is_started_and_answers() {
    let mut kit = Kit::new();
    kit.qualify = Qualify::Nonce;
    let helper = fs::read(&kit.launcher).unwrap();
    kit.release_program("1.0.0", &helper, "", |_| {});
    kit.release_program("1.1.0", &helper, "", |_| {});
    let install = kit.versioned("1.0.0");
    assert_eq!(kit.qualified(&install, "1.1.0").skipped(), None);
}

#[test]
fn a_version_that_runs_keeps_its_files_while_two_others_follow_it() {
    let (kit, install) = kit(&["wait", "", ""]);
    let running = running(&install, &kit);
    assert!(install.is_running().unwrap());
    commit(&kit, &install, "1.1.0");
    commit(&kit, &install, "1.2.0");
    let old = install.path().join("versions/1.0.0");
    assert!(old.join(support::PROGRAM).exists());
    assert_eq!(launch(&install), Some(0));
    end(running);
    install.recover(now()).unwrap();
    assert!(!old.exists(), "it runs no longer");
    assert_eq!(kit.log(), ["1.0.0 ready", "1.2.0 ready"]);
}

#[test]
fn the_launcher_is_installed_anew_while_it_runs() {
    let (kit, install) = kit(&["wait", ""]);
    let running = running(&install, &kit);
    fs::write(install.path().join(".exuvia/journal"), "torn").unwrap();
    let shape = install.layout().shape.clone();
    let install = kit.try_install(install.path(), shape, "1.1.0").unwrap();
    assert_eq!(launch(&install), Some(0));
    end(running);
    install.recover(now()).unwrap();
    let names = fs::read_dir(install.path()).unwrap();
    let mut names: Vec<_> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".exuvia", "current", LAUNCHER, "versions"]);
    assert_eq!(kit.log(), ["1.0.0 ready", "1.1.0 ready"]);
}

#[test]
fn a_pointer_that_leads_nowhere_is_set_right_at_the_next_start() {
    for damage in ["", "exuvia-pointer 1\nversions/9.9.9\n", "exuvia-pointer 1\n../..\n"] {
        let (kit, install) = kit(&[""]);
        let pointer = install.path().join("current");
        fs::remove_file(&pointer).unwrap();
        fs::write(&pointer, damage).unwrap();
        assert_eq!(launch(&install), Some(0), "{damage:?}");
        assert_eq!(kit.log(), ["1.0.0 ready"]);
        let tree = install.path().join("versions/1.0.0").canonicalize().unwrap();
        assert_eq!(live(&install).canonicalize().unwrap(), tree);
    }
}

#[test]
fn a_launcher_whose_layout_is_gone_starts_what_the_pointer_leads_to() {
    let (kit, install) = kit(&["", "seven"]);
    commit(&kit, &install, "1.1.0");
    fs::remove_file(install.path().join(".exuvia/layout")).unwrap();
    // The program finds no installation, and is a test program that passes.
    assert_eq!(launch(&install), Some(0));
    fs::remove_file(install.path().join("current")).unwrap();
    assert_eq!(launch(&install), Some(2), "nothing leads anywhere: it is the command");
}

/// Starts the installed version, which waits.
fn running(install: &Install, kit: &Kit) -> Child {
    let child = launcher(install).stdin(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while kit.log().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
