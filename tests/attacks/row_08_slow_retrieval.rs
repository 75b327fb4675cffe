//! Bytes come, but hardly any.

use std::time::Duration;

use exuvia::Error;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::Trouble;
use exuvia_tests::sim::forge::channel_role;

use crate::{TIMESTAMP, only_full};

#[tokio::test]
async fn a_mirror_that_sends_byte_by_byte_or_stops_is_given_up() {
    let channel = channel_role();
    let slow = ["timestamp", "snapshot", &channel, "payload"];
    let pauses = [Duration::from_millis(100), Duration::from_secs(3_600)];
    let cases = pauses.iter().flat_map(|pause| slow.map(|slow| is_given_up(slow, *pause)));
    // Most of the time is waited for.
    futures_util::future::join_all(cases).await;
}

async fn is_given_up(slow: &str, pause: Duration) {
    let scene = Scene::under_attack().await;
    let delta = scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]);
    let paths = match slow {
        "payload" => vec![delta, scene.sim.path_of(&["1.1.0-folder.tar.zst"])],
        "timestamp" => {
            scene.sim.refresh();
            vec![TIMESTAMP.to_owned()]
        }
        role => {
            scene.home.forget_metadata();
            let version = scene.sim.signed(role)["version"].clone();
            vec![format!("metadata/{version}.{role}.json")]
        }
    };
    for path in paths {
        scene.sim.trouble(&path, Trouble::Slow(pause));
    }
    let error = scene.attempt().await.unwrap_err();
    assert!(matches!(error, Error::Network(_)), "{slow}: {error:?}");
    scene.is_unharmed();
    scene.honest_update_works().await;
}

#[tokio::test]
async fn a_slow_full_bundle_is_given_up_where_there_is_no_delta() {
    let scene = Scene::under_attack().await;
    let full = only_full(&scene);
    scene.sim.trouble(&full, Trouble::Slow(Duration::from_millis(50)));
    let error = scene.attempt().await.unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error:?}");
    scene.is_unharmed();
    scene.honest_update_works().await;
}
