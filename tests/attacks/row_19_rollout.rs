//! Rollouts: somebody edits the identity of an installation, or stole the rollout key.

use std::collections::BTreeSet;

use exuvia_core::release::Gated;
use exuvia_core::rollout::Pace;
use exuvia_tests::home::things;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::Trouble;
use exuvia_tests::sim::forge::channel_role;
use serde_json::{Value, json};

use crate::bump;

/// 1.2.0 is published beside 1.1.0, and gated for 14 days at this pace.
async fn gated(pace: Pace) -> Scene {
    let mut scene = Scene::under_attack().await;
    let gated = Some(Gated { max_days: 14 });
    scene.sim.publish_with("1.2.0", &good("1.2.0"), |facts| facts.gated = gated);
    scene.sim.roll_out("1.2.0", pace);
    scene.is_honest_so_far();
    scene
}

const ALL: Pace = Pace { percent: 100, paused: false };

/// What is offered now: the gated release, or the one before it.
async fn offered(scene: &Scene) -> String {
    let version = scene.offer().await.version().to_string();
    assert!(["1.1.0", "1.2.0"].contains(&&*version), "{version}");
    version
}

#[tokio::test]
async fn an_edited_identity_chooses_when_a_release_comes_and_nothing_else() {
    let scene = gated(Pace { percent: 50, paused: false }).await;
    offered(&scene).await;
    let state = scene.home.path().join("state");
    let files = things(&state).into_keys();
    let file = state.join(files.into_iter().find(|path| path.ends_with("/install-id")).unwrap());
    let honest = std::fs::read_to_string(&file).unwrap();
    let mut seen = BTreeSet::new();
    for number in 0..20 {
        // Not ours: a record is only taken with its checksum, so that it is another one each time.
        std::fs::write(&file, honest.replacen(['0', '7'], &number.to_string(), 1)).unwrap();
        seen.insert(offered(&scene).await);
        std::fs::remove_file(&file).unwrap();
        seen.insert(offered(&scene).await);
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    // No identity gets past a pause.
    scene.sim.roll_out("1.2.0", Pace { percent: 100, paused: true });
    for _ in 0..10 {
        std::fs::remove_file(&file).unwrap();
        assert_eq!(offered(&scene).await, "1.1.0");
    }
    scene.sim.roll_out("1.2.0", ALL);
    scene.arrives().await;
}

#[tokio::test]
async fn a_stolen_rollout_key_delays_a_gated_release_by_its_days() {
    type Theft = fn(&mut Value);
    let thefts: [(&str, Theft); 4] = [
        ("pauses", |facts| facts["releases"][0]["paused"] = json!(true)),
        ("forgets it", |facts| facts["releases"] = json!([])),
        ("says nonsense", |facts| *facts = json!("never")),
        ("says too much", |facts| facts["releases"][0]["percent"] = json!(101)),
    ];
    for (what, theft) in thefts {
        let scene = gated(ALL).await;
        assert_eq!(offered(&scene).await, "1.2.0");
        scene.sim.forge("rollout", |signed| {
            bump(signed);
            theft(&mut signed["targets"]["rollout/stable"]["custom"]["exuvia"]);
        });
        assert_eq!(offered(&scene).await, "1.1.0", "{what}");
        scene.sim.pass_days(13);
        assert_eq!(offered(&scene).await, "1.1.0", "{what}");
        scene.sim.pass_days(2);
        scene.arrives().await;
    }
}

#[tokio::test]
async fn a_stolen_rollout_key_releases_nothing_and_exhausts_nobody() {
    let scene = gated(ALL).await;
    let listed = scene.sim.signed(&channel_role())["targets"].clone();
    scene.sim.forge("rollout", |signed| {
        bump(signed);
        for (path, target) in listed.as_object().unwrap() {
            let (mut target, name) = (target.clone(), path.replace("1.2.0", "6.6.6"));
            target["custom"]["exuvia"]["version"] = json!("6.6.6");
            signed["targets"][format!("rollout/{}", name.replace('/', "-"))] = target.clone();
            signed["targets"][name] = target;
        }
    });
    assert_eq!(offered(&scene).await, "1.2.0");
    // What cannot be read holds back, and is no error.
    scene.sim.forge("rollout", bump);
    let version = scene.sim.signed("rollout")["version"].clone();
    scene.sim.trouble(&format!("metadata/{version}.rollout.json"), Trouble::Endless);
    assert_eq!(offered(&scene).await, "1.1.0");
    scene.is_unharmed();
    scene.new_keys_work().await;
}
