//! The road with real programs: `exuvia` publishes, `exuvia-agent` updates, the launcher watches an
//! application that knows nothing of either.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use exuvia_tests::home::things;
use exuvia_tests::processes::{Stage, program, write_program};
use exuvia_tests::server::{Fault, Server};

/// 1.0.0 is installed from a server on loopback.
fn installed() -> (Stage, Server) {
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works().says("1.0.0");
    (stage, server)
}

#[test]
fn publish_install_update_try_confirm() {
    let (stage, _server) = installed();
    stage.start(&["hello"]).works().says("notes 1.0.0 hello");
    stage.agent(&["check"]).ends_with(3);
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent(&["check"]).works().says("1.1.0").says("delta");
    stage.agent(&["update", "--yes"]).works().says("1.1.0");
    assert_eq!(stage.status()["phase"], "trial");

    stage.start(&["a", "b c"]).works().says("notes 1.1.0 a b c");
    let status = stage.status();
    assert_eq!((&status["phase"], &status["version"]), (&"settled".into(), &"1.1.0".into()));
    stage.agent(&["check"]).ends_with(3);
    stage.agent(&["update", "--yes"]).ends_with(3);
    let history = stage.agent(&["history"]).works().stdout;
    for event in ["installed", "staged", "swapped", "committed"] {
        assert!(history.contains(event), "{history}");
    }
}

#[test]
fn the_tree_after_a_delta_is_the_tree_of_a_fresh_installation() {
    let (stage, server) = installed();
    let dist = stage.good_version("1.1.0");
    stage.release(&dist, "1.1.0");
    server.requests();
    stage.agent(&["update", "--yes"]).works();
    let requests = server.requests();
    assert!(requests.iter().any(|r| r.path.ends_with(".delta")), "{requests:?}");
    let updated = things(&stage.app().join("versions/1.1.0"));

    stage.agent(&["uninstall"]).works();
    assert!(!stage.app().exists());
    stage.agent(&["install"]).works();
    assert_eq!(things(&stage.app().join("versions/1.1.0")), updated);
    assert_eq!(things(&dist), updated);
}

#[test]
fn a_version_that_crashes_at_every_start_is_left_after_three() {
    let (stage, _server) = installed();
    stage.release(&stage.version("1.1.0", "[ \"$1\" = --version ] || exit 9"), "1.1.0");
    stage.agent(&["update", "--yes"]).works();
    let mut starts = 0;
    while stage.status()["version"] != "1.0.0" || stage.status()["phase"] != "settled" {
        starts += 1;
        assert!(starts <= 4, "{:#}", stage.status());
        stage.start(&[]);
    }
    assert!(starts <= 3, "{starts}");
    stage.start(&["back"]).works().says("notes 1.0.0 back");
    stage.agent(&["check"]).ends_with(3).says("1.1.0");

    stage.release(&stage.good_version("1.1.1"), "1.1.1");
    stage.agent(&["update", "--yes"]).works();
    stage.start(&["fixed"]).works().says("notes 1.1.1 fixed");
    assert_eq!(stage.status()["version"], "1.1.1");
}

#[test]
fn a_version_that_cannot_start_is_refused_before_the_swap() {
    let (stage, _server) = installed();
    stage.release(&stage.version("1.1.0", "exit 127"), "1.1.0");
    let refused = stage.agent(&["update", "--yes"]);
    assert!(matches!(refused.code, Some(1 | 4)), "{refused:?}");
    assert_eq!(stage.status()["version"], "1.0.0");
    stage.start(&["still"]).works().says("notes 1.0.0 still");
}

#[test]
fn a_running_version_keeps_its_files_through_an_update() {
    let (stage, _server) = installed();
    let mut command = stage.command(&stage.app().join("notes"));
    let mut running = command.arg("run").stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut output = BufReader::new(running.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    assert_eq!(first, "notes 1.0.0 run\n");
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent(&["update", "--yes"]).works();
    assert!(stage.app().join("versions/1.0.0/share/data").exists());
    assert!(running.wait().unwrap().success());
    output.read_to_string(&mut first).unwrap();
    stage.start(&[]).works().says("notes 1.1.0");
}

#[test]
fn going_back_by_hand_works_and_is_remembered() {
    let (stage, _server) = installed();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent(&["update", "--yes"]).works();
    stage.start(&[]).works();
    stage.agent(&["rollback"]).works().says("1.0.0");
    stage.start(&[]).works().says("notes 1.0.0");
    stage.agent(&["check"]).ends_with(3);
}

#[test]
fn a_killed_agent_leaves_a_working_application_and_the_next_one_finishes() {
    let (stage, server) = installed();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let slow = Fault::Slow(64, std::time::Duration::from_millis(200));
    let delta = things(&stage.path("www"));
    let delta = delta.keys().find(|path| path.ends_with(".delta")).unwrap();
    server.fault(delta, slow);
    let mut command = stage.command(&program("exuvia-agent"));
    let mut agent = command.args(stage.agent_options()).args(["update", "--yes"]).spawn().unwrap();
    while !server.requests().iter().any(|request| request.path == *delta) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    agent.kill().unwrap();
    agent.wait().unwrap();
    stage.start(&[]).works().says("notes 1.0.0");
    server.heal();
    stage.agent(&["update", "--yes"]).works();
    stage.start(&[]).works().says("notes 1.1.0");
}

#[test]
fn two_agents_at_once_do_one_update() {
    let (stage, _server) = installed();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let agents: Vec<_> = (0..4)
        .map(|_| {
            let mut command = stage.command(&program("exuvia-agent"));
            command.args(stage.agent_options()).args(["update", "--yes"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let codes: Vec<_> = agents.into_iter().map(|agent| agent.wait_with_output().unwrap()).collect();
    assert!(codes.iter().any(|output| output.status.success()), "{codes:?}");
    stage.start(&[]).works().says("notes 1.1.0");
    assert_eq!(stage.status()["version"], "1.1.0");
}

#[test]
fn a_single_file_in_place_is_updated_too() {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    for version in ["1.0.0", "1.1.0"] {
        write_program(
            &stage.path("notes"),
            &format!("echo notes {version}; [ \"$1\" = --version ] || sleep 1.5"),
        );
        stage.release(&stage.path("notes"), version);
        match version {
            "1.0.0" => stage.agent(&["install", "--kind", "exe"]).works(),
            _ => stage.agent(&["update", "--yes"]).works(),
        };
    }
    let mut command = stage.command(&stage.app());
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "notes 1.1.0\n");
}
