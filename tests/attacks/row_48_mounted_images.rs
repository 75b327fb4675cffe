//! The application runs from an image that is mounted somewhere: that is not where it is installed.
//! `kept_elsewhere` has a disk that is mounted read-only.

use exuvia::{Check, Error, LocalError};
use exuvia_tests::home::things;
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn what_lies_in_a_mount_is_not_taken_for_an_installation_and_not_written_to() {
    let scene = Scene::under_attack().await;
    let mount = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-aL"])
        .arg(scene.home.app().join("current"))
        .arg(mount.path().join("usr"))
        .status();
    assert!(copied.unwrap().success());
    let before = things(mount.path());
    let builder = scene.builder_of(&[&scene.mirror()]).current_version("1.0.0");
    let updater = builder.install(mount.path().join("usr/notes")).build().unwrap();
    let Check::Offer(offer) = updater.check().await.unwrap() else { panic!("a check is possible") };
    let error = offer.download(&mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Local(LocalError::NotInstalled { .. })), "{error:?}");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(things(mount.path()), before);
    scene.is_unharmed();
    scene.settles().await;
}
