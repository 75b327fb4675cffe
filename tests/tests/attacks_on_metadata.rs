//! Attacks by whoever holds the mirror, or some of the keys, on what is said about releases.
//! After each: the old version stands, nothing else was touched, the next honest update works.
#![allow(clippy::unwrap_used)]

use exuvia::Event;
use exuvia_core::Error;
use exuvia_repo::Signer;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::forge::{channel_role, sign, with_old};
use exuvia_tests::sim::{Trouble, key};
use serde_json::{Value, json};

const TIMESTAMP: &str = "metadata/timestamp.json";

// Arbitrary installation: the mirror is the attacker's, the keys are not.

#[tokio::test]
async fn metadata_signed_by_a_stranger_is_refused() {
    for role in ["timestamp", "snapshot", "targets", &channel_role()] {
        let scene = Scene::new().await;
        scene.sim.forge_signed_by(role, &["stranger"], |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        });
        let rule = scene.is_refused_for_good().await;
        assert!(
            matches!(&rule, Error::Threshold { role: r, signed: 0, .. } if r == role),
            "{rule}"
        );
    }
}

#[tokio::test]
async fn unsigned_metadata_is_refused() {
    let scene = Scene::new().await;
    scene.sim.forge_signed_by("timestamp", &[], |signed| signed["version"] = json!(1_000));
    assert!(matches!(scene.is_refused_by_rule().await, Error::Threshold { signed: 0, .. }));
}

#[tokio::test]
async fn one_changed_byte_of_any_metadata_is_refused() {
    for role in ["snapshot", "targets", &channel_role()] {
        let scene = Scene::new().await;
        // New files, so that none is taken from the store.
        scene.sim.forge(role, |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        });
        let version = scene.sim.signed(role)["version"].clone();
        scene.sim.flip(&format!("metadata/{version}.{role}.json"));
        assert!(matches!(scene.is_refused_for_good().await, Error::WrongHash { .. }), "{role}");
    }
}

// Rollback: old files, honestly signed once, are served again.

#[tokio::test]
async fn an_old_timestamp_is_refused() {
    let scene = Scene::new().await;
    scene.sim.replace(TIMESTAMP, scene.old[TIMESTAMP].clone());
    let rule = scene.is_refused_by_rule().await;
    assert!(matches!(&rule, Error::Rollback { role, .. } if role == "timestamp"), "{rule}");
}

#[tokio::test]
async fn the_whole_old_repository_is_refused() {
    let scene = Scene::new().await;
    scene.sim.serve_instead(scene.old.clone());
    assert!(matches!(scene.is_refused_by_rule().await, Error::Rollback { .. }));
}

#[tokio::test]
async fn a_timestamp_that_names_an_older_snapshot_is_refused() {
    let scene = Scene::new().await;
    let old: Value = serde_json::from_slice(&scene.old[TIMESTAMP]).unwrap();
    scene.sim.forge("timestamp", |signed| {
        signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        signed["meta"] = old["signed"]["meta"].clone();
    });
    let rule = scene.is_refused_by_rule().await;
    assert!(matches!(&rule, Error::Rollback { role, .. } if role == "snapshot"), "{rule}");
}

#[tokio::test]
async fn a_snapshot_that_names_older_targets_is_refused() {
    for role in ["targets", &channel_role()] {
        let scene = Scene::new().await;
        // A newer version was seen before; then the snapshot goes back by one.
        let bump = |signed: &mut Value| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        };
        let before = scene.sim.signed("snapshot")["meta"][format!("{role}.json")].clone();
        scene.sim.forge("snapshot", bump);
        scene.sim.forge(role, bump);
        scene.offer().await;
        scene.sim.forge("snapshot", |signed| {
            bump(signed);
            signed["meta"][format!("{role}.json")] = before;
        });
        let rule = scene.is_refused_for_good().await;
        assert!(matches!(&rule, Error::Rollback { role: r, .. } if r == role), "{rule}");
    }
}

#[tokio::test]
async fn a_role_that_the_snapshot_no_longer_lists_is_refused() {
    let scene = Scene::new().await;
    let role = channel_role();
    scene.sim.forge("snapshot", |signed| {
        signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        signed["meta"].as_object_mut().unwrap().remove(&format!("{role}.json"));
    });
    assert!(matches!(scene.is_refused_for_good().await, Error::Dropped { .. }));
}

#[tokio::test]
async fn a_root_of_another_version_than_its_name_is_refused() {
    for version in [1, 3] {
        let scene = Scene::new().await;
        let mut root = scene.sim.signed("root");
        root["version"] = json!(version);
        scene.sim.replace("metadata/2.root.json", sign(&root, &["root"]));
        let rule = scene.is_refused_by_rule().await;
        assert!(matches!(&rule, Error::WrongVersion { expected: 2, .. }), "{rule}");
    }
}

// Mix and match: honest files of different times.

#[tokio::test]
async fn files_of_different_times_do_not_mix() {
    for role in ["snapshot", &channel_role()] {
        let mut scene = Scene::new().await;
        scene.sim.publish("1.2.0", &good("1.2.0"));
        scene.is_honest_so_far();
        // The new name with the old bytes.
        let version = scene.sim.signed(role)["version"].as_u64().unwrap();
        let mixed = with_old(scene.sim.served(), &scene.old, role);
        let newest_old = mixed.keys().filter(|path| path.ends_with(&format!(".{role}.json"))).max();
        let bytes = mixed[newest_old.unwrap()].clone();
        scene.sim.replace(&format!("metadata/{version}.{role}.json"), bytes);
        let rule = scene.is_refused_by_rule().await;
        assert!(matches!(rule, Error::WrongHash { .. } | Error::WrongLength { .. }), "{rule}");
    }
}

// Freeze: nothing new is ever served.

#[tokio::test]
async fn a_mirror_that_stands_still_is_noticed_when_the_timestamp_expires() {
    let scene = Scene::new().await;
    scene.sim.pass_days(31);
    let rule = scene.is_refused_by_rule().await;
    assert!(matches!(&rule, Error::Expired { role, .. } if role == "timestamp"), "{rule}");
}

#[tokio::test]
async fn a_mirror_that_stands_still_is_told_long_before_anything_expires() {
    let scene = Scene::new().await;
    for (days, told) in [(13, None), (1, Some(14)), (7, Some(21))] {
        scene.sim.pass_days(days);
        let mut stale = None;
        let mut progress = |event| {
            if let Event::Stale { days, .. } = event {
                stale = Some(days);
            }
        };
        scene.updater().check_with(&mut progress).await.unwrap();
        assert_eq!(stale, told);
        assert_eq!(scene.updater().stale_days(), told);
    }
    // Somebody who also answers nothing is told of too, and never let pass.
    scene.sim.trouble(TIMESTAMP, Trouble::Status(404));
    scene.sim.pass_days(30);
    let mut stale = None;
    let mut progress = |event| {
        if let Event::Stale { days, .. } = event {
            stale = Some(days);
        }
    };
    scene.updater().check_with(&mut progress).await.unwrap_err();
    assert_eq!(stale, Some(51));
    scene.sim.heal();
    let error = scene.attempt().await.unwrap_err();
    assert!(error.advice().contains("publisher"), "{}", error.advice());
    scene.honest_update_works().await;
    assert_eq!(scene.updater().stale_days(), None);
}

#[tokio::test]
async fn a_frozen_snapshot_is_noticed_behind_a_fresh_timestamp() {
    let scene = Scene::new().await;
    scene.sim.pass_days(100);
    let far = scene.sim.now().plus_days(30).to_string();
    scene.sim.forge("timestamp", |signed| {
        signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        signed["expires"] = json!(far);
    });
    let rule = scene.is_refused_for_good().await;
    assert!(matches!(&rule, Error::Expired { role, .. } if role == "snapshot"), "{rule}");
}

// Keys.

#[tokio::test]
async fn one_signature_of_two_needed_is_refused_however_often_it_stands_there() {
    for keys in [&["timestamp"][..], &["timestamp", "timestamp"]] {
        let scene = Scene::new().await;
        scene.sim.next_root(&["root"], |root| {
            let second = key("second");
            let id = second.id().to_string();
            root["keys"][&id] = serde_json::to_value(second.public()).unwrap();
            root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push(json!(id));
            root["roles"]["timestamp"]["threshold"] = json!(2);
        });
        scene.sim.forge_signed_by("timestamp", keys, |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        });
        let rule = scene.is_refused_for_good().await;
        let refused = matches!(
            rule,
            Error::Threshold { signed: 1, needed: 2, .. } | Error::DuplicateSignature { .. }
        );
        assert!(refused, "{rule}");
    }
}

#[tokio::test]
async fn a_root_that_only_its_new_keys_signed_is_refused() {
    let scene = Scene::new().await;
    scene.sim.next_root(&["stranger"], |root| {
        let stranger = key("stranger");
        let id = stranger.id().to_string();
        root["keys"][&id] = serde_json::to_value(stranger.public()).unwrap();
        root["roles"]["root"]["keyids"] = json!([id]);
    });
    let rule = scene.is_refused_by_rule().await;
    assert!(matches!(&rule, Error::Threshold { role, .. } if role == "root"), "{rule}");
}

#[tokio::test]
async fn a_revoked_key_signs_nothing_any_more_and_its_fast_forward_is_forgotten() {
    let scene = Scene::new().await;
    // The thief of the timestamp key pushes the version as far as it goes.
    let huge = i64::from(i32::MAX);
    scene.sim.forge("timestamp", |signed| signed["version"] = json!(huge));
    scene.offer().await;

    scene.sim.next_root(&["root"], |root| {
        let fresh = key("fresh");
        let id = fresh.id().to_string();
        root["keys"][&id] = serde_json::to_value(fresh.public()).unwrap();
        root["roles"]["timestamp"]["keyids"] = json!([id]);
    });
    let rule = scene.is_refused_for_good().await;
    assert!(matches!(&rule, Error::Threshold { role, .. } if role == "timestamp"), "{rule}");

    scene.sim.forge_signed_by("timestamp", &["fresh"], |signed| signed["version"] = json!(9));
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn an_endless_chain_of_roots_comes_to_an_end() {
    let scene = Scene::new().await;
    for _ in 0..300 {
        scene.sim.next_root(&["root"], |_| {});
    }
    scene.sim.asked();
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    let roots = scene.sim.asked().iter().filter(|a| a.path.ends_with(".root.json")).count();
    assert!(roots <= 257, "{roots} roots were asked for");
}

// Malformed on purpose.

#[tokio::test]
async fn metadata_that_parsers_read_differently_is_refused() {
    let scene = Scene::new().await;
    let honest = String::from_utf8(scene.sim.served()[TIMESTAMP].clone()).unwrap();
    let deep = format!("{{\"signed\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let bad = [
        honest.replacen("{\"signed\"", "{\"signed\":{},\"signed\"", 1),
        format!("\u{feff}{honest}"),
        honest.replacen("\"version\":", "\"version\":1.0,\"was\":", 1),
        honest.replacen("\"version\":", "\"version\":18446744073709551616,\"was\":", 1),
        deep,
        String::new(),
        "null".to_owned(),
    ];
    for bytes in bad {
        assert_ne!(bytes, honest);
        scene.sim.replace(TIMESTAMP, bytes.clone());
        let error = scene.attempt().await.unwrap_err();
        let shown = &bytes[..bytes.len().min(80)];
        assert!(error.exit_code() == 4 || error.exit_code() == 5, "{shown}: {error:?}");
        scene.is_unharmed();
    }
    scene.honest_update_works().await;
}
