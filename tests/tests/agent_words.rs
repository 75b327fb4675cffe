//! What the agent says: what happened, and what to do about it.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use exuvia_core::{Digest, Time};
use exuvia_tests::home::things;
use exuvia_tests::processes::{Stage, program};
use exuvia_tests::proxy::{Demand, Proxy};
use serde_json::Value;

/// 1.0.0 is installed from a folder, and 1.1.0 is published there.
fn offered(layout: &str) -> Stage {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install", "--layout", layout]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage
}

#[test]
fn a_trial_is_announced_where_there_is_one() {
    let stage = offered("versioned");
    stage.agent(&["update", "--yes"]).works().says("on trial first");
    stage.agent(&["status"]).works().says("notes 1.0.0 is kept; 1.1.0 runs on trial, 0 of 3");
    let stage = offered("in-place");
    let updated = stage.agent(&["update", "--yes"]).works();
    assert!(!updated.stdout.contains("trial"), "{updated:?}");
    stage.agent(&["status"]).works().says("notes 1.1.0\n");
}

#[test]
fn a_version_rolled_back_is_said_to_be_and_comes_back_on_demand() {
    let stage = offered("in-place");
    stage.agent(&["update", "--yes"]).works();
    stage.agent(&["rollback"]).works().says("1.0.0");
    stage.agent(&["check"]).ends_with(3).says("rolled back by hand").says("--even-if-failed");
    let refused = stage.agent(&["rollback"]).ends_with(1).says("no previous version");
    assert!(!refused.stderr.contains("start the application"), "{refused:?}");
    stage.agent(&["update", "--yes", "--even-if-failed"]).works().says("updated to 1.1.0");
}

#[test]
fn what_is_installed_already_is_not_something_else() {
    let stage = offered("versioned");
    let refused = stage.agent(&["install"]).ends_with(1);
    refused.says("notes 1.0.0 is installed").says("update it, or uninstall it first");
}

#[test]
fn a_link_to_an_installation_is_a_name_of_it() {
    let stage = offered("in-place");
    std::os::unix::fs::symlink(stage.app(), stage.path("link")).unwrap();
    let link = stage.path("link");
    stage.agent(&["check", "--install", link.to_str().unwrap()]).works().says("1.1.0");
    stage.agent(&["status", "--install", link.to_str().unwrap()]).works().says("notes 1.0.0");
}

#[test]
fn a_silent_repository_is_told_by_the_status() {
    let stage = offered("versioned");
    stage.agent(&["check"]).works();
    assert_eq!(stage.status()["stale_days"], Value::Null);
    // As if the newest timestamp had been seen twenty days ago, and 1.0.0 been signed before that.
    past(&stage.path("home"), "/fresh", "renewed", -20);
    past(&stage.app(), ".exuvia/journal", "published", -21);
    stage.agent(&["status"]).works().says("shown nothing new for 20 days");
    assert_eq!(stage.status()["stale_days"], 20);
}

/// Puts a time in a record off by so many days.
fn past(folder: &Path, record: &str, name: &str, days: i64) {
    let file = things(folder).into_keys().find(|path| path.ends_with(record)).unwrap();
    let text = std::fs::read_to_string(folder.join(&file)).unwrap();
    let (_, rest) = text.split_once(&format!("\"{name}\":\"")).unwrap();
    let time = rest.split_once('"').unwrap().0;
    let moved = time.parse::<Time>().unwrap().plus_days(days).to_string();
    let lines: Vec<&str> = text.lines().collect();
    let body = format!("{}\n{}\n", lines[0], lines[1].replace(time, &moved));
    let digest = Digest::of(body.as_bytes());
    std::fs::write(folder.join(&file), format!("{body}sha256 {digest}\n")).unwrap();
}

#[test]
fn the_proxy_that_the_desktop_is_set_to_is_used_where_the_environment_names_none() {
    let stage = Stage::new();
    // Nobody resolves it: that is the proxy's affair.
    stage.init("https://updates.invalid/");
    let (proxy, other) = (Proxy::http(Demand::default()), Proxy::http(Demand::default()));
    let address = proxy.url().replace("http://", "").replace('/', "");
    let settings = format!("[Proxy Settings]\nProxyType=1\nhttpsProxy=http://{address}\n");
    std::fs::write(stage.path("kioslaverc"), settings).unwrap();
    let check = |environment: &[(&str, &str)]| {
        let mut agent = stage.command(&program("exuvia-agent"));
        agent.args(stage.agent_options()).arg("check").env("XDG_CONFIG_HOME", stage.path("."));
        let output = agent.envs(environment.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{output:?}");
    };
    check(&[("XDG_CURRENT_DESKTOP", "KDE")]);
    assert!(proxy.seen().contains(&"updates.invalid:443".to_owned()));
    check(&[("XDG_CURRENT_DESKTOP", "KDE"), ("https_proxy", &other.url())]);
    check(&[]);
    assert!(proxy.seen().is_empty() && !other.seen().is_empty());
}
