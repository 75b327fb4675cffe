//! Downloads that stop and go on.

use std::time::Duration;

use exuvia::{Event, RepositoryError};

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
async fn a_dropped_download_goes_on_with_at_most_a_mebibyte_lost() {
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
    assert!(log[0].offset as usize >= stopped - (1 << 20), "{log:?}");
    assert!(received[0] as usize >= stopped - (1 << 20), "{received:?}");
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
async fn a_mirror_that_keeps_breaking_is_a_network_error() {
    let (world, path) = world().await;
    world.mirror.faults(|faults| {
        faults.break_after.insert(path, (100, 1000));
    });
    let found = offer(&world.updater()).await;
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
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
