//! 5.3.11: after an attacker raised versions out of reach, new keys make a new start.

use exuvia_core::Error;

use crate::client::Client;
use crate::publisher::{Publisher, version_in};

#[test]
fn a_new_timestamp_key_lets_the_timestamp_start_again() {
    let mut publisher = Publisher::new();
    publisher.timestamp.version = 1 << 50;
    publisher.publish_timestamp();
    let mut client = Client::refreshed(&publisher);
    publisher.rotate("timestamp", &[12], 1);
    publisher.publish_root();
    publisher.timestamp.version = 0;
    publisher.publish_timestamp();
    client.refresh(&publisher).unwrap();
    assert_eq!(version_in(&client.files["timestamp.json"]), 1);
}

#[test]
fn new_keys_let_the_snapshot_start_again() {
    let mut publisher = Publisher::new();
    publisher.snapshot.version = 1 << 50;
    publisher.publish_snapshot();
    let mut client = Client::refreshed(&publisher);
    publisher.rotate("timestamp", &[12], 1);
    publisher.rotate("snapshot", &[13], 1);
    publisher.publish_root();
    publisher.snapshot.version = 0;
    publisher.publish_snapshot();
    client.refresh(&publisher).unwrap();
    assert_eq!(version_in(&client.files["snapshot.json"]), 1);
}

#[test]
fn a_new_snapshot_key_lets_targets_go_back_and_roles_go() {
    let mut publisher = Publisher::new();
    publisher.delegate("targets", "stable", &["stable/*"], true);
    publisher.top().version = 1 << 50;
    publisher.publish_all();
    let mut client = Client::refreshed(&publisher);
    publisher.rotate("snapshot", &[13], 1);
    publisher.publish_root();
    publisher.targets.remove("stable");
    publisher.snapshot.meta.remove("stable.json");
    publisher.top().delegations = None;
    publisher.top().version = 0;
    publisher.publish(&["targets"]);
    client.refresh(&publisher).unwrap();
    assert_eq!(version_in(&client.files["targets.json"]), 1);
}

#[test]
fn the_same_keys_are_no_new_start() {
    let mut publisher = Publisher::new();
    publisher.publish_timestamp();
    let mut client = Client::refreshed(&publisher);
    publisher.rotate("targets", &[14], 1);
    publisher.rotate("root", &[11], 1);
    publisher.publish_root();
    publisher.timestamp.version = 1;
    publisher.serve_timestamp();
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Rollback { role: "timestamp".to_owned(), floor: 2, found: 1 });
}

#[test]
fn a_new_timestamp_key_alone_forgets_the_snapshot_too() {
    let mut publisher = Publisher::new();
    publisher.publish(&["targets"]);
    let mut client = Client::refreshed(&publisher);
    publisher.rotate("timestamp", &[12], 1);
    publisher.publish_root();
    publisher.top().version = 1;
    publisher.publish_snapshot();
    client.refresh(&publisher).unwrap();
    assert_eq!(version_in(&client.files["targets.json"]), 1);
}

#[test]
fn recovery_survives_a_crash_after_any_write() {
    // The hardest case: the timestamp key stays, so the stored timestamp still verifies, but it
    // names a snapshot version that will never be reached again. And then the new timestamp may
    // have the very version of the stored one.
    for timestamp in [1, 2, 3] {
        let mut publisher = Publisher::new();
        publisher.snapshot.version = 1 << 50;
        publisher.publish_snapshot();
        let client = Client::refreshed(&publisher);
        assert_eq!(version_in(&client.files["timestamp.json"]), 2);
        publisher.rotate("snapshot", &[13], 1);
        publisher.publish_root();
        publisher.snapshot.version = 0;
        publisher.timestamp.version = timestamp - 1;
        publisher.publish_snapshot();
        for writes in 0.. {
            let mut crashing = client.clone();
            crashing.writes_left = writes;
            let crashed = crashing.try_refresh(&publisher).is_err();
            crashing.writes_left = usize::MAX;
            crashing.refresh(&publisher).unwrap();
            assert_eq!(version_in(&crashing.files["snapshot.json"]), 1, "after {writes} writes");
            if !crashed {
                assert!(writes >= 5);
                break;
            }
        }
    }
}

#[test]
fn recovery_does_not_need_floors() {
    let mut publisher = Publisher::new();
    publisher.snapshot.version = 1 << 50;
    publisher.publish_snapshot();
    let mut client = Client::refreshed(&publisher);
    client.floors = exuvia_core::Floors::default();
    publisher.rotate("snapshot", &[13], 1);
    publisher.publish_root();
    publisher.snapshot.version = 0;
    publisher.publish_snapshot();
    client.refresh(&publisher).unwrap();
    assert_eq!(version_in(&client.files["snapshot.json"]), 1);
}

#[test]
fn the_floor_of_new_keys_holds_again() {
    let mut publisher = Publisher::new();
    publisher.timestamp.version = 1 << 50;
    publisher.publish_timestamp();
    let mut client = Client::refreshed(&publisher);
    publisher.rotate("timestamp", &[12], 1);
    publisher.publish_root();
    publisher.timestamp.version = 4;
    publisher.publish_timestamp();
    client.refresh(&publisher).unwrap();
    client.files.remove("timestamp.json");
    publisher.timestamp.version = 4;
    publisher.serve_timestamp();
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Rollback { role: "timestamp".to_owned(), floor: 5, found: 4 });
}
