//! Attacks by whoever holds the mirror, or some of the keys.
//!
//! A file is a row of the table below, named by its number; every test in it ends with the whole
//! oracle (`exuvia_tests::scene::Scene`), and fails if it forgets to:
//! - the installed tree is the old one or the new one, byte for byte, and starts;
//! - nothing beside it was touched, and no more was left in state and cache than an update needs;
//! - no attempt took long or was sent much more than an honest one needs;
//! - what is refused names the rule, whose fault it is (exit code 4), and what to do;
//! - the next honest update arrives: after a theft, once the publisher has exchanged the keys.
//!
//! | row | attack | expected |
//! |---|---|---|
//! | 1 | arbitrary installation: the mirror is the attacker's, the keys are not | refused: signature, hash |
//! | 2 | endless data | cut at the signed length, or at the limit of what nobody signed a length for |
//! | 3 | extraneous dependencies: more is listed than concerns this application | not fetched |
//! | 4 | fast-forward: versions are made up with stolen keys | forgotten with the keys |
//! | 5 | indefinite freeze | told after two weeks, refused at expiry |
//! | 6 | mix and match: honest files of different times | refused: the snapshot pins them |
//! | 7 | rollback of each role, of the root, of the application | refused: floors |
//! | 8 | slow retrieval | given up |
//! | 9 | malicious mirrors, some or all | the next one is asked |
//! | 10 | fewer keys than must sign | refused |
//! | 11 | enough keys, revoked since | refused |
//! | 12 | root chains: gaps, repetitions, no end | one by one, 256 at a time |
//! | 13 | wrong software: another application's, platform's or channel's | nobody's update |
//! | 14 | delegations: loops, depth, overlaps, cutting | bounded, in order |
//! | 15 | JSON that parsers read differently, or that is meant to exhaust them | refused, unread beyond the limit |
//! | 16 | dropped requests | network's fault; nothing is concluded from silence |
//! | 17 | part of a release | nothing is installed |
//! | 18 | clock set back, ahead, or jumping | told apart from staleness; no lasting harm |
//! | 19 | rollout: a local edit of the identity, a stolen rollout key | delays gated releases by their days |
#![allow(clippy::unwrap_used)]

mod row_01_arbitrary_installation;
mod row_02_endless_data;
mod row_03_extraneous_dependencies;
mod row_04_fast_forward;
mod row_05_indefinite_freeze;
mod row_06_mix_and_match;
mod row_07_rollback;
mod row_08_slow_retrieval;
mod row_09_malicious_mirrors;
mod row_10_too_few_keys;
mod row_11_revoked_keys;
mod row_12_root_chains;
mod row_13_wrong_software;
mod row_14_delegations;
mod row_15_json;
mod row_16_dropped_requests;
mod row_17_part_of_a_release;
mod row_18_clocks;
mod row_19_rollout;

use exuvia_core::keys::PublicKey;
use exuvia_repo::Signer;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::forge::channel_role;
use exuvia_tests::sim::key;
use serde_json::{Value, json};

const TIMESTAMP: &str = "metadata/timestamp.json";

/// One version more, as every change of metadata has it.
fn bump(signed: &mut Value) {
    signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
}

/// A root that also knows the key of this name; gives its id.
fn add_key(root: &mut Value, name: &str) -> String {
    let id = key(name).id().to_string();
    root["keys"][&id] = public(name);
    id
}

fn public(name: &str) -> Value {
    serde_json::to_value::<PublicKey>(key(name).public()).unwrap()
}

/// Leaves only the full bundle of 1.1.0 to go by, and gives its path.
fn only_full(scene: &Scene) -> String {
    scene.sim.drop_file(&scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]));
    scene.sim.path_of(&["1.1.0-folder.tar.zst"])
}

/// Signs other facts of the release that is offered, with the channel's stolen key.
fn forge_facts(scene: &Scene, change: impl Fn(&mut Value)) {
    scene.sim.forge(&channel_role(), |signed| {
        bump(signed);
        let targets = signed["targets"].as_object_mut().unwrap();
        for (path, target) in targets.iter_mut().filter(|(path, _)| path.contains("1.1.0-folder")) {
            let facts = &mut target["custom"]["exuvia"];
            assert!(facts.is_object(), "{path}");
            change(facts);
        }
    });
}

#[test]
fn every_row_of_the_table_has_its_file_with_tests_that_apply_the_oracle() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks");
    let table = include_str!("main.rs");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| !file.ends_with("main.rs"));
    assert_eq!(files.len(), 19);
    for (file, row) in files.iter().zip(1..) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("row_{row:02}_")), "{name}");
        assert!(table.contains(&format!("//! | {row} | ")), "row {row} is not in the table");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("#[tokio::test]"), "{name} has no test");
        assert!(!text.contains("Scene::new("), "{name} leaves the oracle out");
    }
}
