//! Enough keys were stolen, and are revoked since.

use exuvia_core::Error;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::forge::channel_role;
use serde_json::json;

use crate::{add_key, bump};

#[tokio::test]
async fn a_revoked_timestamp_key_signs_nothing_any_more_and_its_fast_forward_is_forgotten() {
    let scene = Scene::under_attack().await;
    // The thief pushes the version as far as it goes.
    let huge = i64::from(i32::MAX);
    scene.sim.forge("timestamp", |signed| signed["version"] = json!(huge));
    scene.offer().await;

    scene.sim.next_root(&["root"], |root| {
        let id = add_key(root, "fresh");
        root["roles"]["timestamp"]["keyids"] = json!([id]);
    });
    let rule = scene.refuses().await;
    assert!(matches!(&rule, Error::Threshold { role, .. } if role == "timestamp"), "{rule}");

    scene.sim.forge_signed_by("timestamp", &["fresh"], |signed| signed["version"] = json!(9));
    scene.arrives().await;
}

#[tokio::test]
async fn a_revoked_channel_key_releases_nothing_any_more() {
    let scene = Scene::under_attack().await;
    let role = channel_role();
    scene.sim.forge("targets", |signed| {
        bump(signed);
        let id = add_key(&mut signed["delegations"], "fresh");
        let roles = signed["delegations"]["roles"].as_array_mut().unwrap();
        let delegated = roles.iter_mut().find(|delegated| delegated["name"] == json!(role));
        delegated.unwrap()["keyids"] = json!([id]);
    });
    let rule = scene.is_refused_until_keys_change().await;
    assert!(matches!(&rule, Error::Threshold { role: r, signed: 0, .. } if *r == role), "{rule}");
}

#[tokio::test]
async fn a_root_that_only_its_new_keys_or_only_the_old_ones_signed_is_refused() {
    for signer in ["stranger", "root"] {
        let scene = Scene::under_attack().await;
        scene.sim.next_root(&[signer], |root| {
            let id = add_key(root, "stranger");
            root["roles"]["root"]["keyids"] = json!([id]);
        });
        let rule = scene.is_refused_by_rule().await;
        assert!(matches!(&rule, Error::Threshold { role, .. } if role == "root"), "{rule}");
    }
}
