//! Routes that lead nowhere.

use exuvia::{Event, RouteKind};

use crate::publisher::World;
use crate::road::offer;

/// Walks the road and tells which routes failed on the way and which one led there.
async fn walk(world: &World) -> (Vec<RouteKind>, Option<RouteKind>) {
    let mut failed = Vec::new();
    let mut progress = |event: Event| {
        if let Event::RouteFailed { route, .. } = event {
            failed.push(route);
        }
    };
    let payloads = offer(&world.updater()).await.download(&mut progress).await.unwrap();
    let staged = payloads.stage_with(&mut progress).await.unwrap();
    let route = staged.route();
    staged.apply_now().unwrap();
    (failed, route)
}

#[tokio::test]
async fn a_delta_that_no_mirror_serves_as_signed_gives_way_to_the_full_bundle() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let delta = world.paths(".delta").remove(0);
    world.damage(&delta);
    assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Full)));
    assert_eq!(world.installed_text(), "1.1.0");
}

#[tokio::test]
async fn a_delta_that_is_gone_gives_way_to_the_full_bundle() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let delta = world.paths(".delta").remove(0);
    world.files.lock().unwrap().remove(&delta);
    assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Full)));
}

#[tokio::test]
async fn a_file_altered_here_makes_the_delta_give_way_and_is_remembered() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let altered = world.app_dir().join("current/data/large.bin");
    let mut bytes = std::fs::read(&altered).unwrap();
    bytes[77] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    assert_eq!(offer(&world.updater()).await.route(), RouteKind::Delta);
    assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Full)));
    assert_eq!(world.installed_text(), "1.1.0");
}

#[tokio::test]
async fn a_lost_manifest_makes_the_delta_give_way() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    for manifest in std::fs::read_dir(world.app_dir().join(".exuvia/manifests")).unwrap() {
        std::fs::remove_file(manifest.unwrap().path()).unwrap();
    }
    assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Full)));
    assert_eq!(world.installed_text(), "1.1.0");
}

#[tokio::test]
async fn a_delta_that_failed_once_is_not_tried_again() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    std::fs::write(world.app_dir().join("current/data/large.bin"), b"short").unwrap();
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    let full = world.paths("1.1.0-folder.tar.zst").remove(0);
    world.mirror.faults(|faults| faults.silent = true);
    let error = payloads.stage().await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    world.mirror.faults(|faults| faults.silent = false);
    world.mirror.take_log();
    let found = offer(&world.updater()).await;
    assert_eq!(found.route(), RouteKind::Full);
    world.mirror.take_log();
    found.download(&mut |_| {}).await.unwrap();
    assert_eq!(world.mirror.take_paths(), [full]);
}

#[tokio::test]
async fn a_full_bundle_that_is_not_the_signed_one_is_refused() {
    let mut world = World::new().await;
    world.release_with("1.1.0", &[], |facts| facts.bundle.length -= 512);
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    let error = payloads.stage().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    assert_eq!(world.installed_text(), "1.0.0");
}
