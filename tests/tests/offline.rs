//! Without a network the application starts, runs and ends as with one: nothing on that way asks a
//! mirror, and who embeds the updater is not kept waiting by it.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use exuvia::{Error, LocalError, NetworkError};
use exuvia_tests::processes::Stage;
use exuvia_tests::server::{Fault, Server};
use exuvia_tests::web::{Web, tree};

#[test]
fn the_launcher_starts_what_is_installed_and_ends_a_trial_without_a_network() {
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent(&["update", "--yes"]).works();
    drop(server);
    stage.start(&["alone"]).works().says("notes 1.1.0 alone");
    assert_eq!(stage.status()["phase"], "settled");
    for command in ["check", "update"] {
        let failed = stage.agent(&[command]).ends_with(5);
        failed.says("no connection").says("check the connection, or try again later");
    }
    // Nor is what the updater knows of the repository.
    std::fs::remove_dir_all(stage.path("home/.local")).unwrap();
    stage.start(&["--version"]).works().says("notes 1.1.0");
    stage.agent(&["rollback"]).works().says("1.0.0");
    stage.start(&["--version"]).works().says("notes 1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_embeds_the_updater_knows_its_state_without_a_network() {
    let web = Web::new().await;
    let begun = Instant::now();
    let builder = web.home.builder(&web.sim).mirrors(["http://127.0.0.1:1/"]);
    let app = exuvia::startup();
    let updater = builder.build().unwrap();
    assert_eq!(updater.status().unwrap().current().version.to_string(), "1.0.0");
    assert_eq!(updater.history().unwrap().len(), 1);
    assert_eq!(updater.stale_days(), None);
    let Err(Error::Network(NetworkError { source, .. })) = updater.check().await else { panic!() };
    assert!(source.to_string().starts_with("no connection"), "{source}");
    app.healthy();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // The network is back.
    assert_eq!(web.attempt(exuvia::Limits::default()).await.unwrap().as_deref(), Some("1.1.0"));
    assert_eq!(web.home.installed(), exuvia_tests::home::expected(&tree("1.1.0")));
}

#[test]
fn a_check_that_nobody_answers_keeps_no_application_from_ending() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let web = runtime.block_on(Web::new());
    let mute = web.server.url_with(&Fault::Silent);
    let updater = web.home.builder(&web.sim).mirrors([mute]).build().unwrap();
    let control = updater.control();
    let check = runtime.spawn(async move { updater.check().await.map(drop) });
    while web.server.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    control.cancel();
    let ended = runtime.block_on(check).unwrap();
    assert!(matches!(ended, Err(Error::Local(LocalError::Cancelled))), "{ended:?}");
    drop(runtime);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
