//! What each change writes, in which order, and what is left when it fails.

use crate::support::*;
use exuvia_repo::{Error, Expiry, Keyring, Keys, Repository, Signer as _, verify};

#[test]
fn a_new_repository_is_written_root_first_and_timestamp_last() {
    let (repository, changes) = Repository::init(
        "notes".parse().unwrap(),
        &founding(),
        Expiry::default(),
        &keys(1..=5),
        day(0),
    )
    .unwrap();
    assert_eq!(
        paths(&changes),
        [
            "metadata/1.root.json",
            "metadata/1.targets.json",
            "metadata/1.snapshot.json",
            "metadata/timestamp.json"
        ]
    );
    let listing = verify(&repository, repository.first_root().unwrap(), day(0)).unwrap();
    assert_eq!(listing.root_version, 1);
    assert_eq!(listing.timestamp_expires, day(30));
}

#[test]
fn either_root_key_founds_a_repository() {
    for root in [1, 2] {
        let keys = keys([root, 3, 4, 5]);
        let app = "notes".parse().unwrap();
        assert!(Repository::init(app, &founding(), Expiry::default(), &keys, day(0)).is_ok());
    }
}

#[test]
fn a_platform_is_delegated_one_folder_and_signed_below_targets() {
    let mut publisher = Publisher::new();
    let macos = "macos-aarch64".parse().unwrap();
    let of = Keys::any_of([key(6).public()]);
    let changes =
        publisher.repository.add_platform(&stable(), &macos, &of, &publisher.keys, day(0)).unwrap();
    assert_eq!(
        paths(&changes),
        [
            "metadata/1.stable-macos-aarch64.json",
            "metadata/4.targets.json",
            "metadata/4.snapshot.json",
            "metadata/timestamp.json"
        ]
    );
    let twice = publisher.repository.add_platform(&stable(), &macos, &of, &publisher.keys, day(0));
    assert!(matches!(twice, Err(Error::RoleExists { role }) if role == "stable-macos-aarch64"));
}

#[test]
fn a_release_writes_its_role_then_snapshot_then_timestamp() {
    let mut publisher = Publisher::new();
    let released = publisher.release(&release("1.0.0"), day(1)).unwrap();
    assert_eq!(
        paths(&released.changes),
        [
            "metadata/2.stable-linux-x86_64.json",
            "metadata/4.snapshot.json",
            "metadata/timestamp.json"
        ]
    );
    let digest = release("1.0.0").full.sha256;
    let at = format!("targets/stable/linux-x86_64/{digest}.1.0.0-folder.tar.zst");
    assert_eq!(released.full, at);
}

#[test]
fn versions_only_go_up() {
    let mut publisher = Publisher::new();
    for (number, version) in ["1.0.0", "1.1.0", "1.2.0"].into_iter().enumerate() {
        publisher.release(&release(version), day(number as i64)).unwrap();
    }
    publisher.repository.refresh(&publisher.keys, day(4)).unwrap();
    let timestamp: serde_json::Value =
        serde_json::from_slice(&publisher.repository.files()["metadata/timestamp.json"]).unwrap();
    assert_eq!(timestamp["signed"]["version"], 7);
    assert_eq!(timestamp["signed"]["meta"]["snapshot.json"]["version"], 6);
}

#[test]
fn old_metadata_stays() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    for version in 1..=4 {
        let path = format!("metadata/{version}.snapshot.json");
        assert!(publisher.repository.files().contains_key(&path), "{path}");
    }
}

#[test]
fn a_refused_change_leaves_the_state_as_it_was() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let before = publisher.repository.files().clone();
    publisher.release(&release("0.9.0"), day(1)).unwrap_err();
    publisher.repository.release(&release("1.1.0"), &keys([4, 5]), day(1)).unwrap_err();
    publisher.repository.refresh(&Keyring::new(), day(1)).unwrap_err();
    assert_eq!(publisher.repository.files(), &before);
    publisher.release(&release("1.1.0"), day(1)).unwrap();
}

#[test]
fn a_change_needs_the_keys_of_its_roles_and_no_other() {
    let mut publisher = Publisher::new();
    for (seeds, missing) in
        [([4, 5], "stable-linux-x86_64"), ([6, 5], "snapshot"), ([6, 4], "timestamp")]
    {
        let refused =
            publisher.repository.release(&release("1.0.0"), &keys(seeds), day(0)).unwrap_err();
        assert!(
            matches!(&refused, Error::MissingKeys { role, threshold: 1, have: 0 } if role == missing),
            "{refused}"
        );
    }
    publisher.repository.release(&release("1.0.0"), &keys([4, 5, 6]), day(0)).unwrap();
}

#[test]
fn a_key_of_another_role_does_not_sign() {
    let mut publisher = Publisher::new();
    let refused = publisher
        .repository
        .release(&release("1.0.0"), &keys([1, 2, 3, 4, 5]), day(0))
        .unwrap_err();
    assert!(matches!(refused, Error::MissingKeys { role, .. } if role == "stable-linux-x86_64"));
}

#[test]
fn a_threshold_needs_that_many_different_keys() {
    let of = |keys: Vec<_>, threshold| Keys { keys, threshold };
    let app = || "notes".parse().unwrap();
    let mut founding = founding();
    for (keys_given, threshold) in [
        (of(vec![key(1).public(), key(1).public()], 2), 2),
        (of(vec![], 1), 1),
        (of(vec![key(1).public()], 0), 0),
    ] {
        founding.root = keys_given;
        let refused = Repository::init(app(), &founding, Expiry::default(), &keys(1..=5), day(0))
            .unwrap_err();
        assert!(
            matches!(&refused, Error::Threshold { role, threshold: t, .. } if role == "root" && *t == threshold),
            "{refused}"
        );
    }
    founding.root = of(vec![key(1).public(), key(2).public()], 2);
    let one = Repository::init(app(), &founding, Expiry::default(), &keys([1, 3, 4, 5]), day(0));
    assert!(matches!(one, Err(Error::MissingKeys { threshold: 2, have: 1, .. })));
    Repository::init(app(), &founding, Expiry::default(), &keys(1..=5), day(0)).unwrap();
}

#[test]
fn notes_with_line_breaks_survive_signing_and_reading() {
    let mut publisher = Publisher::new();
    let mut facts = facts("1.0.0", "1.0.0");
    let notes = "Faster start.\n\n- \"quotes\", \\ and \u{7} and é";
    facts.notes.insert("en".to_owned(), notes.to_owned());
    publisher.release(&of(facts), day(0)).unwrap();
    let read = publisher.parse().unwrap().listed(&stable(), &linux()).unwrap();
    assert_eq!(read[0].facts.notes["en"], notes);
}
