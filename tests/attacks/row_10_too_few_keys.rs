//! Fewer keys were stolen than must sign.

use exuvia_core::Error;
use exuvia_repo::Signer;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::key;
use serde_json::{Value, json};

use crate::{TIMESTAMP, add_key, bump, public};

#[tokio::test]
async fn one_signature_of_two_needed_is_refused_however_often_it_stands_there() {
    for keys in [&["timestamp"][..], &["timestamp", "timestamp"]] {
        let scene = Scene::under_attack().await;
        scene.sim.next_root(&["root"], |root| {
            let id = add_key(root, "second");
            root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push(json!(id));
            root["roles"]["timestamp"]["threshold"] = json!(2);
        });
        scene.sim.forge_signed_by("timestamp", keys, bump);
        let rule = scene.is_refused_until_keys_change().await;
        let refused = matches!(
            rule,
            Error::Threshold { signed: 1, needed: 2, .. } | Error::DuplicateSignature { .. }
        );
        assert!(refused, "{rule}");
    }
}

#[tokio::test]
async fn one_key_under_two_ids_is_one_key() {
    let scene = Scene::under_attack().await;
    scene.sim.next_root(&["root"], |root| {
        root["keys"]["alias"] = public("timestamp");
        root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push(json!("alias"));
        root["roles"]["timestamp"]["threshold"] = json!(2);
    });
    scene.sim.forge("timestamp", bump);
    let mut twice: Value = serde_json::from_slice(&scene.sim.served()[TIMESTAMP]).unwrap();
    let mut again = twice["signatures"][0].clone();
    again["keyid"] = json!("alias");
    twice["signatures"].as_array_mut().unwrap().push(again);
    scene.sim.replace(TIMESTAMP, twice.to_string());
    let rule = scene.is_refused_until_keys_change().await;
    assert!(matches!(rule, Error::Threshold { signed: 1, needed: 2, .. }), "{rule}");
}

#[tokio::test]
async fn one_id_listed_twice_is_one_key() {
    let scene = Scene::under_attack().await;
    scene.sim.next_root(&["root"], |root| {
        let id = key("timestamp").id().to_string();
        root["roles"]["timestamp"]["keyids"] = json!([id, id]);
        root["roles"]["timestamp"]["threshold"] = json!(2);
    });
    scene.sim.forge("timestamp", bump);
    let rule = scene.refuses().await;
    assert!(matches!(rule, Error::Threshold { needed: 2, .. }), "{rule}");
    scene.new_keys_work().await;
}
