//! The workflow files of packaging/ci, taken at their word: their commands are run as a CI would run
//! them, with the secrets that their README names and no key file.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exuvia_cli::{InitOptions, Publisher};

use crate::support::*;

/// A checked-out repository of a publisher, and where it is pushed to.
struct Checkout {
    place: Place,
    secrets: Vec<(&'static str, String)>,
}

impl Checkout {
    fn new() -> Self {
        let place = Place::new();
        let options = InitOptions {
            cost: CHEAP,
            mirrors: vec![format!("file://{}/", place.path("host").display()).parse().unwrap()],
            ..InitOptions::new("notes".parse().unwrap())
        };
        let repo = place.path("checkout/exuvia-repo");
        fs::create_dir(place.path("checkout")).unwrap();
        let publisher = Publisher::init(&repo, options, passphrase(PASSPHRASE)).unwrap();
        let mut publisher = publisher.with_cost(CHEAP);
        place.release(&mut publisher, "1.0.0");
        let sealed =
            |name: &str| fs::read_to_string(repo.join(format!("keys/{name}.key"))).unwrap();
        let secrets = vec![
            ("EXUVIA_KEY_TIMESTAMP", sealed("timestamp")),
            ("EXUVIA_KEY_SNAPSHOT", sealed("snapshot")),
            ("EXUVIA_PASSPHRASE", PASSPHRASE.to_owned()),
        ];
        for entry in fs::read_dir(repo.join("keys")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().unwrap() == "key" {
                fs::remove_file(path).unwrap();
            }
        }
        // The program is there already; that it would be installed from the registry is all the same.
        fs::create_dir(place.path("bin")).unwrap();
        let installs = "#!/bin/sh\n[ \"$*\" = 'install --locked exuvia-cli' ]\n";
        fs::write(place.path("bin/cargo"), installs).unwrap();
        make_executable(&place.path("bin/cargo"));
        let checkout = Self { place, secrets };
        for command in [
            "git init --quiet --bare ../origin.git",
            "git init --quiet --initial-branch main",
            "git add . && git -c user.name=n -c user.email=e@example.org commit --quiet -m first",
            "git remote add origin ../origin.git && git push --quiet -u origin main",
        ] {
            checkout.run("sh", command);
        }
        checkout
    }

    /// Runs one step as a CI does.
    fn run(&self, shell: &str, step: &str) {
        let exuvia = Path::new(env!("CARGO_BIN_EXE_exuvia")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", self.place.path("bin").display(), exuvia.display());
        let checkout = self.place.path("checkout");
        let output = Command::new(shell)
            .args(["-e", "-c", step])
            .current_dir(&checkout)
            .env("HOME", self.place.home.path())
            .env("PATH", path)
            .env("EXUVIA_REPO", "exuvia-repo")
            .env("CI_PROJECT_DIR", &checkout)
            .envs(self.secrets.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{step}: {}\n{told}", output.status);
    }

    fn timestamp(&self) -> u64 {
        version(&fs::read(self.place.path("checkout/exuvia-repo/metadata/timestamp.json")).unwrap())
    }
}

fn version(timestamp: &[u8]) -> u64 {
    let timestamp: serde_json::Value = serde_json::from_slice(timestamp).unwrap();
    timestamp["signed"]["version"].as_u64().unwrap()
}

fn workflow(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci").join(name);
    let text: String = fs::read_to_string::<PathBuf>(path).unwrap();
    assert!(text.contains("EXUVIA_REPO: exuvia-repo"), "{name}");
    for secret in ["EXUVIA_KEY_TIMESTAMP", "EXUVIA_KEY_SNAPSHOT", "EXUVIA_PASSPHRASE"] {
        assert!(text.contains(secret), "{name}: {secret}");
    }
    text
}

#[test]
fn the_github_workflow_signs_and_pushes_the_timestamp() {
    let checkout = Checkout::new();
    let before = checkout.timestamp();
    let text = workflow("github-refresh.yml");
    let lines: Vec<&str> = text.lines().collect();
    let mut steps = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        match line.trim_start().strip_prefix("run: ") {
            Some("|") => {
                let depth = |line: &str| line.len() - line.trim_start().len();
                let block = lines[number + 1..].iter().take_while(|l| depth(l) > depth(line));
                steps.push(block.map(|line| line.trim()).collect::<Vec<_>>().join("\n"));
            }
            Some(step) => steps.push(step.to_owned()),
            None => {}
        }
    }
    assert_eq!(steps.len(), 4, "{steps:?}");
    steps.iter().for_each(|step| checkout.run("bash", step));
    assert_eq!(checkout.timestamp(), before + 1);
    let pushed = Command::new("git")
        .args(["show", "main:exuvia-repo/metadata/timestamp.json"])
        .current_dir(checkout.place.path("origin.git"))
        .output()
        .unwrap();
    assert_eq!(version(&pushed.stdout), before + 1);
}

#[test]
fn the_gitlab_workflow_signs_and_publishes_the_timestamp() {
    let checkout = Checkout::new();
    let before = checkout.timestamp();
    let text = workflow("gitlab-refresh.yml");
    let script = text.split_once("  script:\n").unwrap().1;
    let steps: Vec<&str> = script.lines().map_while(|line| line.strip_prefix("    - ")).collect();
    assert_eq!(steps.len(), 4, "{steps:?}");
    steps.iter().for_each(|step| checkout.run("sh", step));
    let published = checkout.place.path("checkout/public/metadata/timestamp.json");
    assert_eq!(version(&fs::read(published).unwrap()), before + 1);
    assert!(checkout.place.path("checkout/public/targets").exists());
}
