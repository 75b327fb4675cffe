//! What the agent says: what happened, and what to do about it.
#![allow(clippy::unwrap_used)]

use exuvia_tests::processes::Stage;

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
