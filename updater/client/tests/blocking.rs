//! The blocking face over a folder that holds no repository.
#![cfg(feature = "blocking")]

use exuvia::blocking::Updater;

#[test]
fn a_check_without_an_async_runtime_ends_with_a_typed_error() {
    let dir = tempfile::tempdir().unwrap();
    let config = include_str!("../../../docs/vectors/exuvia.json");
    let updater = exuvia::Updater::builder(config)
        .mirrors([dir.path().join("nowhere").to_str().unwrap()])
        .install(dir.path().join("app"))
        .state_dir(dir.path())
        .cache_dir(dir.path())
        .build()
        .unwrap();
    let error = Updater::new(updater).unwrap().check().unwrap_err();
    assert!(matches!(error.exit_code(), 4 | 5), "{error}");
}
