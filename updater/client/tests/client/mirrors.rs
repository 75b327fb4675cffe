//! Several mirrors, some of them bad.

use std::time::{Duration, Instant};

use exuvia::fetch::{Fetch, FetchError, Folder, Reply, Request};
use exuvia::{Check, Error, Event, Limits};

use crate::mirror::Mirror;
use crate::publisher::World;
use crate::road::offer;
use crate::server::{Answer, Server};

#[tokio::test]
async fn a_silent_mirror_is_left_for_the_run() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let second = Mirror::new("memory:b", world.files.clone());
    world.mirror.faults(|faults| faults.silent = true);
    let updater = world.builder().fetch(second.clone()).build().unwrap();
    let mut failed = Vec::new();
    let found = updater
        .check_with(&mut |event| {
            if let Event::MirrorFailed { mirror, reason } = event {
                failed.push((mirror, reason.exit_code()));
            }
        })
        .await
        .unwrap();
    let Check::Offer(found) = found else { panic!("{found:?}") };
    found.download(&mut |_| {}).await.unwrap();
    assert_eq!(failed, [("memory:a".to_owned(), 5)]);
    assert_eq!(world.mirror.take_log().len(), 1);
    assert!(second.take_log().len() > 3);
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_once_more_for_metadata() {
    let world = World::new().await;
    let timestamp = "metadata/timestamp.json";
    let breaking = |times| {
        world.mirror.faults(|faults| {
            faults.break_after.insert(timestamp.to_owned(), (10, times));
        });
    };
    std::fs::remove_dir_all(world.dir.path().join("state")).unwrap();
    breaking(1);
    assert!(matches!(world.updater().check().await.unwrap(), Check::UpToDate));
    let asked = |paths: Vec<String>| paths.iter().filter(|path| *path == timestamp).count();
    assert_eq!(asked(world.mirror.take_paths()), 2);
    std::fs::remove_dir_all(world.dir.path().join("state")).unwrap();
    breaking(1000);
    assert_eq!(world.updater().check().await.unwrap_err().exit_code(), 5);
    assert_eq!(asked(world.mirror.take_paths()), 2);
}

#[tokio::test]
async fn refused_metadata_is_asked_of_the_next_mirror() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let second = Mirror::new("memory:b", world.files.clone());
    world.mirror.faults(|faults| faults.flip.push("metadata/timestamp.json".to_owned()));
    let updater = world.builder().fetch(second).build().unwrap();
    offer(&updater).await;
    let alone = world.updater().check().await.unwrap_err();
    assert_eq!(alone.exit_code(), 4, "{alone}");
}

#[tokio::test]
async fn a_wrong_payload_is_asked_of_the_next_mirror_from_the_start() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let path = world.paths("1.1.0").remove(0);
    let second = Mirror::new("memory:b", world.files.clone());
    world.mirror.faults(|faults| faults.flip.push(path));
    let updater = world.builder().fetch(second.clone()).build().unwrap();
    offer(&updater).await.download(&mut |_| {}).await.unwrap();
    let log = second.take_log();
    assert!(matches!(&log[..], [one] if one.offset == 0), "{log:?}");
}

#[tokio::test]
async fn without_any_mirror_that_answers_the_network_is_to_blame() {
    let world = World::new().await;
    world.mirror.faults(|faults| faults.silent = true);
    let error = world.updater().check().await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
}

#[tokio::test]
async fn a_login_page_is_the_networks_fault_and_changes_nothing() {
    let world = World::new().await;
    let server = Server::start(|_| Answer::ok(*b"<html>Log in</html>"));
    let updater = world.bare_builder().mirrors([server.base.as_str()]).build().unwrap();
    let error = updater.check().await.unwrap_err();
    assert_eq!((error.exit_code(), error.advice()), (5, "log in to the network, then try again"));
    assert!(matches!(world.updater().check().await.unwrap(), Check::UpToDate));
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_left() {
    let world = World::new().await;
    let server =
        Server::start(|_| Answer { delay: Duration::from_secs(20), ..Answer::status(200) });
    let mut limits = Limits::default();
    limits.header = Duration::from_millis(200);
    let updater =
        world.bare_builder().mirrors([server.base.as_str()]).limits(limits).build().unwrap();
    let Err(Error::Network(error)) = updater.check().await else { panic!() };
    assert!(matches!(error.source, FetchError::Deadline { .. }), "{error}");
}

#[tokio::test]
async fn a_failed_delta_is_the_networks_fault_once_nobody_answers() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let found = offer(&world.updater()).await;
    world.mirror.faults(|faults| faults.silent = true);
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
}

#[tokio::test]
async fn an_update_comes_from_a_folder_as_from_anywhere() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let stick = world.dir.path().join("stick");
    for (path, bytes) in &*world.files.lock().unwrap() {
        let path = stick.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let updater = world.bare_builder().fetch(Folder::new(&stick)).build().unwrap();
    let payloads = offer(&updater).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    assert_eq!(world.installed_text(), "1.1.0");
    let gone = world.bare_builder().mirrors(["/nowhere/at/all"]).build().unwrap();
    assert_eq!(gone.check().await.unwrap_err().exit_code(), 5);
}

#[tokio::test]
async fn an_update_comes_over_http_in_few_requests() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let files = world.files.clone();
    let server = Server::start(move |seen| {
        let path = seen.path.strip_prefix("/app/").unwrap();
        match files.lock().unwrap().get(path) {
            Some(bytes) => Answer::file(seen, bytes, &format!("\"{}\"", exuvia::Digest::of(bytes))),
            None => Answer::status(404),
        }
    });
    let updater = world.bare_builder().mirrors([server.base.as_str()]).build().unwrap();
    let payloads = offer(&updater).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().later();
    // Root, timestamp, snapshot, the channel's role, the delta; targets has not changed.
    let paths: Vec<String> = server.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths.len(), 5, "{paths:?}");
    updater.check().await.unwrap();
    let log = server.log();
    assert_eq!(log.len(), 7);
    assert!(log[6].header("if-none-match").is_some());
}

#[tokio::test]
async fn a_pipe_in_a_folder_keeps_nobody_waiting() {
    let stick = tempfile::tempdir().unwrap();
    let pipe = stick.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (begun, patience) = (Instant::now(), Duration::from_millis(500));
    // Lets a reader go who waits after all.
    std::thread::spawn(move || {
        std::thread::sleep(patience);
        std::fs::File::options().write(true).open(pipe)
    });
    let reply = Folder::new(stick.path()).open(Request::whole("pipe")).await.unwrap();
    assert!(matches!(reply, Reply::Missing));
    assert!(begun.elapsed() < patience);
}
