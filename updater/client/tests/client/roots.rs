//! The chain of roots, which the helper walks again from the one that the installation trusts.

use exuvia::Check;

use crate::publisher::World;
use crate::road::offer;

/// The installation trusts the first root; the timestamp's key was exchanged twice since.
async fn world() -> World {
    let mut world = World::new().await;
    world.rotate_timestamp_key(6);
    world.rotate_timestamp_key(7);
    world
}

async fn update(world: &mut World) {
    world.release("1.1.0", &[]);
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    assert_eq!(world.installed_text(), "1.1.0");
}

fn kept(world: &World, name: &str) -> std::path::PathBuf {
    let mut stores = std::fs::read_dir(world.dir.path().join("state/exuvia/notes")).unwrap();
    stores.next().unwrap().unwrap().path().join("metadata").join(name)
}

#[tokio::test]
async fn a_configuration_with_a_newer_root_than_the_installation_updates_it() {
    let mut world = world().await;
    std::fs::remove_dir_all(world.dir.path().join("state")).unwrap();
    world.embed_newest_root();
    update(&mut world).await;
}

#[tokio::test]
async fn a_damaged_or_lost_root_on_the_way_is_fetched_again() {
    for damage in [None, Some("{}")] {
        let mut world = world().await;
        assert!(matches!(world.updater().check().await.unwrap(), Check::UpToDate));
        match damage {
            None => std::fs::remove_file(kept(&world, "2.root.json")).unwrap(),
            Some(text) => std::fs::write(kept(&world, "2.root.json"), text).unwrap(),
        }
        update(&mut world).await;
    }
}

#[tokio::test]
async fn roots_that_are_kept_are_not_asked_for_again() {
    let world = world().await;
    let updater = world.updater();
    updater.check().await.unwrap();
    // The newest one is enough where a root of its number is not.
    std::fs::remove_file(kept(&world, "3.root.json")).unwrap();
    world.mirror.take_log();
    updater.check().await.unwrap();
    assert_eq!(world.mirror.take_paths(), ["metadata/4.root.json", "metadata/timestamp.json"]);
}

#[tokio::test]
async fn no_root_that_was_trusted_can_be_withheld() {
    let mut world = world().await;
    world.embed_newest_root();
    std::fs::remove_dir_all(world.dir.path().join("state")).unwrap();
    world.files.lock().unwrap().remove("metadata/3.root.json");
    let error = world.updater().check().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    assert!(error.to_string().contains("goes back to version 2, after version 3"), "{error}");
}
