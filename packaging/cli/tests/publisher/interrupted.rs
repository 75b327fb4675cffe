//! Commands that are killed: the folder holds the state before or after, and the next one goes on.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use exuvia_cli::{Publisher, Unwatched, verify};
use exuvia_core::Time;

use crate::support::*;

/// Kills the program at twenty moments of a release, and looks at the folder each time.
#[cfg(unix)]
#[test]
fn a_killed_release_leaves_the_state_before_or_after() {
    const MOMENTS: u32 = 20;
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let config = publisher.folder().config().clone();
    let address = place.repo().display().to_string();
    let start = Instant::now();
    assert!(spawn_release(&place, "1.1.0").wait().unwrap().success());
    let whole = start.elapsed();
    let (mut old, mut new, mut minor) = (0, 0, 1);
    for moment in 0..=MOMENTS {
        let version = format!("1.{}.0", minor + 1);
        let mut child = spawn_release(&place, &version);
        if moment == MOMENTS {
            assert!(child.wait().unwrap().success());
        } else {
            std::thread::sleep(whole * moment / MOMENTS);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        verify(&address, &config, Time::from_unix(now())).unwrap();
        if is_listed(&publisher, &version) {
            (new, minor) = (new + 1, minor + 1);
        } else {
            old += 1;
        }
    }
    assert!(old > 0 && new > 0, "{old} kills came in time, {new} too late");
    place.release(&mut place.open(), &format!("1.{}.0", minor + 1));
}

#[cfg(unix)]
fn spawn_release(place: &Place, version: &str) -> Child {
    place.app(version);
    Command::new(env!("CARGO_BIN_EXE_exuvia"))
        .args(["--repo", "repo", "release", "app", "--version", version, "--level", "1"])
        .current_dir(place.home.path())
        .env("EXUVIA_PASSPHRASE", PASSPHRASE)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn is_listed(publisher: &Publisher, version: &str) -> bool {
    let repository = publisher.folder().repository().unwrap();
    let (channel, platform) = repository.platforms().remove(0);
    let listed = repository.listed(&channel, &platform).unwrap();
    listed.iter().any(|listed| listed.facts.version.to_string() == version)
}

#[test]
fn what_an_interrupted_release_left_is_written_over() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let before = files(&place.repo());
    place.release(&mut publisher, "1.1.0");
    // All but the timestamp, as after a kill right before the last step.
    let timestamp = "metadata/timestamp.json";
    fs::write(place.repo().join(timestamp), &before[timestamp]).unwrap();
    fs::create_dir_all(place.repo().join(".work/0.base")).unwrap();
    fs::write(place.repo().join(".work/full.tar.zst"), "half").unwrap();
    place.release(&mut publisher, "1.1.0");
    assert!(!place.repo().join(".work").exists());
    publisher.publish(place.path("www"), &Unwatched).unwrap();
}

#[test]
fn a_key_that_was_made_for_an_interrupted_release_is_used() {
    let place = Place::new();
    let mut publisher = place.init();
    let before = files(&place.repo());
    place.release(&mut publisher, "1.0.0");
    let role = format!("stable-{}", exuvia_cli::host());
    let key = fs::read(place.repo().join(format!("keys/{role}.key"))).unwrap();
    for path in files(&place.repo()).keys() {
        if !path.starts_with("keys/") {
            fs::remove_file(place.repo().join(path)).unwrap();
        }
    }
    for (path, bytes) in &before {
        fs::write(place.repo().join(path), bytes).unwrap();
    }
    let mut publisher = place.open();
    place.release(&mut publisher, "1.0.0");
    assert_eq!(fs::read(place.repo().join(format!("keys/{role}.key"))).unwrap(), key);
    let custody = publisher.folder().custody().unwrap();
    assert!(custody.iter().any(|there| there.role == role && there.signs_here));
}

#[test]
fn an_interrupted_publish_shows_the_old_state_and_goes_on() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let www = place.path("www");
    publisher.publish(&www, &Unwatched).unwrap();
    let before = files(&www);
    place.release(&mut publisher, "1.1.0");
    let config = publisher.folder().config().clone();
    let here = files(&place.repo());
    // In the order of publishing: payloads first, the timestamp last.
    let new: Vec<&String> = {
        let new = here.keys().filter(|path| path.starts_with("targets/"));
        let repository = publisher.folder().repository().unwrap();
        let reachable = repository.reachable();
        let metadata = reachable.iter().map(|path| here.get_key_value(path).unwrap().0);
        new.chain(metadata).filter(|path| before.get(*path) != here.get(*path)).collect()
    };
    assert_eq!(new.last().unwrap().as_str(), "metadata/timestamp.json");
    for (number, path) in new.iter().enumerate() {
        let report = verify(&www.display().to_string(), &config, Time::from_unix(now())).unwrap();
        assert_eq!(report.targets, 1, "before file {number}");
        fs::create_dir_all(www.join(path).parent().unwrap()).unwrap();
        fs::write(www.join(path), &here[*path]).unwrap();
    }
    let report = verify(&www.display().to_string(), &config, Time::from_unix(now())).unwrap();
    assert_eq!(report.targets, 3);
    assert!(publisher.publish(&www, &Unwatched).unwrap().is_unchanged());
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}
