//! The client's view: what is on disk at every moment, and what is refused before it is published.

use crate::support::*;
use exuvia_core::Error as CoreError;
use exuvia_repo::{Error, Expiry, Repository, verify, verify_step};

fn parse(files: std::collections::BTreeMap<String, Vec<u8>>) -> Result<Repository, Error> {
    Repository::parse("notes".parse().unwrap(), Expiry::default(), files)
}

#[test]
fn a_change_that_stops_anywhere_leaves_the_old_or_the_new_state() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let before = publisher.disk.clone();
    let released =
        publisher.repository.release(&release("1.1.0"), &publisher.keys, day(1)).unwrap();
    for written in 0..=released.changes.files.len() {
        let mut disk = before.clone();
        for file in &released.changes.files[..written] {
            disk.insert(file.path.clone(), file.bytes.clone());
        }
        let repository = parse(disk).unwrap();
        let listing = verify(&repository, publisher.root(), day(1)).unwrap();
        let all = written == released.changes.files.len();
        assert_eq!(listing.targets.len(), if all { 2 } else { 1 }, "after {written} files");
    }
}

#[test]
fn after_an_interrupted_change_the_next_one_goes_on() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let mut disk = publisher.disk.clone();
    let lost = publisher.repository.release(&release("1.1.0"), &publisher.keys, day(1)).unwrap();
    for file in &lost.changes.files[..2] {
        disk.insert(file.path.clone(), file.bytes.clone());
    }
    let mut again = parse(disk).unwrap();
    again.release(&release("1.1.0"), &publisher.keys, day(2)).unwrap();
    let listing = verify(&again, publisher.root(), day(2)).unwrap();
    assert_eq!(listing.targets.len(), 2);
}

#[test]
fn expired_metadata_is_refused() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let refused = verify(&publisher.repository, publisher.root(), day(30)).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(CoreError::Expired { role, .. }) if role == "timestamp"),
        "{refused}"
    );
}

#[test]
fn a_refresh_renews_what_ended() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let refreshed = publisher.repository.refresh(&publisher.keys, day(70)).unwrap();
    assert_eq!(refreshed.renewed, ["snapshot", "timestamp"]);
    verify(&publisher.repository, publisher.root(), day(70)).unwrap();
}

#[test]
fn a_refresh_in_time_signs_the_timestamp_alone() {
    let mut publisher = Publisher::new();
    let refreshed = publisher.repository.refresh(&keys([5]), day(7)).unwrap();
    assert_eq!(refreshed.renewed, ["timestamp"]);
    assert_eq!(refreshed.waiting, []);
    assert_eq!(paths(&refreshed.changes), ["metadata/timestamp.json"]);
}

#[test]
fn a_refresh_renews_long_before_the_end_and_tells_what_waits() {
    let mut publisher = Publisher::new();
    let online = keys([4, 5]);
    let refreshed = publisher.repository.refresh(&online, day(41)).unwrap();
    assert_eq!(refreshed.renewed, ["snapshot", "timestamp"]);
    let refreshed = publisher.repository.refresh(&online, day(300)).unwrap();
    let waiting: Vec<&str> = refreshed.waiting.iter().map(|due| due.role.as_str()).collect();
    assert_eq!(waiting, ["stable-linux-x86_64", "stable-windows-x86_64", "targets"]);
    assert_eq!(refreshed.waiting[0].expires, day(365));
    let refreshed = publisher.repository.refresh(&publisher.keys, day(300)).unwrap();
    assert_eq!(
        refreshed.renewed,
        ["stable-linux-x86_64", "stable-windows-x86_64", "targets", "snapshot", "timestamp"]
    );
}

#[test]
fn a_new_root_is_signed_near_the_end_of_the_old_one() {
    let mut publisher = Publisher::new();
    let refreshed = publisher.repository.refresh(&publisher.keys, day(500)).unwrap();
    assert_eq!(refreshed.renewed[0], "root");
    assert_eq!(refreshed.changes.files[0].path, "metadata/2.root.json");
    let listing = verify(&publisher.repository, publisher.root(), day(500)).unwrap();
    assert_eq!(listing.root_version, 2);
    let roots = publisher.repository.reachable();
    assert_eq!(&roots[..2], ["metadata/1.root.json", "metadata/2.root.json"]);
    assert_eq!(roots.last().unwrap(), "metadata/timestamp.json");
}

#[test]
fn what_ended_and_cannot_be_renewed_is_not_handed_out() {
    let mut publisher = Publisher::new();
    let refused = publisher.repository.refresh(&keys([4, 5]), day(400)).unwrap_err();
    assert!(matches!(refused, Error::Refused(CoreError::Expired { .. })), "{refused}");
}

#[test]
fn changed_metadata_is_refused() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let path = "metadata/2.stable-linux-x86_64.json";
    let text = String::from_utf8(publisher.disk[path].clone()).unwrap();
    publisher.disk.insert(path.to_owned(), text.replace("1.0.0-folder", "1.0.1-folder").into());
    let repository = publisher.parse().unwrap();
    let refused = verify(&repository, publisher.root(), day(0)).unwrap_err();
    assert!(matches!(refused, Error::Refused(CoreError::WrongHash { .. })), "{refused}");
}

#[test]
fn a_state_that_went_back_is_refused_by_who_knows_better() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let older = publisher.repository.clone();
    publisher.release(&release("1.1.0"), day(0)).unwrap();
    verify_step(&older, &publisher.repository, day(0)).unwrap();
    let refused = verify_step(&publisher.repository, &older, day(0)).unwrap_err();
    assert!(matches!(refused, Error::Refused(CoreError::Rollback { .. })), "{refused}");
}

#[test]
fn a_state_that_is_not_whole_is_named_by_its_file() {
    let publisher = Publisher::new();
    let without = |path: &str| {
        let mut disk = publisher.disk.clone();
        disk.remove(path).unwrap();
        parse(disk)
    };
    for path in ["metadata/timestamp.json", "metadata/3.targets.json", "metadata/1.root.json"] {
        let missing = without(path).unwrap_err();
        assert!(matches!(&missing, Error::Missing { path: p } if p == path), "{missing}");
    }
    let mut disk = publisher.disk.clone();
    disk.insert("metadata/timestamp.json".to_owned(), b"{\"signed\":".to_vec());
    let damaged = parse(disk).unwrap_err();
    assert!(matches!(&damaged, Error::Damaged { path, .. } if path == "metadata/timestamp.json"));
}
