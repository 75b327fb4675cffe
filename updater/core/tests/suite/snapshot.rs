//! 5.5 and 5.6.1 to 5.6.6: the snapshot and the top-level targets.

use exuvia_core::Error;

use crate::client::Client;
use crate::publisher::{Publisher, Signer, now, signed, version_in};

fn rollback(role: &str, floor: u64, found: u64) -> Error {
    Error::Rollback { role: role.to_owned(), floor, found }
}

fn wrong_hash(role: &str) -> Error {
    Error::WrongHash { role: role.to_owned() }
}

fn unsigned(role: &str) -> Error {
    Error::Threshold { role: role.to_owned(), signed: 0, needed: 1 }
}

fn expired(role: &str) -> Error {
    Error::Expired { role: role.to_owned(), at: now(), now: now() }
}

#[test]
fn a_file_of_another_hash_or_length_is_refused() {
    for role in ["snapshot", "targets"] {
        let mut publisher = Publisher::new();
        publisher.hashes = true;
        publisher.publish(&["targets"]);
        let file = format!("2.{role}.json");
        let good = publisher.files[&file].clone();
        let length = good.len() as u64;
        let mut client = Client::of(&publisher);
        // Still signed and of the right length, but not the bytes that its parent names.
        publisher.files.insert(file.clone(), swap_top_level_fields(&good));
        assert_eq!(client.refresh(&publisher).unwrap_err(), wrong_hash(role));
        publisher.files.get_mut(&file).unwrap().pop();
        let (role, expected, found) = (role.to_owned(), length, length - 1);
        let error = client.refresh(&publisher).unwrap_err();
        assert_eq!(error, Error::WrongLength { role, expected, found });
    }
}

/// The same document in another order.
fn swap_top_level_fields(bytes: &[u8]) -> Vec<u8> {
    let envelope: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let signatures = envelope["signatures"].to_string();
    format!(r#"{{"signatures":{signatures},"signed":{}}}"#, envelope["signed"]).into_bytes()
}

#[test]
fn hashes_of_unknown_algorithms_alone_prove_nothing() {
    let mut publisher = Publisher::new();
    publisher.hashes = true;
    publisher.publish(&["targets"]);
    let hashes = publisher.timestamp.meta.snapshot.hashes.as_mut().unwrap();
    hashes.insert("blake9".to_owned(), "00".to_owned());
    publisher.serve_timestamp();
    assert!(Client::of(&publisher).refresh(&publisher).is_ok());
    publisher.timestamp.meta.snapshot.hashes.as_mut().unwrap().remove("sha256");
    publisher.serve_timestamp();
    assert_eq!(Client::of(&publisher).refresh(&publisher).unwrap_err(), wrong_hash("snapshot"));
}

#[test]
fn files_by_other_keys_are_refused() {
    for role in ["snapshot", "targets"] {
        let mut publisher = Publisher::new();
        publisher.signers.insert(role.to_owned(), vec![Signer::new(99)]);
        publisher.publish(&["targets"]);
        let mut client = Client::of(&publisher);
        assert_eq!(client.refresh(&publisher).unwrap_err(), unsigned(role));
        assert!(!client.files.contains_key(&format!("{role}.json")));
        assert!(client.files.contains_key("timestamp.json"));
    }
}

#[test]
fn a_file_of_another_version_than_its_parent_names_is_refused() {
    for role in ["snapshot", "targets"] {
        let mut publisher = Publisher::new();
        publisher.publish(&["targets"]);
        let old = publisher.files[&format!("1.{role}.json")].clone();
        publisher.files.insert(format!("2.{role}.json"), old);
        let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
        let role = role.to_owned();
        assert_eq!(error, Error::WrongVersion { role, expected: 2, found: 1 });
    }
}

#[test]
fn parts_of_two_states_do_not_mix() {
    // Targets of version 2 exist twice: the ones of this snapshot, and others, as validly signed.
    let mut publisher = Publisher::new();
    publisher.hashes = true;
    publisher.publish(&["targets"]);
    publisher.add("targets", "evil", b"", None);
    publisher.serve_targets("targets");
    let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
    assert!(
        matches!(error, Error::WrongLength { role, .. } | Error::TooLong { role, .. } if role == "targets")
    );
}

#[test]
fn a_role_that_goes_back_in_the_snapshot_is_refused() {
    for hashes in [false, true] {
        let mut publisher = Publisher::new();
        publisher.hashes = hashes;
        publisher.publish(&["targets"]);
        let mut client = Client::refreshed(&publisher);
        publisher.top().version = 1;
        publisher.publish_snapshot();
        assert_eq!(client.refresh(&publisher).unwrap_err(), rollback("targets", 2, 1));
        assert_eq!(version_in(&client.files["snapshot.json"]), 2);
        assert_eq!(version_in(&client.files["timestamp.json"]), 3);
    }
}

#[test]
fn a_role_that_is_dropped_from_the_snapshot_is_refused() {
    let mut publisher = Publisher::new();
    publisher.delegate("targets", "stable", &["stable/*"], true);
    publisher.publish_all();
    let mut client = Client::refreshed(&publisher);
    publisher.targets.remove("stable");
    publisher.snapshot.meta.remove("stable.json");
    publisher.publish_snapshot();
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Dropped { role: "stable".to_owned() });
    // Without floors, the stored snapshot tells.
    client.floors = exuvia_core::Floors::default();
    client.floors.raise_root(1);
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Dropped { role: "stable".to_owned() });
}

#[test]
fn expired_files_are_refused_and_not_saved() {
    let mut publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    publisher.snapshot.expires = now();
    publisher.publish_snapshot();
    assert_eq!(client.refresh(&publisher).unwrap_err(), expired("snapshot"));
    assert_eq!(version_in(&client.files["snapshot.json"]), 1);
    publisher.snapshot.expires = publisher.root.expires;
    publisher.top().expires = now();
    publisher.publish(&["targets"]);
    assert_eq!(client.refresh(&publisher).unwrap_err(), expired("targets"));
    assert_eq!(version_in(&client.files["snapshot.json"]), 3);
    assert_eq!(version_in(&client.files["targets.json"]), 1);
}

#[test]
fn a_snapshot_must_list_the_top_level_targets() {
    let mut publisher = Publisher::new();
    publisher.snapshot.meta.clear();
    publisher.snapshot.version = 2;
    publisher.serve_snapshot();
    publisher.publish_timestamp();
    let mut client = Client::of(&publisher);
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::NotListed { role: "targets".to_owned() });
    assert!(!client.files.contains_key("snapshot.json"));
}

#[test]
fn fields_of_later_versions_do_no_harm() {
    let mut publisher = Publisher::new();
    let extra = || serde_json::Map::from_iter([("x-later".to_owned(), 1.into())]);
    publisher.root.extra = extra();
    publisher.root.roles.timestamp.extra = extra();
    publisher.timestamp.extra = extra();
    publisher.timestamp.meta.extra = extra();
    publisher.snapshot.extra = extra();
    publisher.top().extra = extra();
    publisher.publish_root();
    publisher.publish(&["targets"]);
    let client = Client::refreshed(&publisher);
    let root: exuvia_core::metadata::Root = serde_json::from_value(
        exuvia_core::metadata::Envelope::parse(&client.files["root.json"]).unwrap().signed,
    )
    .unwrap();
    assert_eq!(root, publisher.root);
    assert_eq!(signed(&root, &publisher.signers["root"]), publisher.files["2.root.json"]);
}
