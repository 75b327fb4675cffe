//! The mirror is the attacker's, the keys are not.

use exuvia::RepositoryError;
use exuvia_core::Error;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::forge::channel_role;
use serde_json::json;

use crate::{bump, forge_facts, only_full};

#[tokio::test]
async fn metadata_signed_by_a_stranger_is_refused() {
    for role in ["timestamp", "snapshot", "targets", &channel_role()] {
        let scene = Scene::under_attack().await;
        scene.sim.forge_signed_by(role, &["stranger"], bump);
        let rule = scene.is_refused_until_keys_change().await;
        assert!(
            matches!(&rule, Error::Threshold { role: r, signed: 0, .. } if r == role),
            "{rule}"
        );
    }
}

#[tokio::test]
async fn unsigned_metadata_is_refused() {
    let scene = Scene::under_attack().await;
    scene.sim.forge_signed_by("timestamp", &[], |signed| signed["version"] = json!(1_000));
    assert!(matches!(scene.is_refused_by_rule().await, Error::Threshold { signed: 0, .. }));
}

#[tokio::test]
async fn one_changed_byte_of_any_metadata_is_refused() {
    for role in ["snapshot", "targets", &channel_role()] {
        let scene = Scene::under_attack().await;
        // New files, so that none is taken from the store.
        scene.sim.forge(role, bump);
        let version = scene.sim.signed(role)["version"].clone();
        scene.sim.flip(&format!("metadata/{version}.{role}.json"));
        let rule = scene.is_refused_until_keys_change().await;
        assert!(matches!(rule, Error::WrongHash { .. }), "{role}: {rule}");
    }
}

#[tokio::test]
async fn a_bundle_with_one_changed_byte_is_refused() {
    let scene = Scene::under_attack().await;
    scene.sim.flip(&only_full(&scene));
    let refusal = scene.is_refused().await;
    assert!(matches!(refusal, RepositoryError::WrongPayload { .. }), "{refusal:?}");
}

#[tokio::test]
async fn another_release_in_the_place_of_the_signed_one_is_refused() {
    let scene = Scene::under_attack().await;
    let other = scene.sim.served()[&scene.sim.path_of(&["1.0.0-folder.tar.zst"])].clone();
    scene.sim.replace(&only_full(&scene), other);
    let refusal = scene.is_refused().await;
    assert!(
        matches!(refusal, RepositoryError::WrongPayload { .. } | RepositoryError::TooLong { .. }),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_bundle_that_is_not_what_the_facts_say_is_refused_by_the_helper_too() {
    for field in ["digest", "length", "files"] {
        let scene = Scene::under_attack().await;
        forge_facts(&scene, |facts| {
            facts["bundle"][field] = match field {
                "digest" => json!("00".repeat(32)),
                _ => json!(facts["bundle"][field].as_u64().unwrap() - 1),
            };
        });
        let found = scene.attempt().await;
        assert!(!matches!(found, Ok(Some(_))), "{field}: {found:?}");
        scene.is_unharmed();
        assert!(!scene.home.app().join("versions/1.1.0").exists(), "{field}");
        scene.new_keys_work().await;
    }
}
