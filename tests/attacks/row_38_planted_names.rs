//! Names that the updater will use are taken before it comes.

use exuvia_tests::home::things;
use exuvia_tests::processes::{Stage, program};
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn what_stands_at_a_name_that_will_be_used_is_neither_followed_nor_believed() {
    let names = [
        "versions/.1.1.0.staging",
        "versions/1.1.0",
        ".exuvia/manifests",
        ".exuvia/history",
        ".exuvia/trial-0",
        ".exuvia/run-1.1.0.lock",
        ".exuvia/left",
    ];
    for name in names {
        for plant_link in [true, false] {
            let scene = Scene::under_attack().await;
            let outside = tempfile::tempdir().unwrap();
            for file in ["notes", "share/version", "1"] {
                let file = outside.path().join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, "evil").unwrap();
            }
            let (place, before) = (scene.home.app().join(name), things(outside.path()));
            let real = place.with_extension("real");
            let was_there = std::fs::rename(&place, &real).is_ok();
            if plant_link {
                std::os::unix::fs::symlink(outside.path(), &place).unwrap();
            } else {
                let planted = std::process::Command::new("cp");
                plant(planted, outside.path(), &place);
            }
            let _ = scene.attempt().await;
            assert_eq!(things(outside.path()), before, "{name}: something outside was changed");
            // The attacker is found out, and takes what is his away.
            if place.is_symlink() {
                std::fs::remove_file(&place).unwrap();
            } else if was_there && place.is_dir() {
                std::fs::remove_dir_all(&place).unwrap();
            }
            if was_there && !place.exists() {
                std::fs::rename(&real, &place).unwrap();
            }
            scene.settles().await;
        }
    }
}

fn plant(mut copy: std::process::Command, from: &std::path::Path, to: &std::path::Path) {
    assert!(copy.arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn no_name_in_a_folder_for_everybody_is_used() {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    // Whoever looked for a place there would not find one.
    let nowhere = stage.path("nowhere");
    for verb in [&["update", "--yes"][..], &["status"], &["rollback"], &["uninstall"]] {
        let mut agent = stage.command(&program("exuvia-agent"));
        agent.env("TMPDIR", &nowhere).args(stage.agent_options()).args(verb);
        let output = agent.output().unwrap();
        assert!(output.status.success(), "{verb:?}: {output:?}");
    }
    assert!(!nowhere.exists());
}
