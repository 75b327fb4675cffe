//! What is signed is for somebody else.

use exuvia::Check;
use exuvia_tests::scene::Scene;
use serde_json::json;

use crate::forge_facts;

#[tokio::test]
async fn a_release_of_another_app_platform_channel_or_kind_is_nobodys_update() {
    let others =
        [("app", "calc"), ("platform", "haiku-riscv64"), ("channel", "beta"), ("kind", "appimage")];
    for (field, value) in others {
        let scene = Scene::under_attack().await;
        forge_facts(&scene, |facts| facts[field] = json!(value));
        let found = scene.attempt().await;
        assert!(!matches!(found, Ok(Some(_))), "{field}: {found:?}");
        scene.is_unharmed();
        scene.new_keys_work().await;
    }
}

#[tokio::test]
async fn facts_that_must_be_understood_and_are_not_hold_the_release_back() {
    let scene = Scene::under_attack().await;
    forge_facts(&scene, |facts| {
        facts["crit"] = json!(["quantum"]);
        facts["quantum"] = json!(true);
    });
    let check = scene.updater().check().await.unwrap();
    let Check::Held(held) = check else { panic!("{check:?}") };
    assert!(held.to_string().contains("quantum"), "{held}");
    scene.finds_nothing_until_keys_change().await;
}
