//! Nothing new is ever served.

use exuvia::Event;
use exuvia_core::Error;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::Trouble;
use serde_json::json;

use crate::{TIMESTAMP, bump};

#[tokio::test]
async fn a_mirror_that_stands_still_is_noticed_when_the_timestamp_expires() {
    let scene = Scene::under_attack().await;
    scene.sim.pass_days(31);
    let rule = scene.is_refused_by_rule().await;
    assert!(matches!(&rule, Error::Expired { role, .. } if role == "timestamp"), "{rule}");
}

#[tokio::test]
async fn a_mirror_that_stands_still_is_told_long_before_anything_expires() {
    let scene = Scene::under_attack().await;
    for (days, told) in [(13, None), (1, Some(14)), (7, Some(21))] {
        scene.sim.pass_days(days);
        assert_eq!(stale_days(&scene).await, told);
        assert_eq!(scene.updater().stale_days(), told);
    }
    // Somebody who also answers nothing is told of too, and never let pass.
    scene.sim.trouble(TIMESTAMP, Trouble::Status(404));
    scene.sim.pass_days(30);
    assert_eq!(stale_days(&scene).await, Some(51));
    scene.sim.heal();
    let error = scene.attempt().await.unwrap_err();
    assert!(error.advice().contains("publisher"), "{}", error.advice());
    scene.is_unharmed();
    scene.honest_update_works().await;
    assert_eq!(scene.updater().stale_days(), None);
}

/// What a check, whatever its end, says of the repository's silence.
async fn stale_days(scene: &Scene) -> Option<u32> {
    let mut stale = None;
    let mut progress = |event| {
        if let Event::Stale { days, .. } = event {
            stale = Some(days);
        }
    };
    let _ = scene.updater().check_with(&mut progress).await;
    stale
}

#[tokio::test]
async fn a_frozen_snapshot_is_noticed_behind_a_fresh_timestamp() {
    let scene = Scene::under_attack().await;
    scene.sim.pass_days(100);
    let far = scene.sim.now().plus_days(30).to_string();
    scene.sim.forge("timestamp", |signed| {
        bump(signed);
        signed["expires"] = json!(far);
    });
    let rule = scene.is_refused_until_keys_change().await;
    assert!(matches!(&rule, Error::Expired { role, .. } if role == "snapshot"), "{rule}");
}
