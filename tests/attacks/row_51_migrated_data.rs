//! The new version has changed the user's data, and then the old one is back.

use exuvia::Install;
use exuvia_tests::home::things;
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn the_users_data_is_touched_neither_forwards_nor_backwards() {
    let scene = Scene::under_attack().await;
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("notes.db"), "schema 1").unwrap();
    scene.arrives().await;
    std::fs::write(data.path().join("notes.db"), "schema 2").unwrap();
    let migrated = things(data.path());
    let install = Install::open(&scene.home.app()).unwrap();
    install.trial().unwrap().unwrap().revert("it crashed", scene.sim.now()).unwrap();
    assert_eq!(things(data.path()), migrated);
    scene.is_unharmed();
}

#[tokio::test]
async fn a_release_may_forbid_the_way_back_to_what_cannot_read_its_data() {
    let mut scene = Scene::under_attack().await;
    scene.sim.publish_with("1.2.0", &exuvia_tests::scene::good("1.2.0"), |facts| {
        facts.safe_from = Some("1.2.0".parse().unwrap());
    });
    scene.is_honest_so_far();
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.2.0"));
    let (install, now) = (Install::open(&scene.home.app()).unwrap(), scene.sim.now());
    install.trial().unwrap().unwrap().confirm(now).unwrap();
    let refused = install.rollback(now).unwrap_err();
    assert!(refused.to_string().contains("1.2.0"), "{refused}");
    scene.settles().await;
}
