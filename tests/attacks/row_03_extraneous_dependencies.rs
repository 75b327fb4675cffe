//! More is listed than concerns this application.

use exuvia_repo::Signer;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::forge::{channel_role, sign};
use exuvia_tests::sim::{key, paths};
use serde_json::json;

use crate::{bump, public};

#[tokio::test]
async fn only_what_concerns_this_installation_is_fetched() {
    let scene = Scene::under_attack().await;
    scene.sim.add_platform("haiku-riscv64");
    scene.sim.asked();
    scene.arrives().await;
    let asked = scene.sim.asked();
    let asked = paths(&asked);
    assert!(!asked.iter().any(|path| path.contains("haiku")), "{asked:?}");
    let targets = asked.iter().filter(|path| path.starts_with("targets/")).count();
    assert_eq!(targets, 1, "{asked:?}");
}

#[tokio::test]
async fn more_targets_and_delegations_in_the_channels_own_role_are_not_fetched() {
    let scene = Scene::under_attack().await;
    let expires = scene.sim.signed("targets")["expires"].clone();
    let id = key("channel").id().to_string();
    let empty = json!({"_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": expires, "targets": {}});
    scene.sim.replace("metadata/1.more.json", sign(&empty, &["channel"]));
    scene.sim.forge("snapshot", |signed| {
        bump(signed);
        signed["meta"]["more.json"] = json!({"version": 1});
    });
    scene.sim.forge(&channel_role(), |signed| {
        bump(signed);
        let targets = signed["targets"].as_object_mut().unwrap();
        let (path, full) = targets.iter().find(|(p, _)| p.ends_with("1.1.0-folder.tar.zst")).unwrap();
        let (folder, mut extra) = (path.rsplit_once('/').unwrap().0.to_owned(), full.clone());
        extra["custom"] = json!({"depends": "everything"});
        targets.insert(format!("{folder}/plugin.tar.zst"), extra.clone());
        targets.insert("elsewhere/plugin.tar.zst".to_owned(), extra);
        signed["delegations"] = json!({
            "keys": {&id: public("channel")},
            "roles": [{"name": "more", "keyids": [id], "threshold": 1, "terminating": false, "paths": ["elsewhere/*"]}],
        });
    });
    scene.sim.asked();
    scene.arrives().await;
    let asked = scene.sim.asked();
    let asked = paths(&asked);
    assert!(!asked.iter().any(|p| p.contains("plugin") || p.contains("more.json")), "{asked:?}");
}
