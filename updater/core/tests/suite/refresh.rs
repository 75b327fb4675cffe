//! The order of a refresh, what it costs, and how it goes on after a refusal.

use exuvia_core::{Answer, Error, Machine, Want};

use crate::client::Client;
use crate::publisher::{Publisher, time};

#[test]
fn a_first_refresh_asks_in_the_order_of_the_specification() {
    let publisher = Publisher::new();
    let mut client = Client::of(&publisher);
    client.refresh(&publisher).unwrap();
    assert_eq!(
        client.log,
        [
            "get 2.root.json",
            "load timestamp.json",
            "get timestamp.json",
            "floors",
            "save timestamp.json",
            "load snapshot.json",
            "get 1.snapshot.json",
            "floors",
            "save snapshot.json",
            "load targets.json",
            "get 1.targets.json",
            "save targets.json",
        ]
    );
}

#[test]
fn an_unchanged_check_is_two_fetches_and_writes_nothing() {
    let publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    client.refresh(&publisher).unwrap();
    assert_eq!(
        client.log,
        [
            "get 2.root.json",
            "load timestamp.json",
            "get timestamp.json",
            "304",
            "load snapshot.json",
            "load targets.json",
        ]
    );
}

#[test]
fn a_change_of_one_role_fetches_that_role_alone() {
    let mut publisher = Publisher::new();
    let mut client = Client::refreshed(&publisher);
    publisher.publish_snapshot();
    client.refresh(&publisher).unwrap();
    assert_eq!(client.fetched(), ["2.root.json", "timestamp.json", "2.snapshot.json"]);
}

#[test]
fn without_consistent_snapshots_files_have_plain_names() {
    let mut publisher = Publisher::new();
    publisher.root.consistent_snapshot = false;
    publisher.publish_root();
    publisher.publish(&["targets"]);
    let mut client = Client::of(&publisher);
    client.refresh(&publisher).unwrap();
    assert_eq!(
        client.fetched(),
        ["2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json"]
    );
}

#[test]
fn metadata_is_stored_byte_for_byte() {
    let mut publisher = Publisher::new();
    publisher.publish_root();
    for bytes in publisher.files.values_mut() {
        bytes.extend(b" \n");
    }
    let client = Client::refreshed(&publisher);
    for (stored, served) in [
        ("root.json", "2.root.json"),
        ("timestamp.json", "timestamp.json"),
        ("snapshot.json", "1.snapshot.json"),
        ("targets.json", "1.targets.json"),
    ] {
        assert_eq!(client.files[stored], publisher.files[served], "{stored}");
    }
}

#[test]
fn only_a_missing_root_is_no_error() {
    for file in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
        let mut publisher = Publisher::new();
        publisher.files.remove(file);
        let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
        assert_eq!(error, Error::Missing { file: file.to_owned() });
    }
}

#[test]
fn after_a_refusal_the_same_thing_may_be_had_elsewhere() {
    let publisher = Publisher::new();
    let client = Client::of(&publisher);
    let mut refresh = client.start().unwrap();
    let mut refused = 0;
    loop {
        let before = format!("{:?}", refresh.wants());
        let name = match refresh.wants() {
            Want::Nothing => break,
            Want::Fetch { name, .. } => name.to_owned(),
            Want::Load { .. } => {
                refresh.accept(Answer::Missing).unwrap();
                continue;
            }
            Want::Save { .. } | Want::SaveFloors { .. } => {
                refresh.accept(Answer::Done).unwrap();
                continue;
            }
        };
        if let Some(good) = publisher.files.get(&name) {
            for bad in [&b"{}"[..], b"", &good[1..], &publisher.files["1.root.json"]] {
                refresh.accept(Answer::Bytes(bad)).unwrap_err();
                assert_eq!(format!("{:?}", refresh.wants()), before);
                refused += 1;
            }
            refresh.accept(Answer::Bytes(good)).unwrap();
        } else {
            refresh.accept(Answer::Missing).unwrap();
        }
    }
    assert_eq!(refused, 12);
    assert_eq!(refresh.finish().unwrap().root_version(), 1);
}

#[test]
fn an_answer_out_of_turn_is_refused_and_changes_nothing() {
    let publisher = Publisher::new();
    let mut refresh = Client::of(&publisher).start().unwrap();
    assert_eq!(refresh.accept(Answer::Done), Err(Error::UnexpectedAnswer));
    assert_eq!(refresh.accept(Answer::NotModified), Err(Error::UnexpectedAnswer));
    refresh.accept(Answer::Missing).unwrap();
    assert_eq!(refresh.wants(), Want::Load { name: "timestamp.json" });
    assert_eq!(refresh.accept(Answer::NotModified), Err(Error::UnexpectedAnswer));
    refresh.accept(Answer::Missing).unwrap();
    // Nothing was loaded, so nothing can be unmodified.
    assert_eq!(refresh.accept(Answer::NotModified), Err(Error::UnexpectedAnswer));
    assert_eq!(refresh.finish().unwrap_err(), Error::Unfinished);
}

#[test]
fn answers_are_capped_even_if_the_driver_does_not() {
    let mut publisher = Publisher::new();
    publisher.publish_root();
    for (file, role) in [
        ("2.root.json", "root"),
        ("timestamp.json", "timestamp"),
        ("1.snapshot.json", "snapshot"),
        ("1.targets.json", "targets"),
    ] {
        let mut client = Client::of(&publisher);
        let limit = publisher.files[file].len() as u64 - 1;
        let limits = &mut client.limits;
        *match role {
            "root" => &mut limits.root,
            "timestamp" => &mut limits.timestamp,
            "snapshot" => &mut limits.snapshot,
            _ => &mut limits.targets,
        } = limit;
        let error = client.refresh(&publisher).unwrap_err();
        assert_eq!(error, Error::TooLong { role: role.to_owned(), limit });
    }
}

#[test]
fn a_stated_length_is_the_limit_of_its_file() {
    let mut publisher = Publisher::new();
    publisher.hashes = true;
    publisher.publish(&["targets"]);
    let mut refresh = Client::of(&publisher).start().unwrap();
    let mut limits = Vec::new();
    loop {
        let answer = match refresh.wants() {
            Want::Nothing => break,
            Want::Load { .. } => Answer::Missing,
            Want::Save { .. } | Want::SaveFloors { .. } => Answer::Done,
            Want::Fetch { name, limit, .. } => match publisher.files.get(name) {
                None => Answer::Missing,
                Some(bytes) => {
                    limits.push((name.to_owned(), limit == bytes.len() as u64));
                    Answer::Bytes(bytes)
                }
            },
        };
        refresh.accept(answer).unwrap();
    }
    let expected = [("timestamp.json", false), ("2.snapshot.json", true), ("2.targets.json", true)];
    assert_eq!(limits, expected.map(|(name, capped)| (name.to_owned(), capped)));
}

#[test]
fn now_is_never_earlier_than_the_floor_of_time() {
    let mut publisher = Publisher::new();
    publisher.timestamp.expires = time("2026-03-01T00:00:00Z");
    publisher.publish_timestamp();
    let mut client = Client::of(&publisher);
    client.now = time("2026-02-01T00:00:00Z");
    assert!(client.refresh(&publisher).is_ok());
    client.floors.raise_time(time("2026-04-01T00:00:00Z"));
    let error = client.refresh(&publisher).unwrap_err();
    assert!(matches!(error, Error::Expired { role, now, .. }
        if role == "timestamp" && now == time("2026-04-01T00:00:00Z")));
}
