//! Asking again, asking somebody else, and remembering whom not to ask first.

use std::time::{Duration, Instant};

use exuvia::fetch::{FetchError, Wait};
use exuvia::{Error, Event, Limits, LocalError, NetworkError};

use crate::mirror::Mirror;
use crate::publisher::World;
use crate::road::offer;

/// A world with 1.1.0 and a second mirror, and the path of that release.
async fn world() -> (World, Mirror, String) {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let path = world.paths("1.1.0").remove(0);
    let second = Mirror::new("memory:b", world.files.clone());
    (world, second, path)
}

fn quick() -> Limits {
    let mut limits = Limits::default();
    (limits.pause, limits.window) = (Duration::from_millis(5), Duration::from_millis(200));
    limits
}

async fn download(builder: exuvia::Builder) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    let updater = builder.limits(quick()).build().unwrap();
    offer(&updater).await.download(&mut |event| events.push(event)).await?;
    Ok(events)
}

#[tokio::test]
async fn an_overloaded_server_is_asked_again() {
    let (world, _, path) = world().await;
    world.mirror.faults(|faults| {
        faults.break_after.insert(path.clone(), (50_000, 1));
        faults.status.insert(path, (503, Some(Duration::from_millis(100)), 2));
    });
    let begun = Instant::now();
    let events = download(world.builder()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200), "asked for twice");
    let retries = events.iter().filter_map(|event| match event {
        Event::Retrying { pause, .. } => Some(*pause >= Duration::from_millis(100)),
        _ => None,
    });
    assert_eq!(retries.collect::<Vec<_>>(), [true, true, false]);
}

#[tokio::test]
async fn a_server_that_is_to_be_left_alone_for_long_is_left() {
    let (world, second, path) = world().await;
    world.mirror.faults(|faults| {
        faults.status.insert(path, (503, Some(Duration::from_secs(3600)), 1000));
    });
    let error = download(world.builder()).await.unwrap_err();
    assert_eq!((error.exit_code(), error.retry_after()), (5, Some(Duration::from_secs(3600))));
    download(world.builder().fetch(second.clone())).await.unwrap();
    assert_eq!(second.take_log().len(), 1);
}

#[tokio::test]
async fn a_status_that_will_not_pass_is_asked_for_once() {
    let (world, _, path) = world().await;
    world.mirror.faults(|faults| {
        faults.status.insert(path.clone(), (410, None, 1000));
    });
    assert_eq!(download(world.builder()).await.unwrap_err().exit_code(), 5);
    let asked = world.mirror.take_paths();
    assert_eq!(asked.iter().filter(|asked| **asked == path).count(), 1);
}

#[tokio::test]
async fn an_overloaded_server_is_asked_for_metadata_once_more() {
    let (world, _, _) = world().await;
    let timestamp = "metadata/timestamp.json".to_owned();
    world.mirror.faults(|faults| {
        faults.status.insert(timestamp, (502, None, 1));
    });
    offer(&world.updater()).await;
}

#[tokio::test]
async fn a_slow_mirror_is_left_for_another_which_goes_on_where_it_was() {
    let (world, second, path) = world().await;
    world.mirror.faults(|faults| {
        faults.hang_after.insert(path, 700_000);
    });
    download(world.builder().fetch(second.clone())).await.unwrap();
    let asked = second.take_log();
    assert!(matches!(&asked[..], [rest] if rest.offset == 700_000), "{asked:?}");
}

#[tokio::test]
async fn where_all_are_slow_each_is_asked_again_as_long_as_something_comes() {
    let (world, second, path) = world().await;
    for mirror in [&world.mirror, &second] {
        mirror.faults(|faults| {
            faults.hang_after.insert(path.clone(), 700_000);
        });
    }
    let error = download(world.builder().fetch(second.clone())).await.unwrap_err();
    let Error::Network(NetworkError { source: FetchError::TooSlow { .. }, .. }) = error else {
        panic!("{error}")
    };
    assert!(second.take_log().len() > 1);
}

#[tokio::test]
async fn a_mirror_that_failed_is_asked_last_for_a_while() {
    let (world, second, _) = world().await;
    let both = || world.builder().fetch(second.clone()).build().unwrap();
    world.mirror.faults(|faults| faults.silent = true);
    offer(&both()).await;
    world.mirror.faults(|faults| faults.silent = false);
    world.mirror.take_log();
    offer(&both()).await;
    assert!(world.mirror.take_log().is_empty());
    world.pass_days(1);
    second.take_log();
    offer(&both()).await;
    assert!(second.take_log().is_empty());
    assert!(!world.mirror.take_log().is_empty());
}

#[tokio::test]
async fn being_offline_blames_no_mirror() {
    let (world, second, _) = world().await;
    for mirror in [&world.mirror, &second] {
        mirror.faults(|faults| faults.silent = true);
    }
    let both = || world.builder().fetch(second.clone()).build().unwrap();
    assert_eq!(both().check().await.unwrap_err().exit_code(), 5);
    for mirror in [&world.mirror, &second] {
        mirror.faults(|faults| faults.silent = false);
        mirror.take_log();
    }
    offer(&both()).await;
    assert!(second.take_log().is_empty());
}

#[tokio::test]
async fn a_mirror_whose_copy_is_stale_or_half_made_is_left_for_another() {
    let (mut world, second, path) = world().await;
    let half = world.files.lock().unwrap().clone();
    world.release("1.2.0", &[]);
    // The new timestamp is there, the snapshot it names is not yet.
    let fresh = world.files.lock().unwrap()["metadata/timestamp.json"].clone();
    let copy = |files| Mirror::new("memory:old", std::sync::Arc::new(std::sync::Mutex::new(files)));
    let mut torn = half.clone();
    torn.insert("metadata/timestamp.json".to_owned(), fresh);
    for stale in [copy(torn), copy(half)] {
        world.pass_days(40);
        world.refresh();
        let builder = world.bare_builder().fetch(stale).fetch(second.clone());
        let found = offer(&builder.build().unwrap()).await;
        assert_eq!(found.version().to_string(), "1.2.0");
    }
    drop(path);
}

#[tokio::test]
async fn the_whole_time_is_bounded() {
    let (world, _, path) = world().await;
    world.mirror.faults(|faults| {
        faults.hang_after.insert(path, 700_000);
    });
    let mut limits = Limits::default();
    limits.total = Duration::from_millis(300);
    let found = offer(&world.builder().limits(limits).build().unwrap()).await;
    let error = found.download(&mut |_| {}).await.unwrap_err();
    let Error::Network(NetworkError { source: FetchError::Deadline { step, .. }, .. }) = error
    else {
        panic!("{error}")
    };
    assert_eq!(step, Wait::Run);
}

#[tokio::test]
async fn a_download_is_paused_resumed_and_cancelled_from_elsewhere() {
    let (world, _, _) = world().await;
    let updater = world.updater();
    let control = updater.control();
    let found = offer(&updater).await;
    control.pause();
    let mut quiet = |_: Event| {};
    let cancel = async { control.cancel() };
    let (cancelled, ()) = tokio::join!(found.download(&mut quiet), cancel);
    assert!(matches!(cancelled, Err(Error::Local(LocalError::Cancelled))));
    let found = offer(&updater).await;
    control.pause();
    let mut told = Vec::new();
    let mut progress = |event: Event| told.push(event);
    let resume = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(control.is_paused());
        control.resume();
    };
    let begun = Instant::now();
    let (payloads, ()) = tokio::join!(found.download(&mut progress), resume);
    payloads.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(matches!(told[..2], [Event::Paused, Event::Resumed] | [_, Event::Paused]), "{told:?}");
}

#[tokio::test]
async fn a_download_keeps_to_the_rate_it_is_given() {
    let (world, _, _) = world().await;
    let limit = std::num::NonZeroU64::new(4 << 20);
    let found = offer(&world.builder().limit_rate(limit).build().unwrap()).await;
    let (begun, bytes) = (Instant::now(), found.download_size());
    found.download(&mut |_| {}).await.unwrap();
    let least = bytes as f64 / f64::from(4 << 20) * 0.9;
    assert!(begun.elapsed().as_secs_f64() >= least, "{:?} for {bytes}", begun.elapsed());
}
