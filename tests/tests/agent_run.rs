//! The agent that waits by itself, with the real programs.
#![allow(clippy::unwrap_used)]

use std::process::Child;
use std::time::{Duration, Instant};

use exuvia_tests::processes::{Stage, program};
use exuvia_tests::server::{Fault, Server};
use serde_json::Value;

struct Agent(Child);

impl Agent {
    fn start(stage: &Stage) -> Agent {
        let mut command = stage.command(&program("exuvia-agent"));
        Agent(command.arg("run").spawn().unwrap())
    }

    /// A number from a line of /proc/PID/status.
    fn number(&self, key: &str) -> u64 {
        let path = format!("/proc/{}/status", self.0.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits until it has slept for so long without being woken.
    fn sleeps(&self, how_long: Duration) {
        let (begun, mut since, mut wakes) = (Instant::now(), Instant::now(), 0);
        while since.elapsed() < how_long {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never sleeps");
            std::thread::sleep(Duration::from_millis(50));
            let now = self.number("voluntary_ctxt_switches");
            if now != wakes {
                (since, wakes) = (Instant::now(), now);
            }
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stage() -> (Stage, Server) {
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    (stage, server)
}

/// What `status` says about the only application.
fn attended(stage: &Stage) -> Value {
    let told = stage.agent_alone(&["--json", "status"]).works().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["apps"][0].clone()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_sees_a_registration_updates_the_application_and_sleeps_again() {
    let (stage, server) = stage();
    let agent = Agent::start(&stage);
    agent.sleeps(Duration::from_millis(500));
    let mut second = stage.command(&program("exuvia-agent"));
    assert_eq!(second.arg("run").output().unwrap().status.code(), Some(3), "one is enough");
    stage.agent(&["register"]).works();
    until("updated", || attended(&stage)["outcome"]["result"] == "updated");
    agent.sleeps(Duration::from_secs(2));
    server.requests();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.requests().len(), 0);
    stage.start(&[]).works().says("notes 1.1.0");
}

#[test]
fn a_server_that_is_down_does_not_keep_it_awake() {
    let (stage, server) = stage();
    server.fault("metadata/timestamp.json", Fault::Status(500));
    stage.agent(&["register"]).works();
    let agent = Agent::start(&stage);
    until("failed", || attended(&stage)["failures"] == 1);
    agent.sleeps(Duration::from_secs(2));
    server.requests();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((server.requests().len(), attended(&stage)["failures"].as_u64()), (0, Some(1)));
}

#[test]
fn a_state_that_cannot_be_written_does_not_keep_it_awake_either() {
    let (stage, _server) = stage();
    stage.agent(&["register"]).works();
    // What cannot be read is due, and a directory in its place cannot be replaced by a file.
    let record = stage.path("home/.local/state/exuvia-agent/notes");
    std::fs::create_dir_all(record.join("full")).unwrap();
    let agent = Agent::start(&stage);
    agent.sleeps(Duration::from_secs(2));
    stage.agent_by_name("notes", &["status"]).works().says("1.1.0");
}
