//! What comes after a release: yank, promote, air-gap, and how publishing goes on.

use std::fs;

use serde_json::Value;

use crate::support::*;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn two_released() -> Place {
    let place = Place::new();
    let mut publisher = place.init();
    for version in ["1.0.0", "1.1.0"] {
        place.release(&mut publisher, version);
    }
    place.exuvia(&["publish", "www"]).done();
    place
}

#[test]
fn a_yank_tells_what_gives_way_to_what() {
    let place = two_released();
    let text = place.exuvia(&["yank", "1.1.0"]).done();
    let platform = exuvia_cli::host();
    assert!(
        text.starts_with(&format!("1.1.0 for {platform} (folder) gives way to 1.0.0\n")),
        "{text}"
    );
    place.exuvia(&["publish", "www"]).done();
    assert_eq!(json(&place.exuvia(&["verify", "www", "--json"]).done())["targets"], 1);
    let twice = place.exuvia(&["yank", "1.1.0"]);
    assert_eq!(
        (twice.code, twice.err.lines().next()),
        (1, Some("error: channel stable lists no 1.1.0"))
    );
    assert_eq!(place.exuvia(&["yank", "neither"]).code, 2);
}

#[test]
fn a_promoted_release_is_the_same_file_in_another_channel_with_its_delta() {
    let place = two_released();
    let early = json(&place.exuvia(&["promote", "1.0.0", "stable", "slow", "--json"]).done());
    assert_eq!((&early[0]["deltas"], &early[0]["there_already"]), (&0.into(), &false.into()));
    let late = json(&place.exuvia(&["promote", "1.1.0", "stable", "slow", "--json"]).done());
    assert_eq!(late[0]["deltas"], 1);
    assert_eq!(place.exuvia(&["promote", "1.1.0", "stable", "slow"]).code, 3);
    assert_eq!(place.exuvia(&["promote", "9.9.9", "stable", "slow"]).code, 1);
    place.exuvia(&["publish", "www"]).done();
    assert_eq!(json(&place.exuvia(&["verify", "www", "--json"]).done())["targets"], 6);
}

#[test]
fn a_folder_for_machines_without_a_network_verifies_by_its_own_configuration() {
    let place = two_released();
    let report = json(&place.exuvia(&["air-gap", "stick", "--json"]).done());
    assert_eq!(report["targets"].as_array().unwrap().len(), 1);
    let config = fs::read_to_string(place.path("stick/exuvia.json")).unwrap();
    let mirror = exuvia::Config::parse(&config).unwrap().mirrors[0].as_str().to_owned();
    assert_eq!(mirror, format!("file://{}/", place.path("stick").display()));
    let refused = place.exuvia(&["air-gap", "repo/inside"]);
    assert_eq!(refused.code, 1);
    assert_eq!(place.exuvia(&["air-gap", "none", "--channel", "beta"]).code, 3);
}

#[test]
fn a_rollout_is_published_and_told() {
    let place = two_released();
    let wrong = place.exuvia(&["rollout", "1.1.0", "10%"]);
    assert!(wrong.err.contains("was not released as gated"), "{}", wrong.err);
    place.app("1.2.0");
    place.exuvia(&["release", "app", "--version", "1.2.0", "--gated", "--level", "1"]).done();
    let text = place.exuvia(&["rollout", "1.2.0", "10%"]).done();
    assert!(text.starts_with("1.2.0 in stable is for 10 % of all installations"), "{text}");
    let paused = json(&place.exuvia(&["rollout", "1.2.0", "pause", "--json"]).done());
    assert_eq!((&paused["percent"], &paused["paused"]), (&10.into(), &true.into()));
    place.exuvia(&["publish", "www"]).done();
    place.exuvia(&["verify", "www"]).done();
    assert_eq!(place.exuvia(&["rollout", "1.2.0", "101%"]).code, 2);
}
