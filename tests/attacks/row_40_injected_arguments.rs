//! Arguments and environment that mean more than they should.

use std::ffi::OsString;

use exuvia_plan::Command;
use exuvia_tests::scene::Scene;

/// Command lines of the helper that are not exactly what its usage says.
const BAD: [&[&str]; 30] = [
    &[],
    &[""],
    &["--help"],
    &["swap"],
    &["swap", "--install"],
    &["swap", "--install=/opt/notes"],
    &["swap", "-i", "/opt/notes"],
    &["swap", "/opt/notes"],
    &["swap", "--install", "/opt/notes", "--force"],
    &["swap", "--install", "/opt/notes", "--install", "/etc"],
    &["swap", "--install", "/opt/notes", "--root", "/tmp/root.json"],
    &["swap", "--install", "/opt/notes", "--"],
    &["swap", "--install", "/opt/notes", "--", "--version"],
    &["SWAP", "--install", "/opt/notes"],
    &["swap ", "--install", "/opt/notes"],
    &["swap\n", "--install", "/opt/notes"],
    &["--install", "/opt/notes", "swap"],
    &["confirm", "revert", "--install", "/opt/notes"],
    &["confirm", "--digest", "00"],
    &["recover", "--state", "/tmp"],
    &["install", "--install", "/opt/notes"],
    &["uninstall", "--install", "/opt/notes"],
    &["exec", "--install", "/opt/notes"],
    &["launch"],
    &["launch", "--install", "/opt/notes", "notes"],
    &["launch", "--program", "/bin/sh"],
    &["receive", "--install", "/opt/notes"],
    &["receive", "--install", "/o", "--metadata", "/m", "--bundle", "/b", "--digest", "../x"],
    &["receive", "--install", "/o", "--metadata", "/m", "--bundle", "/b", "--digest", ""],
    &["receive", "--install", "/o", "--metadata", "/m", "--bundle", "/b", "--version", "9.9.9"],
];

#[test]
fn a_command_line_that_is_not_exactly_one_of_the_usage_is_none() {
    for words in BAD {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        assert_eq!(Command::parse(&words), None, "{words:?}");
    }
}

#[tokio::test]
async fn a_version_that_is_a_path_names_nothing_outside() {
    let scene = Scene::under_attack().await;
    for version in ["../../evil", "1.1.0/../../evil", "/evil", "1.1.0 --force", ""] {
        crate::forge_facts(&scene, |facts| facts["version"] = serde_json::json!(version));
        let refused = scene.attempt().await;
        assert!(refused.as_ref().map_or(true, Option::is_none), "{version}: {refused:?}");
        scene.is_unharmed();
    }
    for program in ["../../../bin/sh", "/bin/sh", ".exuvia/journal", ""] {
        crate::forge_facts(&scene, |facts| {
            facts["version"] = serde_json::json!("1.1.0");
            facts["executable"] = serde_json::json!(program);
        });
        let refused = scene.attempt().await;
        assert!(refused.as_ref().map_or(true, Option::is_none), "{program}: {refused:?}");
        scene.is_unharmed();
    }
    scene.new_keys_work().await;
}
