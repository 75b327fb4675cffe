//! Starting a staged program once, with real processes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_helper::QualifyFailure;
use exuvia_plan::Qualify;
use std::process::Command;
use std::time::{Duration, Instant};
use support::{Kit, now};

#[test]
fn a_staged_program_that_does_not_start_is_refused_and_remembered() {
    let cases = [
        ("#!/nonexistent/interpreter\n", "CannotStart"),
        ("\u{7f}ELF is not enough for a program", "CannotStart"),
        ("#!/bin/sh\nexit 127\n", "Exited { code: 127, said: \"\" }"),
        ("#!/bin/sh\nkill -SEGV $$\n", "Killed { signal: 11, said: \"\" }"),
        (
            "#!/bin/sh\necho no libzz.so >&2\necho >&2\nexit 127\n",
            "Exited { code: 127, said: \"no libzz.so\" }",
        ),
        // More than a pipe holds.
        (
            "#!/bin/sh\nhead -c 300000 /dev/zero >&2\necho >&2\necho so >&2\nexit 1\n",
            "Exited { code: 1, said: \"so\" }",
        ),
        ("#!/bin/sh\nexit 0\n", "NoAnswer"),
        ("#!/bin/sh\necho exuvia-qualified 00000000000000000000000000000000\n", "NoAnswer"),
    ];
    for (script, expected) in cases {
        let mut kit = Kit::new();
        kit.release("1.0.0", "exit 0");
        let install = kit.versioned("1.0.0");
        let bad = kit.release_with("1.1.0", script, |_| {});
        let error = kit.receive(&install, "1.1.0").unwrap().qualify(now()).unwrap_err();
        let exuvia_helper::Error::Unqualified { why, .. } = &error else { panic!("{error}") };
        assert!(format!("{why:?}").starts_with(expected), "{why:?} for {script}");
        assert!(install.remembered().unwrap().find(bad).is_some());
        assert!(install.waiting().unwrap().is_none());
        assert!(!install.path().join("versions/1.1.0").exists());
        assert!(kit.receive(&install, "1.1.0").is_err());
    }
}

#[test]
fn a_staged_program_that_is_still_held_open_for_a_moment_is_waited_for() {
    let mut kit = Kit::new();
    kit.release("1.0.0", "exit 0");
    let install = kit.versioned("1.0.0");
    kit.release("1.1.0", "exit 0");
    let staged = kit.receive(&install, "1.1.0").unwrap();
    let program = install.path().join("versions/1.1.0/notes");
    // As a process does that was forked before the file was closed.
    let held = std::fs::File::options().append(true).open(program).unwrap();
    let moment = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(held);
    });
    staged.qualify(now()).unwrap();
    moment.join().unwrap();
}

#[test]
fn a_staged_program_that_hangs_is_killed_with_its_children() {
    let mut kit = Kit::new();
    kit.release("1.0.0", "exit 0");
    let install = kit.versioned("1.0.0");
    let script = "#!/bin/sh\nsleep 4321 &\nsleep 4321\n";
    kit.release_with("1.1.0", script, |_| {});
    let since = Instant::now();
    let error = kit.receive(&install, "1.1.0").unwrap().qualify(now()).unwrap_err();
    assert!(since.elapsed() < Duration::from_secs(12));
    let timed_out = QualifyFailure::TimedOut { seconds: 10 };
    assert!(
        matches!(&error, exuvia_helper::Error::Unqualified { why, .. } if *why == timed_out),
        "{error}"
    );
    let left = Command::new("pgrep").args(["-f", "sleep 4321"]).output().unwrap();
    assert!(left.stdout.is_empty(), "processes were left over");
}

#[test]
fn qualification_follows_the_layout_and_is_never_done_as_root() {
    let mut kit = Kit::new();
    kit.qualify = Qualify::Args(vec!["--version".to_owned()]);
    kit.release("1.0.0", "exit 0");
    let install = kit.versioned("1.0.0");
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && [ \"$(id -u)\" != 0 ] && exit 0\nexit 9\n";
    kit.release_with("1.1.0", script, |_| {});
    let qualified = kit.receive(&install, "1.1.0").unwrap().qualify(now()).unwrap();
    assert_eq!(qualified.skipped(), None);
}
