//! Old files, honestly signed once, are served again.

use exuvia_core::Error;
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::forge::{channel_role, sign};
use serde_json::{Value, json};

use crate::{TIMESTAMP, bump, forge_facts};

#[tokio::test]
async fn an_old_timestamp_is_refused() {
    let scene = Scene::under_attack().await;
    scene.sim.replace(TIMESTAMP, scene.old[TIMESTAMP].clone());
    let rule = scene.is_refused_by_rule().await;
    assert!(matches!(&rule, Error::Rollback { role, .. } if role == "timestamp"), "{rule}");
}

#[tokio::test]
async fn the_whole_old_repository_is_refused() {
    let scene = Scene::under_attack().await;
    scene.sim.serve_instead(scene.old.clone());
    assert!(matches!(scene.is_refused_by_rule().await, Error::Rollback { .. }));
}

#[tokio::test]
async fn a_timestamp_that_names_an_older_snapshot_is_refused() {
    let scene = Scene::under_attack().await;
    let old: Value = serde_json::from_slice(&scene.old[TIMESTAMP]).unwrap();
    scene.sim.forge("timestamp", |signed| {
        bump(signed);
        signed["meta"] = old["signed"]["meta"].clone();
    });
    let rule = scene.is_refused_until_keys_change().await;
    assert!(matches!(&rule, Error::Rollback { role, .. } if role == "snapshot"), "{rule}");
}

#[tokio::test]
async fn a_snapshot_that_names_older_targets_is_refused() {
    for role in ["targets", &channel_role()] {
        let scene = Scene::under_attack().await;
        // A newer version was seen before; then the snapshot goes back by one.
        let before = scene.sim.signed("snapshot")["meta"][format!("{role}.json")].clone();
        scene.sim.forge("snapshot", bump);
        scene.sim.forge(role, bump);
        scene.offer().await;
        scene.sim.forge("snapshot", |signed| {
            bump(signed);
            signed["meta"][format!("{role}.json")] = before;
        });
        let rule = scene.is_refused_until_keys_change().await;
        assert!(matches!(&rule, Error::Rollback { role: r, .. } if r == role), "{rule}");
    }
}

#[tokio::test]
async fn a_role_that_the_snapshot_no_longer_lists_is_refused() {
    let scene = Scene::under_attack().await;
    let role = channel_role();
    scene.sim.forge("snapshot", |signed| {
        bump(signed);
        signed["meta"].as_object_mut().unwrap().remove(&format!("{role}.json"));
    });
    assert!(matches!(scene.is_refused_until_keys_change().await, Error::Dropped { .. }));
}

#[tokio::test]
async fn a_root_of_another_version_than_its_name_is_refused() {
    for version in [1, 3] {
        let scene = Scene::under_attack().await;
        let mut root = scene.sim.signed("root");
        root["version"] = json!(version);
        scene.sim.replace("metadata/2.root.json", sign(&root, &["root"]));
        let rule = scene.is_refused_by_rule().await;
        assert!(matches!(&rule, Error::WrongVersion { expected: 2, .. }), "{rule}");
    }
}

#[tokio::test]
async fn a_signed_lower_version_of_the_application_is_no_update() {
    let scene = Scene::under_attack().await;
    forge_facts(&scene, |facts| facts["version"] = json!("0.9.0"));
    scene.finds_nothing_until_keys_change().await;
}

#[tokio::test]
async fn deleting_what_the_updater_remembers_opens_no_way_back() {
    let mut scene = Scene::under_attack().await;
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    let updater = scene.updater();
    let install = updater.installation().unwrap();
    install.trial().unwrap().unwrap().confirm(scene.sim.now()).unwrap();
    for folder in ["state", "cache"] {
        std::fs::remove_dir_all(scene.home.path().join(folder)).unwrap();
    }
    scene.sim.serve_instead(scene.old.clone());
    let found = scene.attempt().await;
    assert!(!matches!(found, Ok(Some(_))), "{found:?}");
    assert_eq!(scene.home.installed(), expected(&good("1.1.0")));
    scene.sim.publish("1.2.0", &good("1.2.0"));
    scene.is_honest_so_far();
    scene.honest_update_works().await;
}
