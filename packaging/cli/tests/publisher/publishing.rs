//! Copies for the host: whole, in order, and never back.

use std::fs;

use exuvia_cli::{Error, Exit, Unwatched};

use crate::support::*;

#[test]
fn what_is_published_is_what_clients_reach() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    place.release(&mut publisher, "1.1.0");
    let www = place.path("www");
    let report = publisher.publish(&www, &Unwatched).unwrap();
    assert_eq!((report.payloads, report.unchanged), (3, 0));
    let (there, here) = (files(&www), files(&place.repo()));
    let metadata: Vec<&str> =
        there.keys().filter_map(|path| path.strip_prefix("metadata/")).collect();
    let role = format!("3.stable-{}.json", exuvia_cli::host());
    assert_eq!(
        metadata,
        ["1.root.json", "2.targets.json", &role, "4.snapshot.json", "timestamp.json"]
    );
    for (path, bytes) in &there {
        assert_eq!(Some(bytes), here.get(path), "{path}");
    }
    assert!(there.keys().all(|path| !path.contains("key")));
}

#[test]
fn only_what_changed_is_copied_again() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let www = place.path("www");
    publisher.publish(&www, &Unwatched).unwrap();
    assert!(publisher.publish(&www, &Unwatched).unwrap().is_unchanged());
    publisher.refresh().unwrap();
    let report = publisher.publish(&www, &Unwatched).unwrap();
    assert_eq!((report.payloads, report.metadata), (0, 1));
    place.release(&mut publisher, "1.1.0");
    let report = publisher.publish(&www, &Unwatched).unwrap();
    assert_eq!((report.payloads, report.metadata), (2, 3));
    assert!(www.join("metadata/3.snapshot.json").exists(), "old metadata stays");
}

#[test]
fn a_damaged_copy_is_made_whole_again() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let www = place.path("www");
    publisher.publish(&www, &Unwatched).unwrap();
    let whole = files(&www);
    for (path, bytes) in &whole {
        let mut half = bytes.clone();
        half.truncate(bytes.len() / 2);
        fs::write(www.join(path), half).unwrap();
        publisher.publish(&www, &Unwatched).unwrap();
        assert_eq!(files(&www), whole, "{path} was torn");
    }
    let payload = whole.keys().find(|path| path.ends_with(".zst")).unwrap();
    let mut changed = whole[payload].clone();
    changed[100] ^= 1;
    fs::write(www.join(payload), changed).unwrap();
    assert_eq!(publisher.publish(&www, &Unwatched).unwrap().payloads, 1);
    assert_eq!(files(&www), whole);
}

#[test]
fn nothing_is_published_that_a_client_would_refuse() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let www = place.path("www");
    let path = files(&place.repo()).keys().find(|path| path.ends_with(".zst")).unwrap().clone();
    let payload = place.repo().join(path);
    let whole = fs::read(&payload).unwrap();
    fs::write(&payload, &whole[1..]).unwrap();
    let refused = publisher.publish(&www, &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::Payload { .. }), "{refused}");
    assert_eq!(refused.exit(), Exit::Refused);
    fs::remove_file(&payload).unwrap();
    let refused = publisher.publish(&www, &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::NoPayload { .. }), "{refused}");
    fs::write(&payload, &whole).unwrap();
    let role = place.repo().join(format!("metadata/2.stable-{}.json", exuvia_cli::host()));
    let text = fs::read_to_string(&role).unwrap();
    fs::write(&role, text.replace("\"critical\"", "\"Critical\"").replace("notes", "n0tes"))
        .unwrap();
    let refused = publisher.publish(&www, &Unwatched).unwrap_err();
    assert_eq!(refused.exit(), Exit::Refused, "{refused}");
    assert!(!www.exists());
}

#[test]
fn an_empty_repository_is_not_published() {
    let place = Place::new();
    let refused = place.init().publish(place.path("www"), &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::NothingReleased), "{refused}");
}

#[test]
fn the_host_never_goes_back() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let (copy, www) = (place.path("copy"), place.path("www"));
    for (path, bytes) in files(&place.repo()) {
        let to = copy.join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    place.release(&mut publisher, "1.1.0");
    publisher.publish(&www, &Unwatched).unwrap();
    let published = files(&www);
    let stale = exuvia_cli::Publisher::open(&copy, passphrase(PASSPHRASE)).unwrap();
    let refused = stale.publish(&www, &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::DestinationNewer { .. }), "{refused}");
    assert_eq!(files(&www), published);
}

#[test]
fn another_repository_is_not_written_over() {
    let (place, other) = (Place::new(), Place::new());
    let (mut publisher, mut stranger) = (place.init(), other.init());
    place.release(&mut publisher, "1.0.0");
    other.release(&mut stranger, "1.0.0");
    let www = place.path("www");
    publisher.publish(&www, &Unwatched).unwrap();
    let refused = stranger.publish(&www, &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::OtherRepository { .. }), "{refused}");
}

#[test]
fn the_publishers_folder_is_no_destination() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    for destination in [place.repo(), place.repo().join("www")] {
        let refused = publisher.publish(destination, &Unwatched).unwrap_err();
        assert!(matches!(refused, Error::DestinationIsPrivate { .. }), "{refused}");
    }
}

#[test]
fn what_a_killed_publish_left_half_written_is_removed() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let www = place.path("www");
    publisher.publish(&www, &Unwatched).unwrap();
    let before = files(&www);
    let payload = before.keys().find(|path| path.starts_with("targets/")).unwrap();
    for folder in ["metadata", payload.rsplit_once('/').unwrap().0] {
        fs::write(www.join(folder).join(".exuvia-tmp-4711-0-1.9.0-folder.tar.zst"), "half")
            .unwrap();
    }
    assert!(publisher.publish(&www, &Unwatched).unwrap().is_unchanged());
    assert_eq!(files(&www), before);
}
