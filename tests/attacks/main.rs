//! Attacks by whoever holds the mirror or some of the keys, or is on the machine; and what chance does.
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
//! | 31 | names in a bundle: out of it, absolute, of devices, clashing, without end | refused whole |
//! | 32 | links in a bundle: out of it, through each other, in a circle | refused whole |
//! | 33 | set-uid, devices, fifos, hard links, attributes | refused whole |
//! | 34 | bombs, overlapping and sparse entries, more than was signed | cut at what was signed |
//! | 35 | the base of a delta was altered | the whole bundle |
//! | 36 | what was verified is exchanged before it is installed | verified again as it is unpacked |
//! | 37 | a descriptor that was kept open; rights of others | noticed; none |
//! | 38 | names that will be used are taken before | neither followed nor believed |
//! | 39 | programs and libraries planted in PATH and the folder of the day | not looked for |
//! | 40 | arguments and facts that mean more than they should | refused |
//! | 41 | clients that nobody asked for, answers from before | one at a time; no socket |
//! | 42 | state deleted or put back | what is installed is the floor |
//! | 43 | state torn, empty, a folder | the application starts; told, or mended |
//! | 44 | a good version is made to look bad | not once it was committed |
//! | 45 | full disk, quota, failing device, read-only | said; the old version stands |
//! | 46 | others may write to the state | not trusted |
//! | 47 | many at once while the application starts | one does it; it starts |
//! | 48 | running from a mounted image | not taken for an installation |
//! | 49 | killed at any instant | old or new |
//! | 50 | the new version does not start or fails its trial | left, not offered again |
//! | 51 | data was migrated before going back | not touched; the way back can be forbidden |
//! | 52 | no exchange of names | links, or renames that are recovered |
//! | 53 | state, cache and installation on different disks | staged beside the target |
//! | 54 | descriptors and processes left over | none |
//!
//! Rows 20 to 30 are the faults of servers and lines: `network_faults`, `exuvia`'s own tests.
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
mod row_31_hostile_paths;
mod row_32_hostile_links;
mod row_33_hostile_kinds;
mod row_34_bombs;
mod row_35_altered_base;
mod row_36_between_verifying_and_installing;
mod row_37_open_descriptors;
mod row_38_planted_names;
mod row_39_planted_programs;
mod row_40_injected_arguments;
mod row_41_unbidden_clients;
mod row_42_edited_state;
mod row_43_torn_state;
mod row_44_forced_rollbacks;
mod row_45_full_disks;
mod row_46_forbidden_places;
mod row_47_at_once;
mod row_48_mounted_images;
mod row_49_kills;
mod row_50_bad_releases;
mod row_51_migrated_data;
mod row_52_no_exchange;
mod row_53_two_disks;
mod row_54_leaks;

/// The writer of hostile bundles that the tests of their reader have.
#[path = "../../updater/bundle/tests/common/mod.rs"]
mod bundles;

use exuvia_core::Digest;
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

/// Signs other bytes in the place of the full bundle of 1.1.0, with the channel's stolen key, as if they
/// unpacked to this stream of this length. There is no other way to 1.1.0 then.
fn sign_full(scene: &Scene, packed: &[u8], stream: &[u8], length: u64) {
    let (sha256, mut name) = (Digest::of(packed).to_string(), String::new());
    let bundle = json!({"digest": Digest::of(stream), "length": length, "files": 100});
    scene.sim.forge(&channel_role(), |signed| {
        bump(signed);
        let targets = signed["targets"].as_object_mut().unwrap();
        targets.retain(|path, _| !path.contains("1.1.0-folder-from"));
        let full = targets.iter_mut().find(|(path, _)| path.contains("1.1.0-folder"));
        let (path, target) = full.unwrap();
        target["length"] = json!(packed.len());
        target["hashes"] = json!({"sha256": sha256});
        target["custom"]["exuvia"]["bundle"] = bundle;
        name = path.clone();
    });
    let (folder, file) = name.rsplit_once('/').unwrap();
    scene.sim.replace(&format!("targets/{folder}/{sha256}.{file}"), packed);
}

/// Each of these bundles, signed in the place of 1.1.0, is refused whole and harms nothing.
async fn are_refused(bundles: Vec<(&'static str, Vec<u8>)>) {
    let scene = Scene::under_attack().await;
    for (what, stream) in bundles {
        let packed = zstd::encode_all(&stream[..], 1).unwrap();
        sign_full(&scene, &packed, &stream, stream.len() as u64);
        match scene.attempt().await {
            Err(error) => assert_eq!(error.exit_code(), 4, "{what}: {error:?}"),
            Ok(arrived) => panic!("{what}: {arrived:?} was not refused"),
        }
        scene.is_unharmed();
    }
    scene.new_keys_work().await;
}

#[test]
fn every_row_of_the_table_has_its_file_with_tests_that_apply_the_oracle() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks");
    let table = include_str!("main.rs");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| !file.ends_with("main.rs"));
    let rows: Vec<_> = (1..=19).chain(31..=54).collect();
    assert_eq!(files.len(), rows.len());
    for (file, row) in files.iter().zip(rows) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("row_{row:02}_")), "{name}");
        assert!(table.contains(&format!("//! | {row} | ")), "row {row} is not in the table");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("::test") || text.contains("#[test]"), "{name} has no test");
        assert!(!text.contains("Scene::new("), "{name} leaves the oracle out");
    }
}
