//! The agent with registered applications and policies.
#![allow(clippy::unwrap_used)]

use exuvia_tests::processes::Stage;
use serde_json::Value;

/// 1.0.0 is installed from a folder and registered, and 1.1.0 is published there.
fn registered() -> Stage {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["register"]).works().says("notes is registered");
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage
}

fn policy(stage: &Stage, text: &str) {
    std::fs::create_dir_all(stage.path("home/.config/exuvia")).unwrap();
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), text).unwrap();
}

#[test]
fn a_registered_application_is_known_by_its_name() {
    let stage = registered();
    stage.agent_by_name("notes", &["status"]).works().says("notes 1.0.0");
    stage.agent_by_name("notes", &["check"]).works().says("1.1.0 is there");
    stage.agent_by_name("other", &["check"]).ends_with(2).says("registered as other, only: notes");
    stage.agent_by_name("notes", &["update", "--yes"]).works().says("updated to 1.1.0");
    stage.agent_alone(&["unregister", "notes"]).works();
    stage.agent_by_name("notes", &["status"]).ends_with(2);
    stage.agent(&["status"]).works();
}

#[test]
fn a_held_or_pinned_version_stays_also_when_an_update_is_asked_for() {
    let stage = registered();
    for (text, reason) in [("hold = true", "holds"), ("pin = \"=1.0\"", "pins")] {
        policy(&stage, &format!("[app.notes]\n{text}\n"));
        let update = ["update", "--yes"];
        stage.agent_by_name("notes", &update).ends_with(3).says(reason);
        stage.agent_by_name("notes", &["status"]).works().says("notes 1.0.0");
    }
    policy(&stage, "[app.other]\nhold = true\n");
    stage.agent_by_name("notes", &["update", "--yes"]).works();
}

#[test]
fn the_policy_tells_who_said_what() {
    let stage = registered();
    policy(&stage, "[policy]\nmode = \"notify\"\nlimit-rate = \"2M\"\n");
    let told = stage.agent_by_name("notes", &["--json", "policy"]).works().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let set = |key: &str| told["policy"][key].clone();
    assert_eq!(set("mode"), serde_json::json!({ "value": "notify", "from": "user" }));
    assert_eq!(set("interval"), serde_json::json!({ "value": "1d", "from": "default" }));
    stage.agent_alone(&["policy"]).works().says("2097152  (user)");
}

#[test]
fn a_policy_that_is_not_understood_stops_the_update_and_is_named() {
    let stage = registered();
    policy(&stage, "[policy]\nhodl = true\n");
    let refused = stage.agent_by_name("notes", &["update", "--yes"]).ends_with(2);
    refused.says("hodl").says("policy.toml");
    stage.agent(&["status"]).works().says("notes 1.0.0");
}
