//! Applications that somebody else looks after are left alone, and it is said who does and what to do.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use exuvia_tests::home::things;
use exuvia_tests::processes::{Stage, program};

fn published() -> Stage {
    let stage = Stage::new();
    let www = stage.path("www");
    stage.init(&format!("file://{}", www.to_str().unwrap()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage
}

#[test]
fn what_a_package_of_the_system_put_there_is_not_installed_over_nor_taken_for_ours() {
    let owned = Path::new("/usr/bin/dpkg");
    if !Path::new("/var/lib/dpkg/info/dpkg.list").exists() {
        println!(
            "skipped: needs a system of Debian's kind; `exuvia::keeper` has tests for all kinds"
        );
        return;
    }
    let stage = published();
    let before = std::fs::read(owned).unwrap();
    let config = stage.path("exuvia.json");
    let options = ["--config", config.to_str().unwrap(), "--install", owned.to_str().unwrap()];
    for verb in [&["install"][..], &["update", "--yes"], &["rollback"], &["uninstall"]] {
        let refused = stage.agent_alone(&[&options, verb].concat()).ends_with(1);
        let refused = refused.says("/usr/bin/dpkg belongs to the package dpkg of this system");
        refused.says("apt install --only-upgrade");
    }
    assert_eq!(std::fs::read(owned).unwrap(), before);
    assert!(!Path::new("/usr/bin/.dpkg.exuvia").exists());
}

/// Runs a command where the installation's file system is mounted read-only, if that is possible.
fn read_only(stage: &Stage, command: &[String]) -> Option<Output> {
    let apps = stage.path("apps");
    let mount = r#"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" || exit 99; exec "$@""#;
    let mut unshare = stage.command(Path::new("unshare"));
    let root = rustix::process::geteuid().is_root();
    unshare.arg(if root { "-m" } else { "-rm" }).args(["sh", "-c", mount]).arg(apps).args(command);
    unshare.output().ok().filter(|output| output.status.code() != Some(99))
}

#[test]
fn an_installation_on_a_read_only_disk_is_said_to_be_there_and_starts() {
    let stage = published();
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let before = things(&stage.path("apps"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let agent = |verb: &[&str]| {
        let verb = verb.iter().map(|word| (*word).to_owned());
        let options = stage.agent_options().into_iter();
        [text(&program("exuvia-agent"))].into_iter().chain(options).chain(verb).collect::<Vec<_>>()
    };
    let possible = Command::new("unshare").args(["-rm", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        println!("skipped: needs unshare and a namespace for mounts");
        return;
    }
    let update = read_only(&stage, &agent(&["update", "--yes"])).expect("it can be mounted so");
    let said = String::from_utf8(update.stderr).unwrap();
    assert_eq!(update.status.code(), Some(1), "{said}");
    assert!(said.contains("is on a file system that cannot be written to"), "{said}");
    assert!(said.contains("copy the application to a folder that can be written to"), "{said}");
    let check = read_only(&stage, &agent(&["check"])).unwrap();
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    let start = read_only(&stage, &[text(&stage.app().join("notes")), "hello".into()]).unwrap();
    assert_eq!(String::from_utf8(start.stdout).unwrap(), "notes 1.0.0 hello\n");
    assert_eq!(things(&stage.path("apps")), before);
    stage.agent(&["update", "--yes"]).works();
}
