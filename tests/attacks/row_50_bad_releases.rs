//! The new version does not start. `bad_releases` has fifteen kinds, with real processes.

use exuvia::{Error, Install};
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::app_tree;

#[tokio::test]
async fn a_version_that_does_not_start_never_replaces_the_one_that_does() {
    for script in ["#!/bin/sh\nexit 1\n", "#!/nowhere\n", "\u{7f}ELF", "#!/bin/sh\nkill -9 $$\n"] {
        let scene = Scene::under_attack().await;
        scene.sim.publish("1.2.0", &app_tree("1.2.0", script));
        let error = scene.attempt().await.unwrap_err();
        assert!(matches!(error, Error::Repository(_)), "{script:?}: {error:?}");
        scene.is_unharmed();
        // It is not tried again; the release before it is.
        assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"), "{script:?}");
        scene.settles().await;
    }
}

#[tokio::test]
async fn a_version_that_fails_its_trial_is_left() {
    let scene = Scene::under_attack().await;
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    let install = Install::open(&scene.home.app()).unwrap();
    install.trial().unwrap().unwrap().revert("it crashed", scene.sim.now()).unwrap();
    scene.is_unharmed();
    assert_eq!(scene.attempt().await.unwrap(), None, "it is not offered again");
    scene.is_unharmed();
    scene.sim.publish("1.2.0", &exuvia_tests::scene::good("1.2.0"));
    scene.arrives().await;
}
