//! Releases out of files that somebody else fetched: the names they may have, and what is learnt.

use std::collections::BTreeMap;

use exuvia_core::offline::{self, Learnt};
use exuvia_core::{Error, Floors, Limits, Releases, Start, json};
use serde_json::json;

use crate::client::Client;
use crate::publisher::{Publisher, now};

const FACTS: &[u8] = include_bytes!("../../../../docs/vectors/facts-full.json");

/// A repository with one release and a second root.
fn publisher() -> Publisher {
    let mut publisher = Publisher::new();
    let facts = json!({ "exuvia": json::parse(FACTS).unwrap() });
    publisher.add("targets", "stable/linux-x86_64/full", b"full", Some(facts));
    publisher.publish_root();
    publisher.publish(&["targets"]);
    publisher
}

fn read(
    root: &[u8],
    floors: Floors,
    files: &BTreeMap<String, Vec<u8>>,
) -> (Learnt, Result<Releases, Error>) {
    let start =
        Start { embedded: root, stored: None, floors, now: now(), limits: Limits::default() };
    let (app, channel, platform) = ("notes", "stable", "linux-x86_64");
    let whose = (&app.parse().unwrap(), &channel.parse().unwrap(), &platform.parse().unwrap());
    offline::releases(start, whose, &mut |name, limit| match files.get(name) {
        Some(bytes) if bytes.len() as u64 > limit => {
            Err(Error::TooLong { role: name.to_owned(), limit })
        }
        found => Ok(found.cloned()),
    })
}

#[test]
fn a_repository_and_a_store_are_read_alike() {
    let publisher = publisher();
    let root = publisher.first_root();
    let mut client = Client::refreshed(&publisher);
    client.list(&publisher, "stable/linux-x86_64").unwrap();
    for (what, files) in [("repository", &publisher.files), ("store", &client.files)] {
        let (learnt, releases) = read(&root, Floors::default(), files);
        assert_eq!(releases.unwrap().iter().count(), 1, "{what}");
        assert_eq!(learnt.root.unwrap(), publisher.files["2.root.json"], "{what}");
        assert_eq!(learnt.floors.unwrap().root, client.floors.root, "{what}");
    }
}

#[test]
fn a_root_by_its_plain_name_counts_only_as_the_one_asked_for() {
    let publisher = publisher();
    let mut files = publisher.files.clone();
    let second = files.remove("2.root.json").unwrap();
    // The first root once more is no successor of itself; nor does it stop the rest.
    files.insert("root.json".to_owned(), publisher.first_root());
    let (learnt, releases) = read(&publisher.first_root(), Floors::default(), &files);
    assert_eq!((learnt.root, releases.unwrap().iter().count()), (None, 1));
    files.insert("root.json".to_owned(), second.clone());
    let (learnt, _) = read(&publisher.first_root(), Floors::default(), &files);
    assert_eq!(learnt.root, Some(second));
}

#[test]
fn what_was_learnt_before_a_refusal_holds() {
    let publisher = publisher();
    let mut files = publisher.files.clone();
    let timestamp = files.get_mut("timestamp.json").unwrap();
    *timestamp = crate::publisher::tampered(timestamp, |v| v["signed"]["version"] = json!(99));
    let (learnt, releases) = read(&publisher.first_root(), Floors::default(), &files);
    assert!(releases.is_err());
    let (root, floors) = (learnt.root.unwrap(), learnt.floors.unwrap());
    assert_eq!(root, publisher.files["2.root.json"]);
    // And forbids to go back behind it.
    files.remove("2.root.json");
    assert!(read(&publisher.first_root(), floors, &files).1.is_err());
}
