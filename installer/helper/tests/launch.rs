//! The launcher and the trial, with real processes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::Kind;
use exuvia_durable::{Dir, Lock};
use exuvia_helper::Install;
use exuvia_plan::files::LOCK;
use exuvia_plan::history::Event;
use exuvia_plan::{Consent, Health, Qualify};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use support::{ANSWERS, Kit, launch, now};

/// An installation of 1.0.0 (which says `old` and quits) with 1.1.0 of these lines on trial.
fn on_trial(mut kit: Kit, lines: &str) -> (Kit, Install) {
    let old = kit.says("old");
    kit.release("1.0.0", &old);
    let install = kit.versioned("1.0.0");
    let lines = format!("{}\n{lines}", kit.says("new"));
    kit.release("1.1.0", &lines);
    kit.swapped(&install, "1.1.0");
    (kit, install)
}

fn version(install: &Install) -> String {
    install.status().unwrap().current().version.to_string()
}

fn phase(install: &Install) -> &'static str {
    install.status().unwrap().phase.name()
}

fn start(install: &Install) -> Child {
    Command::new(install.stable_exe()).spawn().unwrap()
}

/// Waits for a condition that another process brings about.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(20), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[test]
fn the_launcher_becomes_the_application_and_passes_arguments_and_status_on() {
    let mut kit = Kit::new();
    let lines = format!("echo $# \"$2\" $PPID >> {}/log\nexit 7", kit.path().display());
    kit.release("1.0.0", &lines);
    let install = kit.versioned("1.0.0");
    let status = Command::new(install.stable_exe()).args(["a", "b c"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(kit.log(), [format!("2 b c {}", std::process::id())], "no process in between");
}

#[test]
fn a_version_that_crashes_gets_three_starts_and_then_the_old_one_runs() {
    let (kit, install) = on_trial(Kit::new(), "exit 1");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["new", "new", "new", "old"]);
    assert_eq!((version(&install), phase(&install)), ("1.0.0".to_owned(), "settled"));
    let remembered = install.remembered().unwrap();
    assert!(remembered.find(kit.bundle("1.1.0").0).is_some());
    let last = install.history().unwrap().pop().unwrap();
    assert_eq!(last.event, Event::Reverted);
    assert_eq!(last.reason.unwrap(), "three starts, the last one ended with 1");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log().last().unwrap(), "old");
    assert!(!install.path().join("versions/1.1.0").exists());
}

#[test]
fn a_version_that_dies_of_a_signal_is_reverted() {
    let (kit, install) = on_trial(Kit::new(), "kill -SEGV $$");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["new", "new", "new", "old"]);
}

#[test]
fn starts_are_counted_over_several_launches() {
    let kit = Kit::new();
    let pid = kit.path().join("pid");
    let lines = format!("echo $$ > {}\nkill -KILL $PPID; exit 1", pid.display());
    let (kit, install) = on_trial(kit, &lines);
    // As long as it runs, the next launcher leaves it to the first and watches nothing itself.
    let ended = || {
        let pid = fs::read_to_string(&pid).unwrap();
        fs::read_link(format!("/proc/{}/exe", pid.trim())).is_err()
    };
    for starts in 1..=3 {
        assert_eq!(launch(&install), None, "the watcher itself was killed");
        until("the start is counted", || install.status().unwrap().starts == starts);
        until("the application has ended", ended);
    }
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["new", "new", "new", "old"]);
}

#[test]
fn a_clean_exit_gives_the_start_back() {
    let (_kit, install) = on_trial(Kit::new(), "exit 0");
    for _ in 0..5 {
        assert_eq!(launch(&install), Some(0));
        assert_eq!((install.status().unwrap().starts, phase(&install)), (0, "trial"));
    }
}

#[test]
fn a_tool_that_never_stays_up_is_confirmed_by_its_third_clean_exit() {
    let mut kit = Kit::new();
    kit.health = Health::Alive { seconds: 60 };
    let (_kit, install) = on_trial(kit, "exit 0");
    for expected in ["trial", "trial", "settled", "settled"] {
        assert_eq!(launch(&install), Some(0));
        assert_eq!(phase(&install), expected);
    }
    assert_eq!(version(&install), "1.1.0");
    let counters = fs::read_dir(install.path().join(".exuvia")).unwrap().flatten();
    let mut names = counters.map(|entry| entry.file_name().into_string().unwrap());
    assert!(!names.any(|name| name.starts_with("trial-")), "the counter is gone");
}

#[test]
fn being_told_to_stop_gives_the_start_back_and_reaches_the_application() {
    for (name, number) in [("-TERM", 15), ("-INT", 2), ("-HUP", 1)] {
        let mut kit = Kit::new();
        kit.health = Health::Explicit { seconds: 60 };
        let (kit, install) = on_trial(kit, "exec sleep 60");
        let mut child = start(&install);
        until("it runs", || kit.log() == ["new"]);
        signal(&child, name);
        let status: ExitStatus = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(number));
        assert_eq!((install.status().unwrap().starts, phase(&install)), (0, "trial"), "{name}");
    }
}

#[test]
fn being_told_to_stop_while_it_goes_back_is_not_forgotten() {
    let kit = Kit::new();
    let dir = kit.path().to_owned();
    let lines = "cd DIR\nstart=$(grep -c new log)\necho $$ > pid-$start\nuntil [ -e go-$start ]; do sleep 0.02; done\nexit 1";
    let lines = lines.replace("DIR", dir.to_str().unwrap());
    let (kit, install) = on_trial(kit, &lines);
    let mut child = start(&install);
    for starts in 1..=2 {
        until("it runs", || kit.log().len() == starts);
        fs::write(dir.join(format!("go-{starts}")), "").unwrap();
    }
    let mut pid = String::new();
    until("it runs for the last time", || {
        pid = fs::read_to_string(dir.join("pid-3")).unwrap_or_default();
        pid.ends_with('\n')
    });
    // What goes back waits for the lock.
    let state = Dir::open(install.path().join(".exuvia")).unwrap();
    let lock = Lock::exclusive(&state, LOCK, Duration::from_secs(5)).unwrap().unwrap();
    fs::write(dir.join("go-3"), "").unwrap();
    until("it has ended", || !Path::new("/proc").join(pid.trim()).exists());
    signal(&child, "-TERM");
    drop(lock);
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    assert_eq!((version(&install), phase(&install)), ("1.0.0".to_owned(), "settled"));
    assert_eq!(kit.log(), ["new"; 3], "and nothing was started any more");
}

#[test]
fn a_version_that_says_healthy_is_committed_and_may_then_fail_as_it_likes() {
    let helper = env!("CARGO_BIN_EXE_exuvia-helper");
    let kit = Kit::new();
    let app = kit.path().join("app");
    let lines = format!("{helper} confirm --install {}\nexit 3", app.display());
    let (kit, install) = on_trial(kit, &lines);
    assert_eq!(launch(&install), Some(3));
    assert_eq!(kit.log(), ["new"]);
    assert_eq!((version(&install), phase(&install)), ("1.1.0".to_owned(), "settled"));
}

#[test]
fn staying_up_is_enough_where_the_layout_says_so() {
    let mut kit = Kit::new();
    kit.health = Health::Alive { seconds: 1 };
    let (_kit, install) = on_trial(kit, "exec sleep 60");
    let mut child = start(&install);
    until("it is committed", || phase(&install) == "settled");
    assert_eq!(version(&install), "1.1.0");
    assert!(child.try_wait().unwrap().is_none(), "and it runs on");
    signal(&child, "-TERM");
    child.wait().unwrap();
}

#[test]
fn a_silent_version_keeps_its_starts_and_the_last_one_moves_the_pointer_alone() {
    let (_kit, install) = on_trial(Kit::new(), "exec sleep 60");
    for starts in 1..=2 {
        let mut child = start(&install);
        std::thread::sleep(Duration::from_millis(1500));
        signal(&child, "-TERM");
        child.wait().unwrap();
        let status = install.status().unwrap();
        assert_eq!((status.starts, status.phase.name()), (starts, "trial"));
    }
    let mut child = start(&install);
    until("the pointer is moved back", || phase(&install) == "settled");
    assert_eq!(version(&install), "1.0.0");
    assert!(child.try_wait().unwrap().is_none(), "the running process is left alone");
    assert!(install.path().join("versions/1.1.0").exists(), "and so is its tree");
    signal(&child, "-TERM");
    child.wait().unwrap();
    install.recover(now()).unwrap();
    assert!(!install.path().join("versions/1.1.0").exists());
}

#[test]
fn a_program_that_cannot_be_executed_uses_up_its_starts_at_once() {
    let mut kit = Kit::new();
    kit.qualify = Qualify::No;
    let old = kit.says("old");
    kit.release("1.0.0", &old);
    let install = kit.versioned("1.0.0");
    kit.release_with("1.1.0", "#!/nonexistent/interpreter\n", |_| {});
    kit.swapped(&install, "1.1.0");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["old"]);
    assert_eq!(version(&install), "1.0.0");
}

#[test]
fn what_was_agreed_for_the_next_start_is_swapped_then() {
    let mut kit = Kit::new();
    let (old, new) = (kit.says("old"), kit.says("new"));
    kit.release("1.0.0", &format!("{old}\n[ -z \"$1\" ] || exec sleep 60"));
    let install = kit.versioned("1.0.0");
    kit.release("1.1.0", &new);
    let qualified = kit.qualified(&install, "1.1.0");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["old"], "nobody agreed yet");

    let mut running = Command::new(install.stable_exe()).arg("stay").spawn().unwrap();
    until("it runs", || kit.log().len() == 2);
    assert!(install.is_running().unwrap());
    qualified.consent(Consent::OnQuit, now()).unwrap();
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["old"; 3], "another instance has not quit yet");
    assert_eq!(phase(&install), "staged");
    signal(&running, "-TERM");
    running.wait().unwrap();
    assert!(!install.is_running().unwrap());
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log().last().unwrap(), "new");
    assert_eq!(phase(&install), "trial");
}

#[test]
fn damaged_state_never_keeps_the_application_from_starting() {
    let mut kit = Kit::new();
    let old = kit.says("old");
    kit.release("1.0.0", &old);
    let install = kit.versioned("1.0.0");
    let journal = install.path().join(".exuvia/journal");
    let newer = "exuvia-journal 9\n{}\n";
    let newer = format!("{newer}sha256 {}\n", exuvia_core::Digest::of(newer.as_bytes()));
    for content in ["", "garbage", &newer] {
        fs::write(&journal, content).unwrap();
        assert_eq!(launch(&install), Some(0), "{content}");
        assert_eq!(fs::read_to_string(&journal).unwrap(), content);
    }
    fs::remove_file(&journal).unwrap();
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["old"; 4]);
}

#[test]
fn a_layout_that_cannot_be_read_never_keeps_the_application_from_starting() {
    let mut kit = Kit::new();
    let old = kit.says("old");
    kit.release("1.0.0", &old);
    let install = kit.versioned("1.0.0");
    let state = install.path().join(".exuvia");
    let (layout, journal) = (state.join("layout"), state.join("journal"));
    let whole = fs::read(&layout).unwrap();
    let mut starts = 0;
    let mut starts_with = |what: &str| {
        starts += 1;
        assert_eq!(launch(&install), Some(0), "{what}");
        assert_eq!(kit.log().len(), starts, "{what}");
    };
    for length in [0, 1, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&layout, &whole[..length]).unwrap();
        starts_with("a prefix of the layout");
    }
    fs::remove_file(&layout).unwrap();
    starts_with("no layout");
    fs::create_dir(&layout).unwrap();
    starts_with("a folder instead of the layout");
    fs::write(&journal, "x").unwrap();
    starts_with("no journal either");
    // What bears the launcher's name a folder further down, and is a program.
    let tree = install.path().join("versions/1.0.0");
    fs::remove_file(tree.join("notes")).unwrap();
    fs::write(tree.join("share/notes"), "no program").unwrap();
    starts_with("only the program in bin");
    fs::remove_dir(&layout).unwrap();
    fs::write(&layout, whole).unwrap();
    fs::set_permissions(&state, PermissionsExt::from_mode(0o777)).unwrap();
    starts_with("others may write the state");
}

#[test]
fn a_launcher_without_layout_starts_nothing_outside_its_versions() {
    let mut kit = Kit::new();
    kit.release("1.0.0", "exit 0");
    let install = kit.versioned("1.0.0");
    fs::remove_file(install.path().join(".exuvia/layout")).unwrap();
    let current = install.path().join("current");
    for target in [".", "versions"] {
        fs::remove_file(&current).unwrap();
        std::os::unix::fs::symlink(target, &current).unwrap();
        assert_eq!(launch(&install), Some(2), "it is the helper program then: {target}");
    }
}

#[test]
fn starts_that_are_still_under_way_are_no_failures() {
    let mut kit = Kit::new();
    kit.health = Health::Alive { seconds: 2 };
    let (kit, install) = on_trial(kit, "exec sleep 60");
    let mut running: Vec<Child> = (0..6).map(|_| start(&install)).collect();
    until("all of them run", || kit.log().len() == 6);
    assert_eq!(kit.log(), ["new"; 6]);
    until("one of them was up long enough", || phase(&install) == "settled");
    assert_eq!(version(&install), "1.1.0");
    for child in &mut running {
        signal(child, "-TERM");
        child.wait().unwrap();
    }
}

#[test]
fn a_crash_beside_instances_that_run_is_left_to_their_watchers() {
    let mut kit = Kit::new();
    kit.health = Health::Explicit { seconds: 60 };
    let old = kit.says("old");
    kit.release("1.0.0", &old);
    let install = kit.versioned("1.0.0");
    let lines = format!("{}\n[ -z \"$1\" ] || exec sleep 60\nexit 4", kit.says("new"));
    kit.release("1.1.0", &lines);
    kit.swapped(&install, "1.1.0");
    let mut running = Command::new(install.stable_exe()).arg("stay").spawn().unwrap();
    until("it runs", || kit.log() == ["new"]);
    for _ in 0..2 {
        assert_eq!(launch(&install), Some(4));
        assert_eq!(phase(&install), "trial");
    }
    signal(&running, "-TERM");
    running.wait().unwrap();
    assert_eq!(launch(&install), Some(0));
    assert_eq!((version(&install), kit.log().last().unwrap().as_str()), ("1.0.0".into(), "old"));
}

#[test]
fn a_running_version_is_not_pruned() {
    let mut kit = Kit::new();
    let old = kit.says("old");
    kit.release("1.0.0", &format!("{old}\nexec sleep 60"));
    kit.release("1.1.0", "exit 0");
    kit.release("1.2.0", "exit 0");
    let install = kit.versioned("1.0.0");
    let mut running = start(&install);
    until("it runs", || kit.log() == ["old"]);
    for version in ["1.1.0", "1.2.0"] {
        kit.swapped(&install, version);
        install.trial().unwrap().unwrap().confirm(now()).unwrap();
    }
    let tree = install.path().join("versions/1.0.0");
    assert!(tree.exists());
    signal(&running, "-TERM");
    running.wait().unwrap();
    install.recover(now()).unwrap();
    assert!(!tree.exists());
}

#[test]
fn in_place_the_trial_is_watched_in_the_same_way() {
    for kind in [Kind::Folder, Kind::AppImage] {
        let mut kit = Kit::new();
        kit.kind = kind;
        let (old, new) = (kit.says("old"), kit.says("new"));
        kit.release("1.0.0", &old);
        kit.release("1.1.0", &format!("{new}\nexit 1"));
        let install = kit.in_place("1.0.0");
        kit.swapped(&install, "1.1.0");
        let helper = env!("CARGO_BIN_EXE_exuvia-helper");
        let path = install.path().as_os_str();
        let mut command = Command::new(helper);
        command.arg("launch").arg("--install").arg(path).args(["--", "x"]);
        assert_eq!(command.status().unwrap().code(), Some(0));
        assert_eq!(kit.log(), ["new", "new", "new", "old"], "{kind:?}");
        assert_eq!(version(&install), "1.0.0");
    }
}

#[test]
fn the_program_understands_its_verbs_and_nothing_else() {
    let mut kit = Kit::new();
    kit.release("1.0.0", "exit 0");
    let install = kit.versioned("1.0.0");
    let digest = kit.release("1.1.0", "exit 0");
    let bundle = kit.path().join("bundle");
    fs::write(&bundle, kit.bundle("1.1.0").1).unwrap();
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_exuvia-helper")).args(args).status().unwrap().code()
    };
    let app = install.path().to_str().unwrap();
    let (metadata, digest) = (kit.metadata(), digest.to_string());
    let (metadata, bundle) = (metadata.to_str().unwrap(), bundle.to_str().unwrap());
    for bad in [
        &[][..],
        &["swap"],
        &["swap", "--install"],
        &["swap", "--install", app, "--force", "1"],
        &["swap", "--install", app, "more"],
        &["swap", "--install", app, "--", "more"],
        &["swap", "--installs", app],
        &["destroy", "--install", app],
        &["receive", "--install", app, "--metadata", metadata, "--bundle", bundle, "--digest", "x"],
        &["receive", "--install", app, "--install", app, "--bundle", bundle, "--digest", &digest],
    ] {
        assert_eq!(run(bad), Some(2), "{bad:?}");
    }
    assert_eq!(run(&["swap", "--install", "/nonexistent"]), Some(1));
    for nothing in ["swap", "confirm", "revert"] {
        assert_eq!(run(&[nothing, "--install", app]), Some(3), "{nothing}");
    }
    let wrong = exuvia_core::Digest::of(b"x").to_string();
    let receive = |digest: &str| {
        run(&[
            "receive",
            "--install",
            app,
            "--metadata",
            metadata,
            "--bundle",
            bundle,
            "--digest",
            digest,
        ])
    };
    assert_eq!(receive(&wrong), Some(4));
    assert_eq!(receive(&digest), Some(0));
    for verb in ["swap", "revert", "recover"] {
        assert_eq!(run(&[verb, "--install", app]), Some(0), "{verb}");
    }
    assert_eq!(receive(&digest), Some(4), "it was remembered as bad");
}

#[test]
fn the_launcher_answers_no_qualification_with_the_application() {
    let (kit, install) = on_trial(Kit::new(), ANSWERS);
    let out = Command::new(install.stable_exe())
        .env("EXUVIA_QUALIFY", "0123456789abcdef0123456789abcdef")
        .output()
        .unwrap();
    assert_eq!(out.stdout, b"exuvia-qualified 0123456789abcdef0123456789abcdef\n");
    assert!(kit.log().is_empty());
}
