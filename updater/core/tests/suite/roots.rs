//! 5.2 and 5.3: the chain of roots.

use exuvia_core::Error;
use exuvia_core::metadata::Role as _;

use crate::client::Client;
use crate::publisher::{Publisher, Signer, now, signed, tampered, time, version_in};

fn threshold(signed: u64, needed: u64) -> Error {
    Error::Threshold { role: "root".to_owned(), signed, needed }
}

#[test]
fn an_embedded_root_must_be_signed_by_its_own_keys() {
    let publisher = Publisher::new();
    let mut client = Client::of(&publisher);
    client.embedded = tampered(&client.embedded, |root| root["signed"]["version"] = 2.into());
    assert_eq!(client.refresh(&publisher).unwrap_err(), threshold(0, 1));
    client.embedded = b"{}".to_vec();
    assert!(matches!(client.refresh(&publisher), Err(Error::Malformed { .. })));
    assert_eq!(client.fetched(), [""; 0]);
}

#[test]
fn every_root_of_the_chain_is_followed_and_saved() {
    let mut publisher = Publisher::new();
    for seed in [11, 12, 13] {
        publisher.rotate("root", &[seed], 1);
        publisher.publish_root();
    }
    let mut client = Client::of(&publisher);
    assert_eq!(client.refresh(&publisher).unwrap().root_version(), 4);
    assert_eq!(client.log[..3], ["get 2.root.json", "floors", "save root.json"]);
    assert_eq!(client.log.iter().filter(|line| *line == "save root.json").count(), 3);
    assert_eq!((version_in(&client.files["root.json"]), client.floors.root), (4, 4));
    // The next refresh starts where this one ended.
    client.refresh(&publisher).unwrap();
    assert_eq!(client.fetched()[0], "5.root.json");
}

#[test]
fn a_new_root_needs_the_signatures_of_the_old_keys() {
    let mut publisher = Publisher::new();
    publisher.rotate("root", &[11], 1);
    publisher.root.version = 2;
    publisher.serve_root(&[Signer::new(11)]);
    assert_eq!(Client::of(&publisher).refresh(&publisher).unwrap_err(), threshold(0, 1));
}

#[test]
fn a_new_root_needs_the_signatures_of_its_own_keys() {
    let mut publisher = Publisher::new();
    publisher.rotate("root", &[11, 12], 2);
    publisher.root.version = 2;
    publisher.serve_root(&[Signer::new(1), Signer::new(11)]);
    assert_eq!(Client::of(&publisher).refresh(&publisher).unwrap_err(), threshold(1, 2));
}

#[test]
fn a_root_that_skips_or_repeats_a_version_is_refused() {
    for version in [1, 3] {
        let mut publisher = Publisher::new();
        publisher.root.version = version;
        let bytes = signed(&publisher.root, &publisher.signers["root"]);
        publisher.files.insert("2.root.json".to_owned(), bytes);
        let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
        let role = "root".to_owned();
        assert_eq!(error, Error::WrongVersion { role, expected: 2, found: version });
    }
}

#[test]
fn a_refused_root_leaves_the_roots_before_it_trusted() {
    let mut publisher = Publisher::new();
    publisher.publish_root();
    publisher.root.version = 3;
    publisher.serve_root(&[Signer::new(99)]);
    let mut client = Client::of(&publisher);
    assert!(client.refresh(&publisher).is_err());
    assert_eq!(version_in(&client.files["root.json"]), 2);
}

#[test]
fn an_expired_root_may_be_passed_on_the_way() {
    let mut publisher = Publisher::new();
    let good = publisher.root.expires();
    publisher.root.expires = time("2020-01-01T00:00:00Z");
    publisher.publish_root();
    publisher.root.expires = good;
    publisher.publish_root();
    assert_eq!(Client::of(&publisher).refresh(&publisher).unwrap().root_version(), 3);
}

#[test]
fn an_expired_last_root_is_refused_after_it_was_saved() {
    let mut publisher = Publisher::new();
    // The expiry must be later than now: the very instant is too late.
    publisher.root.expires = now();
    publisher.publish_root();
    let mut client = Client::of(&publisher);
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Expired { role: "root".to_owned(), at: now(), now: now() });
    assert_eq!(version_in(&client.files["root.json"]), 2);
    assert!(!client.files.contains_key("timestamp.json"));
}

#[test]
fn the_number_of_roots_in_one_refresh_is_limited() {
    let mut publisher = Publisher::new();
    for _ in 0..5 {
        publisher.publish_root();
    }
    let mut client = Client::of(&publisher);
    client.limits.roots = 3;
    assert_eq!(client.refresh(&publisher).unwrap().root_version(), 4);
    assert_eq!(client.refresh(&publisher).unwrap().root_version(), 6);
}

#[test]
fn the_newer_of_embedded_and_stored_root_counts() {
    let mut publisher = Publisher::new();
    publisher.publish_root();
    publisher.publish_root();
    let mut client = Client::refreshed(&publisher);
    client.embedded = publisher.files["2.root.json"].clone();
    client.refresh(&publisher).unwrap();
    assert_eq!(client.fetched()[0], "4.root.json");
    client.files.insert("root.json".to_owned(), publisher.first_root());
    client.refresh(&publisher).unwrap();
    assert_eq!(client.fetched()[0], "3.root.json");
}

#[test]
fn a_damaged_stored_root_is_fetched_again_and_cannot_be_withheld() {
    let mut publisher = Publisher::new();
    publisher.publish_root();
    publisher.publish_root();
    let mut client = Client::refreshed(&publisher);
    for damage in [&b""[..], b"{", &publisher.files["3.root.json"][..99]] {
        client.files.insert("root.json".to_owned(), damage.to_vec());
        assert_eq!(client.refresh(&publisher).unwrap().root_version(), 3);
    }
    client.files.remove("root.json");
    publisher.files.remove("3.root.json");
    let error = client.refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Rollback { role: "root".to_owned(), floor: 3, found: 2 });
}
