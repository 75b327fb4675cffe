//! Downloads that stop and go on.

use std::time::Duration;

use exuvia::{Check, Event, Held, RepositoryError};

use crate::publisher::World;
use crate::road::{offer, parts};

/// A world with 1.1.0, reachable by a full bundle only, and that bundle's path.
async fn world() -> (World, String) {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let path = world.paths("1.1.0").remove(0);
    (world, path)
}

async fn download(world: &World) {
    let found = offer(&world.updater()).await;
    world.mirror.take_log();
    found.download(&mut |_| {}).await.unwrap().stage().await.unwrap().apply_now().unwrap();
    assert_eq!(world.installed_text(), "1.1.0");
}

/// Starts a download and drops it once the mirror has gone quiet after `bytes`.
async fn interrupted(world: &World, path: &str, bytes: usize) {
    world.mirror.faults(|faults| {
        faults.hang_after.insert(path.to_owned(), bytes);
    });
    let found = offer(&world.updater()).await;
    let mut silent = |_: Event| {};
    let download = found.download(&mut silent);
    assert!(tokio::time::timeout(Duration::from_millis(700), download).await.is_err());
    world.mirror.faults(|faults| faults.hang_after.clear());
}

#[tokio::test]
async fn a_dropped_download_goes_on_where_it_was_half_a_second_ago() {
    let (world, path) = world().await;
    let stopped = (2 << 20) + 300_000;
    interrupted(&world, &path, stopped).await;
    let found = offer(&world.updater()).await;
    world.mirror.take_log();
    let mut received = Vec::new();
    found
        .download(&mut |event| {
            if let Event::Downloading { received: now, .. } = event {
                received.push(now);
            }
        })
        .await
        .unwrap();
    let log = world.mirror.take_log();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].offset, received[0]), (stopped as u64, stopped as u64));
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_at_the_same_mirror() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.break_after.insert(path, (500_000, 3));
    });
    download(&world).await;
    let log = world.mirror.take_log();
    let offsets: Vec<u64> = log.iter().map(|asked| asked.offset).collect();
    assert_eq!(offsets, [0, 500_000, 1_000_000, 1_500_000]);
}

#[tokio::test]
async fn a_mirror_without_ranges_is_begun_anew() {
    let (world, path) = world().await;
    interrupted(&world, &path, 2 << 20).await;
    world.mirror.faults(|faults| faults.no_ranges = true);
    download(&world).await;
}

#[tokio::test]
async fn a_damaged_part_is_thrown_away_and_nobody_is_blamed() {
    let (world, path) = world().await;
    interrupted(&world, &path, 2 << 20).await;
    let part = std::fs::read_dir(parts(&world)).unwrap().flatten();
    let part = part.map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "part")).unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[5] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    download(&world).await;
    let offsets: Vec<u64> = world.mirror.take_log().iter().map(|asked| asked.offset).collect();
    assert!(matches!(offsets[..], [resumed, 0] if resumed > 0), "{offsets:?}");
}

#[tokio::test]
async fn a_part_longer_than_the_file_is_thrown_away() {
    let (world, path) = world().await;
    interrupted(&world, &path, 1 << 20).await;
    for entry in std::fs::read_dir(parts(&world)).unwrap().flatten() {
        std::fs::write(entry.path(), vec![0; 9 << 20]).unwrap();
    }
    download(&world).await;
    assert_eq!(world.mirror.take_log()[0].offset, 0);
}

#[tokio::test]
async fn what_is_longer_than_signed_is_refused_and_never_written() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| faults.lengthen.push(path.clone()));
    let error = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap_err();
    let exuvia::Error::Repository(RepositoryError::WrongPayload { path: found, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(found, path);
    let left = std::fs::read_dir(parts(&world)).unwrap().flatten();
    assert!(left.map(|entry| entry.metadata().unwrap().len()).all(|length| length == 0));
}

#[tokio::test]
async fn a_mirror_that_breaks_off_with_nothing_is_a_network_error() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.break_after.insert(path, (0, 1000));
    });
    let found = offer(&world.updater()).await;
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
}

#[tokio::test]
async fn a_mirror_that_breaks_off_after_little_is_gone_on_with() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.break_after.insert(path, (9_000, 100));
    });
    download(&world).await;
    assert_eq!(world.mirror.take_log().len(), 101);
}

#[tokio::test]
async fn a_mirror_that_breaks_off_after_little_and_is_slow_on_the_whole_is_a_network_error() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.break_after.insert(path, (1, 1_000_000));
    });
    let mut limits = exuvia::Limits::default();
    (limits.pause, limits.window) = (Duration::from_millis(5), Duration::from_millis(200));
    let found = offer(&world.builder().limits(limits).build().unwrap()).await;
    let begun = std::time::Instant::now();
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_mirror_that_breaks_off_and_lies_is_left_after_few_requests() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.flip.push(path.clone());
        faults.break_after.insert(path, (2 << 20, 1000));
    });
    let found = offer(&world.updater()).await;
    world.mirror.take_log();
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    assert!(world.mirror.take_log().len() <= 4);
}

#[tokio::test]
async fn a_mirror_that_breaks_off_and_never_continues_is_left_after_few_requests() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.refuse_ranges = true;
        faults.break_after.insert(path, (500_000, 1000));
    });
    let found = offer(&world.updater()).await;
    world.mirror.take_log();
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    assert!(world.mirror.take_log().len() <= 8);
}

#[tokio::test]
async fn parts_of_releases_that_nobody_wants_any_more_are_swept() {
    let (mut world, path) = world().await;
    interrupted(&world, &path, 1 << 20).await;
    assert!(parts(&world).exists());
    world.release("1.2.0", &[]);
    let newest = world.paths("1.2.0").remove(0);
    interrupted(&world, &newest, 1 << 20).await;
    let names: Vec<_> = std::fs::read_dir(parts(&world)).unwrap().flatten().collect();
    assert!(names.len() == 2, "the part and its validator: {names:?}");
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    std::fs::create_dir_all(world.cache().join("exuvia/notes")).unwrap();
    assert!(!world.cache().join("exuvia/notes").read_dir().unwrap().any(|_| true));
}

#[tokio::test]
async fn a_check_that_finds_nothing_sweeps_what_was_left() {
    let world = World::new().await;
    let state = world.dir.path().join("state/exuvia/notes").read_dir().unwrap().next();
    let left = world.cache().join("exuvia/notes").join(state.unwrap().unwrap().file_name());
    std::fs::create_dir_all(left.join("parts")).unwrap();
    std::fs::write(left.join("parts/old.part"), "old").unwrap();
    assert!(matches!(world.updater().check().await.unwrap(), Check::UpToDate));
    assert!(!left.exists());
}

#[tokio::test]
async fn parts_that_a_power_cut_brought_back_do_not_outlive_what_they_led_to() {
    let (mut world, path) = world().await;
    interrupted(&world, &path, 1 << 20).await;
    let part = std::fs::read_dir(parts(&world)).unwrap().flatten().next().unwrap().path();
    let back = || {
        assert!(!part.exists());
        std::fs::create_dir_all(part.parent().unwrap()).unwrap();
        std::fs::write(&part, "as it was").unwrap();
    };
    let staged = async |world: &World| {
        let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
        payloads.stage().await.unwrap()
    };
    staged(&world).await.later();
    back();
    staged(&world).await.apply_now().unwrap();
    back();
    world.release("1.2.0", &[]);
    let held = world.updater().check().await.unwrap();
    assert!(matches!(held, Check::Held(Held::OnTrial { .. })), "{held:?}");
    assert!(!part.exists());
}

#[tokio::test]
async fn a_page_in_the_place_of_a_payload_is_the_networks_fault() {
    let (world, path) = world().await;
    let found = offer(&world.updater()).await;
    let page = b"<!DOCTYPE html><title>Log in</title>".to_vec();
    world.files.lock().unwrap().insert(path, page);
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!((error.exit_code(), error.advice()), (5, "log in to the network, then try again"));
}
