//! Attacks by some of several mirrors, by slowness and by sheer amount; and what is left on disk.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use exuvia::{Error, Event, Updater};
use exuvia_core::Error as Rule;
use exuvia_repo::Signer;
use exuvia_tests::home::things;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::forge::{channel_role, sign};
use exuvia_tests::sim::{Front, Sim, Trouble, key};
use serde_json::{Value, json};

const TIMESTAMP: &str = "metadata/timestamp.json";

fn bump(signed: &mut Value) {
    signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
}

// Slow retrieval.

#[tokio::test]
async fn a_mirror_that_sends_byte_by_byte_is_given_up() {
    for path in ["metadata", "targets"] {
        let scene = Scene::new().await;
        scene.sim.refresh();
        let delta = scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]);
        let full = scene.sim.path_of(&["1.1.0-folder.tar.zst"]);
        let slow = if path == "targets" { vec![delta, full] } else { vec![TIMESTAMP.to_owned()] };
        for path in slow {
            scene.sim.trouble(&path, Trouble::Slow(Duration::from_millis(100)));
        }
        let began = Instant::now();
        let error = scene.attempt().await.unwrap_err();
        assert!(matches!(error, Error::Network(_)), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        scene.is_unharmed();
        scene.honest_update_works().await;
    }
}

// One of several mirrors.

#[tokio::test]
async fn a_bad_mirror_beside_a_good_one_costs_a_few_requests() {
    type Badness = fn(&Scene, &Sim);
    let badness: [(&str, Badness); 6] = [
        ("is gone", |_, evil| evil.trouble("metadata/2.root.json", Trouble::Unreachable)),
        ("answers 500", |_, evil| evil.trouble(TIMESTAMP, Trouble::Status(500))),
        ("never ends", |_, evil| evil.trouble(TIMESTAMP, Trouble::Endless)),
        ("flips a byte", |_, evil| evil.flip(TIMESTAMP)),
        ("goes back", |scene, evil| evil.serve_instead(scene.old.clone())),
        ("has no payloads", |_, evil| {
            let served = evil.served();
            evil.serve_instead(
                served.into_iter().filter(|(p, _)| !p.starts_with("targets/")).collect(),
            );
        }),
    ];
    for (what, make_bad) in badness {
        let scene = Scene::new().await;
        scene.sim.refresh();
        let evil = Sim::new();
        evil.serve_instead(scene.sim.served());
        make_bad(&scene, &evil);
        let front = Front::of(&evil);
        let updater = scene.updater_of(&[&front.url(), &scene.mirror()]);
        evil.asked();
        let version = scene.attempt_with(&updater).await.unwrap();
        assert_eq!(version.as_deref(), Some("1.1.0"), "{what}");
        assert!(evil.asked().len() <= 12, "{what}");
    }
}

#[tokio::test]
async fn bad_mirrors_alone_change_nothing() {
    let scene = Scene::new().await;
    let evil = Sim::new();
    evil.serve_instead(scene.old.clone());
    let fronts = [Front::of(&evil), Front::of(&evil)];
    let updater = scene.updater_of(&[&fronts[0].url(), &fronts[1].url()]);
    let error = scene.attempt_with(&updater).await.unwrap_err();
    assert!(matches!(error, Error::Repository(_)), "{error:?}");
    scene.is_unharmed();
    scene.honest_update_works().await;
}

// Amounts and graphs.

#[tokio::test]
async fn sixty_four_megabytes_of_json_are_not_read() {
    for json in ["[".repeat(64 << 20), format!("{{\"a\":\"{}\"}}", "x".repeat(64 << 20))] {
        let scene = Scene::new().await;
        scene.sim.replace(TIMESTAMP, json);
        scene.sim.sent();
        assert!(matches!(scene.attempt().await, Err(Error::Repository(_) | Error::Network(_))));
        let sent = scene.sim.sent();
        assert!(sent < 1 << 20, "{sent} bytes");
        scene.is_unharmed();
        scene.honest_update_works().await;
    }
}

#[tokio::test]
async fn delegations_that_loop_come_to_an_end() {
    let scene = Scene::new().await;
    let channel = key("channel");
    let (role, id) = (channel_role(), channel.id().to_string());
    scene.sim.forge(&role.clone(), |signed| {
        bump(signed);
        signed["delegations"] = json!({
            "keys": {&id: channel.public()},
            "roles": [{"name": role, "keyids": [id], "threshold": 1, "terminating": false, "paths": ["*/*/*"]}],
        });
    });
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn a_search_through_too_many_delegations_is_refused() {
    let scene = Scene::new().await;
    let channel = key("channel");
    let id = channel.id().to_string();
    let names: Vec<String> = (0..80).map(|n| format!("more-{n}")).collect();
    let expires = scene.sim.signed("targets")["expires"].clone();
    for name in &names {
        let empty = json!({"_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": expires, "targets": {}});
        scene.sim.replace(&format!("metadata/1.{name}.json"), sign(&empty, &["channel"]));
    }
    scene.sim.forge("snapshot", |signed| {
        bump(signed);
        for name in &names {
            signed["meta"][format!("{name}.json")] = json!({"version": 1});
        }
    });
    scene.sim.forge(&channel_role(), |signed| {
        bump(signed);
        let role = |name: &String| json!({"name": name, "keyids": [id], "threshold": 1, "terminating": false, "paths": ["*/*/*"]});
        let roles: Vec<_> = names.iter().map(role).collect();
        signed["delegations"] = json!({"keys": {&id: channel.public()}, "roles": roles});
    });
    scene.sim.asked();
    let rule = scene.is_refused_for_good().await;
    assert!(matches!(rule, Rule::TooManyRoles { limit: 64 }), "{rule}");
    assert!(scene.sim.asked().len() <= 64 + 6);
}

// Part of a release.

#[tokio::test]
async fn when_one_of_the_payloads_cannot_be_had_nothing_is_installed() {
    let mut scene = Scene::new().await;
    scene.sim.deltas_from_the_last_only();
    scene.sim.publish("1.2.0", &good("1.2.0"));
    scene.is_honest_so_far();
    scene.sim.drop_file(&scene.sim.path_of(&["1.2.0-folder-from-1.1.0.delta"]));
    scene.sim.drop_file(&scene.sim.path_of(&["1.2.0-folder.tar.zst"]));
    let error = scene.attempt().await.unwrap_err();
    assert!(matches!(error, Error::Repository(_)), "{error:?}");
    scene.is_unharmed();
    scene.honest_update_works().await;
}

// What is kept.

/// Checks, adding what is told to have been mended.
async fn check(updater: &Updater, mended: &mut BTreeSet<String>) -> Result<(), Error> {
    let mut progress = |event| {
        if let Event::Mended { path } = event {
            mended.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    };
    updater.check_with(&mut progress).await.map(drop)
}

#[tokio::test]
async fn whatever_damages_the_store_is_told_and_mended_and_opens_no_way_back() {
    let scene = Scene::new().await;
    scene.sim.next_root(&["root"], |_| {});
    scene.offer().await;
    let state = scene.home.path().join("state");
    let files: Vec<_> = things(&state).into_keys().collect();
    let names =
        ["timestamp.json", "snapshot.json", "targets.json", "root.json", "floors.a", "floors.b"];
    for name in names {
        let file = files.iter().find(|file| file.ends_with(&format!("/{name}"))).unwrap();
        let path = state.join(file);
        for damage in ["cut", "flipped", "directory"] {
            let good = std::fs::read(&path).unwrap();
            match damage {
                "cut" => std::fs::write(&path, &good[..good.len() / 2]).unwrap(),
                "flipped" => {
                    let mut bytes = good.clone();
                    let end = bytes.len() - 10;
                    bytes[end] ^= 2;
                    std::fs::write(&path, bytes).unwrap();
                }
                _ => {
                    std::fs::remove_file(&path).unwrap();
                    std::fs::create_dir(&path).unwrap();
                }
            }
            let mut told = BTreeSet::new();
            let served = scene.sim.served();
            scene.sim.replace(TIMESTAMP, scene.old[TIMESTAMP].clone());
            let back = check(&scene.updater(), &mut told).await.unwrap_err();
            assert!(matches!(back, Error::Repository(_)), "{name} {damage}: {back}");
            scene.sim.serve_instead(served);
            check(&scene.updater(), &mut told).await.unwrap();
            assert_eq!(told, BTreeSet::from([name.to_owned()]), "{name} {damage}");
            assert_eq!(std::fs::read(&path).unwrap(), good, "{name} {damage}");
        }
    }
    let mut told = BTreeSet::new();
    check(&scene.updater(), &mut told).await.unwrap();
    assert_eq!(told, BTreeSet::new());
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
}
