//! The new version has changed the user's data, and then the old one is back.

use exuvia::{Error, Install, LocalError};
use exuvia_core::release::DataFacts;
use exuvia_tests::home::things;
use exuvia_tests::processes::Stage;
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn the_users_data_is_touched_neither_forwards_nor_backwards() {
    let scene = Scene::under_attack().await;
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("notes.db"), "schema 1").unwrap();
    scene.arrives().await;
    std::fs::write(data.path().join("notes.db"), "schema 2").unwrap();
    let migrated = things(data.path());
    let install = Install::open(&scene.home.app()).unwrap();
    install.trial().unwrap().unwrap().revert("it crashed", scene.sim.now()).unwrap();
    assert_eq!(things(data.path()), migrated);
    scene.is_unharmed();
}

#[tokio::test]
async fn a_release_may_forbid_the_way_back_to_what_cannot_read_its_data() {
    let mut scene = Scene::under_attack().await;
    scene.sim.publish_with("1.2.0", &exuvia_tests::scene::good("1.2.0"), |facts| {
        facts.safe_from = Some("1.2.0".parse().unwrap());
    });
    scene.is_honest_so_far();
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.2.0"));
    let (install, now) = (Install::open(&scene.home.app()).unwrap(), scene.sim.now());
    install.trial().unwrap().unwrap().confirm(now).unwrap();
    let refused = install.rollback(now).unwrap_err();
    assert!(refused.to_string().contains("1.2.0"), "{refused}");
    scene.settles().await;
}

#[tokio::test]
async fn what_cannot_read_the_data_is_not_gone_back_to_and_it_is_said_why() {
    let mut scene = Scene::under_attack().await;
    scene.sim.publish_with("1.2.0", &exuvia_tests::scene::good("1.2.0"), |facts| {
        let readable_from = Some("1.1.0".parse().unwrap());
        facts.data = Some(DataFacts { schema: 2, readable_from });
    });
    scene.is_honest_so_far();
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.2.0"));
    let install = Install::open(&scene.home.app()).unwrap();
    install.trial().unwrap().unwrap().confirm(scene.sim.now()).unwrap();
    let before = things(&scene.home.app());
    let refused = Error::Local(scene.updater().rollback().map_err(local).unwrap_err());
    assert_eq!(refused.exit_code(), 1);
    assert_eq!(
        refused.to_string(),
        "only 1.1.0 or later can read the data of the installed release, 1.0.0 cannot"
    );
    assert!(refused.advice().contains("put back the data from before"), "{}", refused.advice());
    assert_eq!(things(&scene.home.app()), before, "nothing was touched");
    scene.settles().await;
}

fn local(error: Error) -> LocalError {
    match error {
        Error::Local(error) => error,
        other => panic!("{other:?}"),
    }
}

/// An application that looks after its data when it is asked to.
fn version(stage: &Stage, version: &str, start: &str) -> std::path::PathBuf {
    let script = format!(
        "cd \"$HOME\"\n\
         case $1 in --version) echo {version}; exit;; --aside) cp notes.db notes.kept; exit;;\n\
         --back) cp notes.kept notes.db; exit;; esac\n{start}\necho notes {version}: $(cat notes.db)"
    );
    stage.version(version, &script)
}

#[test]
fn data_that_a_bad_version_migrated_is_put_back_before_the_old_one_reads_it() {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    let config = stage.path("exuvia.json");
    let mut text: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    text["data"] = serde_json::json!({"snapshot": ["--aside"], "restore": ["--back"]});
    std::fs::write(config, text.to_string()).unwrap();
    stage.release_with(&version(&stage, "1.0.0", ""), "1.0.0", &["--data-schema", "1"]);
    stage.agent(&["install"]).works();
    std::fs::write(stage.path("home/notes.db"), "schema 1").unwrap();
    let bad = version(&stage, "1.1.0", "echo schema 2 >notes.db; exit 3");
    let facts = ["--data-schema", "2", "--readable-from", "1.1.0"];
    stage.release_with(&bad, "1.1.0", &facts);
    stage.agent(&["update", "--yes"]).works();
    stage.start(&[]).works().says("notes 1.0.0: schema 1");
    assert_eq!(stage.status()["version"], "1.0.0");
    let history = stage.agent(&["history"]).works().stdout;
    for event in ["data-put-aside", "reverted", "data-put-back"] {
        assert!(history.contains(event), "{event}: {history}");
    }
    // The next one holds: what it made of the data stays.
    let good = version(&stage, "1.2.0", "echo schema 2 >notes.db; sleep 1.5");
    stage.release_with(&good, "1.2.0", &facts);
    stage.agent(&["update", "--yes"]).works();
    stage.start(&[]).works().says("notes 1.2.0: schema 2");
    assert_eq!(stage.status()["phase"], "settled");
    let refused = stage.agent(&["rollback"]).ends_with(1);
    refused.says("only 1.1.0 or later can read the data");
    stage.start(&[]).works().says("notes 1.2.0: schema 2");
}
