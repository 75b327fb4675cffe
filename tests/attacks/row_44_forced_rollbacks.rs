//! A good version is made to look bad, to have the old one back.

use exuvia::Install;
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};

#[tokio::test]
async fn a_version_that_was_committed_is_never_left_by_itself() {
    let scene = Scene::under_attack().await;
    scene.arrives().await;
    let (install, now) = (Install::open(&scene.home.app()).unwrap(), scene.sim.now());
    install.trial().unwrap().unwrap().confirm(now).unwrap();
    assert_eq!(install.status().unwrap().floors.application.unwrap().to_string(), "1.1.0");
    for _ in 0..5 {
        // It is started and killed.
        let mut child = std::process::Command::new(scene.home.app().join("current/notes"));
        let mut child = child.stdout(std::process::Stdio::null()).spawn().unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        install.recover(now).unwrap();
    }
    assert!(install.trial().unwrap().is_none());
    assert_eq!(scene.home.installed(), expected(&good("1.1.0")));
    scene.settles().await;
}

#[tokio::test]
async fn going_back_by_hand_leads_to_the_recorded_version_once_and_no_further() {
    let scene = Scene::under_attack().await;
    scene.arrives().await;
    let (install, now) = (Install::open(&scene.home.app()).unwrap(), scene.sim.now());
    install.trial().unwrap().unwrap().confirm(now).unwrap();
    install.rollback(now).unwrap();
    assert_eq!(scene.home.installed(), expected(&good("1.0.0")));
    assert!(install.rollback(now).is_err(), "there is nothing before the first version");
    scene.is_unharmed();
}
