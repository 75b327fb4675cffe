//! The agent looks after registered applications by itself, with the real programs.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use exuvia_durable::{Dir, Lock};
use exuvia_tests::processes::{Stage, program};
use exuvia_tests::server::{Fault, Server};
use serde_json::Value;

/// 1.0.0 is installed from a server and registered.
fn registered() -> (Stage, Server) {
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["register"]).works();
    (stage, server)
}

fn policy(stage: &Stage, text: &str) {
    std::fs::create_dir_all(stage.path("home/.config/exuvia")).unwrap();
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), text).unwrap();
}

/// What `status` says about the only application.
fn attended(stage: &Stage) -> Value {
    let told = stage.agent_alone(&["--json", "status"]).works().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["apps"][0].clone()
}

/// Starts the application and waits until it says so.
fn running(stage: &Stage) -> Child {
    let mut command = stage.command(&stage.app().join("notes"));
    let mut child = command.arg("run").stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "notes 1.0.0 run\n");
    child
}

#[test]
fn what_does_not_run_is_updated_silently_and_then_nothing_is_due() {
    let (stage, server) = registered();
    stage.agent_alone(&["once"]).ends_with(3).says("event=up-to-date app=notes");
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent_alone(&["once"]).ends_with(3).says("nothing is due");
    let done = stage.agent_alone(&["once", "--now"]).works();
    done.says("event=updated app=notes version=1.1.0 from=1.0.0");
    stage.start(&["hello"]).works().says("notes 1.1.0 hello");
    server.requests();
    stage.agent_alone(&["once", "--now"]).ends_with(3).says("the newest version is installed");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    let about = attended(&stage);
    assert_eq!(about["outcome"]["result"], "up-to-date");
    assert_eq!((&about["version"], &about["failures"]), (&"1.1.0".into(), &0.into()));
    let history = stage.agent_alone(&["history"]).works();
    history.says("notes swapped      1.0.0 → 1.1.0").says("notes committed");
}

#[test]
fn what_runs_is_left_alone_and_starts_as_the_new_version_next_time() {
    let (stage, _server) = registered();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let mut child = running(&stage);
    stage.agent_alone(&["once"]).works().says("event=on-quit app=notes version=1.1.0");
    assert!(child.wait().unwrap().success(), "it was ended by somebody");
    assert_eq!(attended(&stage)["phase"], "staged");
    stage.start(&["next"]).works().says("notes 1.1.0 next");
    stage.agent_alone(&["once", "--now"]).ends_with(3).says("event=up-to-date");
}

#[test]
fn the_policy_decides_how_far_it_goes() {
    let (stage, server) = registered();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let all_day = "quiet = [\"00:00-24:00\"]";
    for (rules, result, reason, asks) in [
        ("mode = \"off\"", "held", "off", false),
        ("hold = true", "held", "hold", false),
        (all_day, "held", "quiet-hours", false),
        ("pin = \"=1.0\"", "held", "pinned", true),
        ("mode = \"notify\"", "offered", "", true),
        ("mode = \"download\"", "staged", "", true),
        ("", "updated", "", true),
    ] {
        policy(&stage, &format!("[policy]\n{rules}\n"));
        server.requests();
        stage.agent_alone(&["once", "--now"]).says(&format!("event={result} app=notes"));
        let outcome = &attended(&stage)["outcome"];
        assert_eq!(outcome["result"], result, "{rules}");
        assert_eq!(outcome["reason"].as_str().unwrap_or_default(), reason, "{rules}");
        assert_eq!(!server.requests().is_empty(), asks, "{rules}");
    }
    stage.start(&[]).works().says("notes 1.1.0");
}

#[test]
fn a_server_that_is_down_is_left_alone_for_a_while_and_everything_goes_on_afterwards() {
    let (stage, server) = registered();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let timestamp = "metadata/timestamp.json";
    server.fault(timestamp, Fault::Status(500));
    let failed = stage.agent_alone(&["once"]).ends_with(5);
    failed.says("event=failed app=notes family=network failures=1");
    server.requests();
    stage.agent_alone(&["once"]).ends_with(3).says("nothing is due");
    stage.agent_alone(&["once", "--network-up"]).ends_with(3).says("nothing is due");
    assert_eq!(server.requests().len(), 0);
    stage.agent_alone(&["once", "--now"]).ends_with(5).says("failures=2");
    assert_eq!(attended(&stage)["failures"], 2);
    server.heal();
    stage.agent_alone(&["once", "--now"]).works().says("event=updated");
    assert_eq!(attended(&stage)["failures"], 0);
}

#[test]
fn one_broken_registration_costs_nobody_else_anything() {
    let (stage, _server) = registered();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let broken = stage.path("home/.config/exuvia/apps.d/a-broken.toml");
    std::fs::write(broken, "config = 1\n").unwrap();
    let both = stage.agent_alone(&["once"]).ends_with(2);
    both.says("event=failed app=a-broken family=usage").says("event=updated app=notes");
}

#[test]
fn an_updater_at_work_and_the_agent_do_not_fight() {
    let (stage, _server) = registered();
    stage.agent_by_name("notes", &["check"]).ends_with(3);
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let store = stage.path("home/.local/state/exuvia/notes");
    let key = std::fs::read_dir(&store).unwrap().next().unwrap().unwrap().file_name();
    let lock = Lock::try_exclusive(&Dir::open(store.join(key)).unwrap(), "lock").unwrap();
    stage.agent_alone(&["once", "--now"]).ends_with(3).says("event=busy app=notes");
    drop(lock);
    stage.agent_alone(&["once", "--now"]).works().says("event=updated");
}

#[test]
fn agents_that_begin_together_do_the_work_once() {
    let (stage, _server) = registered();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let start = || {
        let mut command = stage.command(&program("exuvia-agent"));
        command.arg("once").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let agents: Vec<Child> = (0..3).map(|_| start()).collect();
    let ends: Vec<_> = agents.into_iter().map(|agent| agent.wait_with_output().unwrap()).collect();
    let updated = ends.iter().filter(|end| end.status.success()).count();
    let idle = ends.iter().filter(|end| end.status.code() == Some(3)).count();
    assert_eq!((updated, idle), (1, 2), "{ends:?}");
}

#[test]
fn nothing_is_kept_of_what_is_looked_after_no_more() {
    let (stage, _server) = registered();
    stage.agent_alone(&["once"]).ends_with(3);
    let kept = stage.path("home/.local/state/exuvia-agent");
    assert!(kept.join("notes").exists());
    stage.agent_alone(&["unregister", "notes"]).works();
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 0);
    stage.agent_alone(&["status"]).works().says("no application is registered");
}
