//! The crash rig where it cannot work. By itself in this file: whoever follows a process may have no
//! other children.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

use exuvia_tests::crash::fault::Count;
use exuvia_tests::crash::ground::TRACED;
use exuvia_tests::crash::trace::{self, End};

#[test]
fn a_rig_that_may_not_follow_processes_says_so_and_counts_what_it_skips() {
    // A process that is followed cannot follow others: as if it were forbidden.
    let (rig, folder) = (env!("CARGO_BIN_EXE_crash-rig"), tempfile::tempdir().unwrap());
    let printed = folder.path().join("printed");
    let file = std::fs::File::create(&printed).unwrap();
    let mut command = Command::new(rig);
    command.args([TRACED, rig, "calls", "itself"]).stdin(Stdio::null());
    command.stdout(file.try_clone().unwrap()).stderr(file);
    let end = trace::run(&mut command, &[], &mut Count::default());
    let text = std::fs::read_to_string(printed).unwrap();
    assert_eq!(end, End::Code(0), "{text}");
    assert!(text.contains("0 points, 0 bad, 2 parts skipped."), "{text}");
    for mode in ["calls", "itself"] {
        assert!(text.contains(&format!("skipped: {mode}: needs ptrace")), "{text}");
    }
}
