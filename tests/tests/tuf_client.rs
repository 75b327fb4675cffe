//! The client that foreign judges drive keeps to their protocol.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use exuvia_tests::scene::good;
use exuvia_tests::sim::{Front, Sim};

struct Judge {
    sim: Sim,
    front: Front,
    folder: tempfile::TempDir,
}

impl Judge {
    fn new() -> Judge {
        let sim = Sim::new();
        sim.publish("1.0.0", &good("1.0.0"));
        let front = Front::of(&sim);
        let judge = Judge { sim, front, folder: tempfile::tempdir().unwrap() };
        let root = judge.folder.path().join("trusted.json");
        std::fs::write(&root, &judge.sim.served()["metadata/1.root.json"]).unwrap();
        assert!(judge.run(&["init", root.to_str().unwrap()]).status.success());
        judge
    }

    fn metadata(&self) -> PathBuf {
        self.folder.path().join("metadata")
    }

    fn run(&self, words: &[&str]) -> Output {
        let now = self.sim.now().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_exuvia-tuf-client"));
        command.arg("--metadata-dir").arg(self.metadata()).args(["--now", &now]).args(words);
        command.output().unwrap()
    }

    fn refresh(&self) -> Output {
        self.run(&["--metadata-url", &format!("{}metadata", self.front.url()), "refresh"])
    }

    fn download(&self, target: &str) -> Output {
        let url = self.front.url();
        let (metadata, targets) = (format!("{url}metadata/"), format!("{url}targets/"));
        let into = self.folder.path().join("targets");
        let into = into.to_str().unwrap();
        self.run(&[
            "--metadata-url",
            &metadata,
            "--target-name",
            target,
            "--target-base-url",
            &targets,
            "--target-dir",
            into,
            "download",
        ])
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn trusted_metadata_stands_under_plain_names_byte_for_byte() {
    let judge = Judge::new();
    assert!(judge.sim.asked().is_empty(), "init asks nobody");
    assert!(judge.refresh().status.success());
    let json: Vec<_> =
        names(&judge.metadata()).into_iter().filter(|n| n.ends_with(".json")).collect();
    assert_eq!(json, ["root.json", "snapshot.json", "targets.json", "timestamp.json"]);
    let stored = std::fs::read(judge.metadata().join("timestamp.json")).unwrap();
    assert_eq!(stored, judge.sim.served()["metadata/timestamp.json"]);
}

#[test]
fn a_target_is_fetched_once_and_never_wrong() {
    let judge = Judge::new();
    let full = judge.sim.path_of(&["1.0.0-folder.tar.zst"]);
    let (folder, name) = full.strip_prefix("targets/").unwrap().rsplit_once('/').unwrap();
    let target = format!("{folder}/{}", name.split_once('.').unwrap().1);
    let honest = judge.sim.served();
    judge.sim.flip(&full);
    assert_eq!(judge.download(&target).status.code(), Some(1));
    judge.sim.serve_instead(honest);
    judge.sim.asked();
    for requests in [1, 0] {
        assert!(judge.download(&target).status.success());
        let asked = judge.sim.asked();
        assert_eq!(asked.iter().filter(|a| a.path == full).count(), requests);
    }
    assert_eq!(judge.download("stable/nothing").status.code(), Some(1));
}

#[test]
fn what_is_wrong_is_said_and_exits_with_one() {
    let judge = Judge::new();
    assert!(judge.refresh().status.success());
    let before = names(&judge.metadata());
    judge.sim.pass_days(31);
    let refused = judge.refresh();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("expired"));
    assert_eq!(names(&judge.metadata()), before);
    for words in
        [&["refresh"][..], &["--metadata-url", "https://example.org/", "refresh"], &["fly"]]
    {
        assert_eq!(judge.run(words).status.code(), Some(1), "{words:?}");
    }
}
