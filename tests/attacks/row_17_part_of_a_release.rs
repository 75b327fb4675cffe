//! Some of the files of a release cannot be had, or lead nowhere.

use exuvia::{Check, Error};
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::paths;

#[tokio::test]
async fn when_one_of_the_payloads_cannot_be_had_nothing_is_installed() {
    let mut scene = Scene::under_attack().await;
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

#[tokio::test]
async fn a_failed_delta_is_remembered_and_not_downloaded_again() {
    let scene = Scene::under_attack().await;
    let delta = scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]);
    scene.sim.forge_delta(&delta);
    scene.home.stage(&scene.sim).await.unwrap().0.skip().unwrap();
    scene.is_unharmed();
    scene.sim.asked();
    let updater = scene.updater().asked_by_user(true);
    let Check::Offer(_) = updater.check().await.unwrap() else { panic!("no offer") };
    scene.arrives_with(&updater).await;
    let asked = scene.sim.asked();
    assert!(!paths(&asked).iter().any(|path| path.ends_with(".delta")), "{asked:?}");
    assert_eq!(scene.home.installed(), expected(&good("1.1.0")));
}
