//! What the store has is checked like anything else, and losing it lowers nothing.

use exuvia_core::metadata::Envelope;
use exuvia_core::{Error, Floors};

use crate::client::Client;
use crate::publisher::{Publisher, version_in};

/// A repository at its second state, a client that knows it, and the files of the first state.
fn rolled_back() -> (Publisher, Client) {
    let mut publisher = Publisher::new();
    publisher.delegate("targets", "stable", &["stable/*"], true);
    publisher.publish_all();
    let old = publisher.files["timestamp.json"].clone();
    publisher.publish_all();
    let client = Client::refreshed(&publisher);
    publisher.files.insert("timestamp.json".to_owned(), old);
    (publisher, client)
}

#[test]
fn a_torn_or_lost_file_is_no_way_back() {
    for file in ["timestamp.json", "snapshot.json", "targets.json"] {
        for damage in [None, Some(&b""[..]), Some(b"{\"signed\":"), Some(b"{}")] {
            let (publisher, mut client) = rolled_back();
            match damage {
                None => client.files.remove(file),
                Some(bytes) => client.files.insert(file.to_owned(), bytes.to_vec()),
            };
            let error = client.refresh(&publisher).unwrap_err();
            let role = "timestamp".to_owned();
            assert_eq!(error, Error::Rollback { role, floor: 3, found: 2 }, "{file}");
        }
    }
}

#[test]
fn an_empty_store_beside_floors_is_no_way_back_for_any_role() {
    let (mut publisher, mut client) = rolled_back();
    client.files.clear();
    // A newer timestamp and snapshot, by keys gone bad, over an old role.
    publisher.targets.get_mut("stable").unwrap().version = 1;
    publisher.publish_snapshot();
    publisher.publish_snapshot();
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Rollback { role: "stable".to_owned(), floor: 2, found: 1 });
}

#[test]
fn a_torn_store_heals() {
    let (mut publisher, mut client) = rolled_back();
    publisher.publish_snapshot();
    for file in ["timestamp.json", "snapshot.json", "targets.json"] {
        client.files.insert(file.to_owned(), b"torn".to_vec());
    }
    client.refresh(&publisher).unwrap();
    for (file, version) in [("timestamp.json", 4), ("snapshot.json", 4), ("targets.json", 3)] {
        assert_eq!(version_in(&client.files[file]), version, "{file}");
    }
}

#[test]
fn lost_floors_are_learnt_again_from_the_store() {
    let (publisher, mut client) = rolled_back();
    client.floors = Floors::default();
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Rollback { role: "timestamp".to_owned(), floor: 3, found: 2 });
}

#[test]
fn without_floors_and_timestamp_the_stored_snapshot_tells() {
    let mut publisher = Publisher::new();
    let old = publisher.files["timestamp.json"].clone();
    publisher.publish_snapshot();
    let mut client = Client::refreshed(&publisher);
    client.floors = Floors::default();
    client.files.remove("timestamp.json");
    publisher.files.insert("timestamp.json".to_owned(), old);
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Rollback { role: "snapshot".to_owned(), floor: 2, found: 1 });
}

#[test]
fn an_old_copy_of_the_store_is_not_used_below_the_floors() {
    let mut publisher = Publisher::new();
    let old = Client::refreshed(&publisher).files;
    publisher.publish(&["targets"]);
    let mut client = Client::refreshed(&publisher);
    client.files = old;
    client.refresh(&publisher).unwrap();
    assert_eq!(
        client.fetched(),
        ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"]
    );
    assert!(!client.log.contains(&"304".to_owned()));
}

#[test]
fn a_file_in_the_store_is_verified_before_it_is_used() {
    // The right version, but not the file: its signature is wrong, so it is fetched.
    let publisher = Publisher::new();
    for file in ["snapshot.json", "targets.json"] {
        let mut client = Client::refreshed(&publisher);
        let text = String::from_utf8(client.files[file].clone()).unwrap();
        let forged = text.replace("2027-01-01", "2028-01-01");
        assert_ne!(forged, text);
        client.files.insert(file.to_owned(), forged.into_bytes());
        client.refresh(&publisher).unwrap();
        assert_eq!(client.fetched()[2..], [format!("1.{file}")]);
        assert_eq!(client.files[file], text.as_bytes());
    }
}

#[test]
fn floors_are_flushed_before_what_raised_them() {
    let mut publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    publisher.publish_root();
    publisher.publish(&["targets"]);
    for writes in 0.. {
        let mut crashing = client.clone();
        crashing.writes_left = writes;
        let crashed = crashing.try_refresh(&publisher).is_err();
        for (file, role) in [("timestamp.json", "timestamp"), ("snapshot.json", "snapshot")] {
            let floor = crashing.floors.roles[role].version;
            assert!(version_in(&crashing.files[file]) <= floor, "{file} after {writes} writes");
        }
        // Whatever was written, the next refresh completes.
        crashing.writes_left = usize::MAX;
        crashing.refresh(&publisher).unwrap();
        assert_eq!(version_in(&crashing.files["targets.json"]), 2);
        if !crashed {
            assert_eq!(writes, 7);
            break;
        }
    }
    client.refresh(&publisher).unwrap();
}

/// Every beginning of some bytes, and the bytes with each one changed.
fn damages(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    let flipped = (0..bytes.len()).map(|at| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    cut.chain(flipped)
}

#[test]
fn however_a_stored_file_is_damaged_nothing_goes_back_and_the_next_refresh_heals() {
    let mut publisher = Publisher::new();
    publisher.publish_root();
    let old = publisher.files["timestamp.json"].clone();
    publisher.publish(&["targets"]);
    let client = Client::refreshed(&publisher);
    for (file, good) in &client.files {
        for bytes in damages(good) {
            let mut damaged = client.clone();
            damaged.files.insert(file.clone(), bytes.clone());
            let fresh = publisher.files.insert("timestamp.json".to_owned(), old.clone());
            let error = damaged.refresh(&publisher).unwrap_err();
            assert!(matches!(error, Error::Rollback { .. }), "{file}: {error}");
            publisher.files.insert("timestamp.json".to_owned(), fresh.unwrap());
            damaged.refresh(&publisher).unwrap();
            assert_eq!(damaged.floors, client.floors);
            // A file that still verifies although a byte differs, such as a hex digit of another
            // case, says the same.
            for (file, good) in &client.files {
                let signed = |bytes: &[u8]| Envelope::parse(bytes).unwrap().signed;
                assert_eq!(signed(&damaged.files[file]), signed(good), "{file}");
            }
        }
    }
}
