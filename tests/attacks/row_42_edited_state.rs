//! Local state is deleted or put back to what it was, to make an old release look new.
//! `damaged_state` tries every file.

use exuvia_tests::home::{expected, things};
use exuvia_tests::scene::{Scene, good};

#[tokio::test]
async fn deleted_or_old_state_brings_no_old_release_back() {
    for put_back in [true, false] {
        let scene = Scene::under_attack().await;
        let before = scene.home.save();
        scene.arrives().await;
        let install = exuvia::Install::open(&scene.home.app()).unwrap();
        install.trial().unwrap().unwrap().confirm(scene.sim.now()).unwrap();
        scene.home.forget_metadata();
        if put_back {
            let copied = std::process::Command::new("cp");
            copy(copied, &before.path().join("state"), scene.home.path());
        }
        // The floor of what is installed stands.
        scene.sim.serve_instead(scene.old.clone());
        let attempt = scene.attempt().await;
        assert!(attempt.as_ref().map_or(true, Option::is_none), "{attempt:?}");
        assert_eq!(scene.home.installed(), expected(&good("1.1.0")));
        assert!(!things(&scene.home.app()).contains_key(".exuvia/trial-0"));
        scene.settles().await;
    }
}

fn copy(mut copy: std::process::Command, from: &std::path::Path, to: &std::path::Path) {
    assert!(copy.arg("-a").arg(from).arg(to).status().unwrap().success());
}
