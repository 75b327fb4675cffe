//! Routes that lead nowhere.

use std::time::Duration;

use exuvia::{Event, Limits, RouteKind};

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
async fn a_file_altered_here_is_noticed_before_a_delta_is_received() {
    let alterations: [fn(&std::path::Path); 3] = [
        |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[77] ^= 1;
            std::fs::write(path, bytes).unwrap();
        },
        |path| std::fs::write(path, b"short").unwrap(),
        |path| std::fs::remove_file(path).unwrap(),
    ];
    for alter in alterations {
        let mut world = World::new().await;
        world.release("1.1.0", &["1.0.0"]);
        alter(&world.app_dir().join("current/data/large.bin"));
        assert_eq!(offer(&world.updater()).await.route(), RouteKind::Delta);
        world.mirror.take_log();
        assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Full)));
        assert!(world.mirror.take_paths().iter().all(|path| !path.ends_with(".delta")));
        assert_eq!(world.installed_text(), "1.1.0");
    }
}

#[tokio::test]
async fn files_beside_those_of_the_version_do_not_matter() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    std::fs::write(world.app_dir().join("current/data/own.txt"), b"the user's").unwrap();
    assert_eq!(walk(&world).await, (vec![], Some(RouteKind::Delta)));
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
    world.spoils_deltas_from = Some("1.0.0");
    world.release("1.1.0", &["1.0.0"]);
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
async fn a_delta_that_leads_nowhere_gives_way_to_a_chain_at_once() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    world.spoils_deltas_from = Some("1.0.0");
    world.release("1.2.0", &["1.0.0", "1.1.0"]);
    assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Chain)));
    assert_eq!(world.installed_text(), "1.2.0");
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

#[tokio::test]
async fn a_delta_that_the_only_mirror_cannot_deliver_gives_way_and_nothing_is_left_of_it() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let delta = world.paths(".delta").remove(0);
    world.mirror.faults(|faults| {
        faults.break_after.insert(delta, (0, 1000));
    });
    assert_eq!(walk(&world).await, (vec![RouteKind::Delta], Some(RouteKind::Full)));
    assert!(!world.cache().join("exuvia").exists());
}

#[tokio::test]
async fn a_delta_of_which_nothing_ever_comes_gives_way_in_the_fourth_run() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let delta = world.paths(".delta").remove(0);
    world.mirror.faults(|faults| {
        faults.hang_after.insert(delta, 0);
    });
    let mut limits = Limits::default();
    (limits.pause, limits.window) = (Duration::from_millis(1), Duration::from_millis(100));
    limits.retries = 0;
    let updater = world.builder().limits(limits).build().unwrap();
    for _ in 0..3 {
        let found = offer(&updater).await;
        assert_eq!(found.route(), RouteKind::Delta);
        let error = found.download(&mut |_| {}).await.unwrap_err();
        assert_eq!(error.exit_code(), 5, "{error}");
    }
    let found = offer(&updater).await;
    assert_eq!(found.route(), RouteKind::Full);
    found.download(&mut |_| {}).await.unwrap();
}
