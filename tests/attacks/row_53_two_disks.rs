//! State, cache and installation on different file systems.

use std::os::unix::fs::MetadataExt;

use exuvia_tests::scene::Scene;

#[tokio::test]
async fn what_is_downloaded_to_another_disk_arrives() {
    let scene = Scene::under_attack().await;
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: needs /dev/shm");
        return scene.arrives().await;
    };
    if elsewhere.path().metadata().unwrap().dev() == scene.home.path().metadata().unwrap().dev() {
        println!("skipped: needs /dev/shm apart from the rest");
        return scene.arrives().await;
    }
    let builder = scene.builder_of(&[&scene.mirror()]);
    let builder = builder.cache_dir(elsewhere.path().join("cache"));
    let updater = builder.state_dir(elsewhere.path().join("state")).build().unwrap();
    scene.arrives_with(&updater).await;
    let versions = scene.home.app().join("versions/1.1.0").metadata().unwrap();
    assert_eq!(versions.dev(), scene.home.app().metadata().unwrap().dev());
}
