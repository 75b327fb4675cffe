//! 5.4: the timestamp.

use exuvia_core::{Answer, Error, Machine, Want};

use crate::client::Client;
use crate::publisher::{Publisher, Signer, now, signed, time, version_in};

fn rollback(role: &str, floor: u64, found: u64) -> Error {
    Error::Rollback { role: role.to_owned(), floor, found }
}

#[test]
fn a_timestamp_by_other_keys_is_refused() {
    let mut publisher = Publisher::new();
    publisher.signers.insert("timestamp".to_owned(), vec![Signer::new(99)]);
    publisher.publish_timestamp();
    let mut client = Client::of(&publisher);
    let error = client.refresh(&publisher).unwrap_err();
    let role = "timestamp".to_owned();
    assert_eq!(error, Error::Threshold { role, signed: 0, needed: 1 });
    assert!(!client.files.contains_key("timestamp.json"));
}

#[test]
fn a_timestamp_that_goes_back_is_refused() {
    let mut publisher = Publisher::new();
    publisher.publish_timestamp();
    let mut client = Client::refreshed(&publisher);
    publisher.timestamp.version = 1;
    publisher.serve_timestamp();
    assert_eq!(client.refresh(&publisher).unwrap_err(), rollback("timestamp", 2, 1));
    assert_eq!(version_in(&client.files["timestamp.json"]), 2);
}

#[test]
fn a_timestamp_of_equal_version_is_discarded_quietly() {
    let mut publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    let kept = client.files["timestamp.json"].clone();
    publisher.timestamp.meta.snapshot.version = 100;
    publisher.serve_timestamp();
    client.refresh(&publisher).unwrap();
    assert_eq!(client.files["timestamp.json"], kept);
    assert_eq!(client.fetched(), ["2.root.json", "timestamp.json"]);
}

#[test]
fn a_timestamp_whose_snapshot_goes_back_is_refused() {
    let mut publisher = Publisher::new();
    publisher.publish_snapshot();
    let mut client = Client::refreshed(&publisher);
    publisher.snapshot.version = 1;
    publisher.publish_timestamp();
    assert_eq!(client.refresh(&publisher).unwrap_err(), rollback("snapshot", 2, 1));
    assert_eq!(version_in(&client.files["timestamp.json"]), 2);
}

#[test]
fn an_expired_timestamp_is_refused_and_not_saved() {
    let mut publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    publisher.timestamp.expires = now();
    publisher.publish_timestamp();
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Expired { role: "timestamp".to_owned(), at: now(), now: now() });
    assert_eq!(version_in(&client.files["timestamp.json"]), 1);
    assert_eq!(client.floors.roles["timestamp"].version, 1);
}

#[test]
fn an_expired_stored_timestamp_is_a_floor_but_no_answer() {
    let mut publisher = Publisher::new();
    publisher.publish_timestamp();
    let mut client = Client::refreshed(&publisher);
    client.floors = exuvia_core::Floors::default();
    client.now = time("2028-01-01T00:00:00Z");
    publisher.root.expires = time("2030-01-01T00:00:00Z");
    publisher.publish_root();
    // Unchanged: the expiry is judged although the server would say so.
    let error = client.refresh(&publisher).unwrap_err();
    assert!(matches!(error, Error::Expired { role, .. } if role == "timestamp"));
    assert!(!client.log.contains(&"304".to_owned()));
    // Older, but in date.
    publisher.timestamp.version = 1;
    publisher.timestamp.expires = time("2029-01-01T00:00:00Z");
    publisher.serve_timestamp();
    assert_eq!(client.refresh(&publisher).unwrap_err(), rollback("timestamp", 2, 1));
}

#[test]
fn an_unusable_stored_timestamp_cannot_be_unmodified() {
    let publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    client.floors.roles.get_mut("timestamp").unwrap().version = 2;
    let mut refresh = client.start().unwrap();
    refresh.accept(Answer::Missing).unwrap();
    refresh.accept(Answer::Bytes(&client.files["timestamp.json"])).unwrap();
    assert!(matches!(refresh.wants(), Want::Fetch { conditional: false, .. }));
    assert_eq!(refresh.accept(Answer::NotModified), Err(Error::UnexpectedAnswer));
}

#[test]
fn a_snapshot_is_no_timestamp_even_if_its_keys_would_do() {
    let mut publisher = Publisher::new();
    let bytes = signed(&publisher.snapshot, &publisher.signers["timestamp"]);
    publisher.files.insert("timestamp.json".to_owned(), bytes);
    let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
    let (role, found) = ("timestamp".to_owned(), "snapshot".to_owned());
    assert_eq!(error, Error::WrongType { role, found });
}

#[test]
fn only_version_1_of_the_specification_is_followed() {
    for (version, good) in [
        ("1.0.34", true),
        ("1.0", true),
        ("1", true),
        ("2.0.0", false),
        ("10.0", false),
        ("", false),
    ] {
        let mut publisher = Publisher::new();
        publisher.timestamp.spec_version = version.to_owned();
        publisher.publish_timestamp();
        let result = Client::of(&publisher).refresh(&publisher);
        match result {
            Ok(_) => assert!(good, "{version}"),
            Err(error) => {
                assert!(!good && matches!(error, Error::WrongSpecVersion { .. }), "{version}");
            }
        }
    }
}
