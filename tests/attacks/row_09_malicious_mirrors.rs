//! Some or all mirrors are an attacker's.

use exuvia::Error;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::{Front, Sim, Trouble};

use crate::TIMESTAMP;

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
        let scene = Scene::under_attack().await;
        scene.sim.refresh();
        let evil = Sim::new();
        evil.serve_instead(scene.sim.served());
        make_bad(&scene, &evil);
        let front = Front::of(&evil);
        let updater = scene.updater_of(&[&front.url(), &scene.mirror()]);
        evil.asked();
        scene.arrives_with(&updater).await;
        assert!(evil.asked().len() <= 12, "{what}");
    }
}

#[tokio::test]
async fn bad_mirrors_alone_change_nothing() {
    let scene = Scene::under_attack().await;
    let evil = Sim::new();
    evil.serve_instead(scene.old.clone());
    let fronts = [Front::of(&evil), Front::of(&evil)];
    let updater = scene.updater_of(&[&fronts[0].url(), &fronts[1].url()]);
    let error = scene.attempt_with(&updater).await.unwrap_err();
    assert!(matches!(error, Error::Repository(_)), "{error:?}");
    scene.is_unharmed();
    scene.honest_update_works().await;
}
