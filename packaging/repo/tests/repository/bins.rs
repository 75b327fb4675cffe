//! Long lists in hashed bins: the publisher's, and a large one as clients find their way in it.

use std::collections::BTreeMap;

use crate::support::*;
use exuvia_core::metadata::{
    Delegations, Envelope, MetaFile, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
};
use exuvia_core::{Answer, Digest, Floors, Limits, Machine, Refresh, Start, Want};
use exuvia_repo::{
    Error, KeyChange, Keys, NewRelease, Proposal, Repository, Signer as _, Withdrawn, Word, Yank,
    owner, verify, verify_step,
};
use serde_json::Map;

/// Notes of 8 KiB in one language: a few releases fill a role.
fn long(version: &str) -> NewRelease {
    let mut facts = facts(version, version);
    for language in ["de", "en"] {
        facts.notes.insert(language.to_owned(), "x".repeat(8_000));
    }
    of(facts)
}

fn finish(publisher: &mut Publisher, mut proposal: Proposal, day_of: i64) {
    proposal.sign(&publisher.repository, &publisher.keys).unwrap();
    let (after, changes) =
        proposal.finish(&publisher.repository, &publisher.keys, day(day_of)).unwrap();
    changes.write_to(&mut publisher.disk);
    publisher.repository = after;
}

fn spread(publisher: &mut Publisher, bins: u32) {
    let proposal =
        publisher.repository.propose_bins(&stable(), Some(&linux()), bins, day(1)).unwrap();
    finish(publisher, proposal, 1);
}

fn versions(repository: &Repository) -> Vec<String> {
    let listed = repository.listed(&stable(), &linux()).unwrap();
    listed.into_iter().map(|one| one.facts.version.to_string()).collect()
}

/// The same from disk, as a client reads it, who was there before or not.
fn read_again(publisher: &Publisher, before: &Repository, day_of: i64) -> Repository {
    let repository = publisher.parse().unwrap();
    let listing = verify(&repository, publisher.root(), day(day_of)).unwrap();
    let on_linux = listing.targets.iter().filter(|t| t.path().starts_with("stable/linux"));
    assert_eq!(on_linux.count(), repository.listed(&stable(), &linux()).unwrap().len());
    verify_step(before, &repository, day(day_of)).unwrap();
    repository
}

#[test]
fn a_list_that_is_too_long_for_a_role_fits_into_bins() {
    let mut publisher = Publisher::new();
    let mut all = Vec::new();
    for minor in 0..3 {
        all.push(format!("1.{minor}.0"));
        publisher.release(&long(&all[minor]), day(0)).unwrap();
    }
    let next = long("1.3.0");
    let refused = publisher.release(&next, day(1)).unwrap_err();
    assert!(matches!(refused, Error::RoleTooLarge { .. }), "{refused}");
    let before = publisher.repository.clone();
    spread(&mut publisher, 8);
    assert_eq!(versions(&read_again(&publisher, &before, 1)), all);
    publisher.release(&next, day(1)).unwrap();
    all.push("1.3.0".to_owned());
    let after = read_again(&publisher, &before, 1);
    assert_eq!((versions(&after), after.bins(&stable(), &linux()).unwrap()), (all, 8));
}

#[test]
fn a_release_signs_only_the_bins_that_it_changes() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    spread(&mut publisher, 32);
    let released = publisher.release(&release("1.1.0"), day(1)).unwrap();
    let written = paths(&released.changes);
    assert_eq!(written.len(), 3, "one bin, snapshot, timestamp: {written:?}");
}

#[test]
fn bins_become_more_but_never_fewer() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    for bins in [2, 4, 32] {
        let before = publisher.repository.clone();
        spread(&mut publisher, bins);
        assert_eq!(versions(&read_again(&publisher, &before, 1)), ["1.0.0"]);
    }
    let refused = |bins| {
        publisher.repository.propose_bins(&stable(), Some(&linux()), bins, day(1)).unwrap_err()
    };
    for bins in [0, 1, 2, 16, 33, 64] {
        assert!(matches!(refused(bins), Error::Bins { have: 32, .. }), "{bins}");
    }
    assert!(matches!(refused(32), Error::AlreadySpread { bins: 32 }));
    let beta = "beta".parse().unwrap();
    let unknown = publisher.repository.propose_bins(&beta, None, 2, day(1)).unwrap_err();
    assert!(matches!(unknown, Error::UnknownRole { .. }));
}

#[test]
fn bins_have_the_keys_of_their_channel_whatever_becomes_of_them() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    spread(&mut publisher, 4);
    let role = || "stable-linux-x86_64".to_owned();
    let (old, new) = (key(6), key(7));
    publisher.keys.add(key(7));
    let steps = [
        vec![(role(), KeyChange::Add(new.public()))],
        vec![(role(), KeyChange::Threshold(2))],
        vec![(role(), KeyChange::Threshold(1)), (role(), KeyChange::Remove(old.id()))],
    ];
    for changes in steps {
        let before = publisher.repository.clone();
        let proposal = before.propose_keys(&changes, day(2)).unwrap();
        finish(&mut publisher, proposal, 2);
        let after = read_again(&publisher, &before, 2);
        let (bin, channel) =
            (after.authority("stable-linux-x86_64-3").unwrap(), after.authority(&role()).unwrap());
        assert_eq!((bin.keyids, bin.threshold), (channel.keyids, channel.threshold));
    }
    // The old key alone signs nothing any more.
    publisher.keys = keys(1..=6);
    let refused = publisher.release(&release("1.1.0"), day(3)).unwrap_err();
    assert!(matches!(refused, Error::MissingKeys { .. }), "{refused}");
}

#[test]
fn what_lies_in_bins_is_withdrawn_and_renewed_like_the_rest() {
    let mut publisher = Publisher::new();
    for version in ["1.0.0", "1.1.0"] {
        publisher.release(&release(version), day(0)).unwrap();
    }
    spread(&mut publisher, 4);
    let yank =
        Yank { channel: stable(), what: Withdrawn::Version("1.1.0".parse().unwrap()), to: None };
    let (proposal, _) = publisher.repository.propose_yank(&yank, day(1)).unwrap();
    let before = publisher.repository.clone();
    finish(&mut publisher, proposal, 1);
    let after = read_again(&publisher, &before, 1);
    let listed = after.listed(&stable(), &linux()).unwrap();
    assert_eq!(listed[0].facts.supersedes, [Digest::of(b"1.1.0")]);
    let again = publisher.release(&release("1.1.0"), day(2)).unwrap_err();
    assert!(matches!(again, Error::VersionNotHigher { .. }), "{again}");
    // Before a year is over, all of it is due, and named once.
    for month in 1..9 {
        publisher.repository.refresh(&publisher.keys, day(month * 30)).unwrap();
    }
    let due: Vec<String> =
        publisher.repository.due(day(250)).into_iter().map(|due| due.role).collect();
    assert_eq!(due.iter().filter(|role| role.contains("linux")).count(), 1, "{due:?}");
    publisher.repository.refresh(&publisher.keys, day(250)).unwrap();
    verify(&publisher.repository, publisher.root(), day(270)).unwrap();
    assert!(publisher.repository.due(day(260)).iter().all(|due| !due.role.contains("linux")));
}

#[test]
fn a_signer_is_told_of_bins() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let before = &publisher.repository;
    let proposal = before.propose_bins(&stable(), Some(&linux()), 8, day(1)).unwrap();
    let words = proposal.words(before).unwrap();
    let of_role = words.iter().find(|words| words.role == "stable-linux-x86_64").unwrap();
    let bins = Word::Bins { of: "stable-linux-x86_64".to_owned(), bins: 8 };
    assert!(of_role.changes.contains(&bins), "{:?}", of_role.changes);
    assert!(words.iter().all(|words| owner(&words.role) == "stable-linux-x86_64"));
    // Bins with other keys are no bins of this command.
    let text = String::from_utf8(proposal.encode()).unwrap();
    let twisted = text.replace("\"bit_length\": 3", "\"bit_length\": 3, \"x-more\": 1");
    let twisted = Proposal::parse(twisted.as_bytes()).unwrap();
    let words = twisted.words(before).unwrap();
    let warned = |word: &Word| word.to_string().starts_with("ATTENTION");
    assert!(words.iter().any(|words| words.changes.iter().any(warned)));
}

#[test]
fn one_of_a_hundred_thousand_targets_is_found_in_four_files() {
    let files = large(100_000, 10);
    assert_eq!(files.len(), 1_024 + 4);
    let start = Start {
        embedded: &files["metadata/1.root.json"],
        stored: None,
        floors: Floors::default(),
        now: day(1),
        limits: Limits::default(),
    };
    let (mut refresh, mut read) = (Refresh::new(start).unwrap(), 0);
    drive(&mut refresh, &files, &mut read);
    let mut search = refresh.finish().unwrap().find("files/77777");
    drive(&mut search, &files, &mut read);
    let (_, found) = search.finish().unwrap();
    assert_eq!((found[0].path(), read), ("files/77777", 4));
}

/// A repository of any files, whose top-level targets are spread over `2^bits` bins.
fn large(count: usize, bits: u32) -> BTreeMap<String, Vec<u8>> {
    let of = Keys::any_of([key(6).public()]);
    let succinct = SuccinctRoles {
        keyids: vec![key(6).id()],
        threshold: of.threshold,
        bit_length: bits,
        name_prefix: "bin".to_owned(),
        extra: Map::new(),
    };
    let mut bins: BTreeMap<String, Targets> =
        succinct.bins().map(|bin| (bin.name, Targets::new(1, day(300)))).collect();
    for path in (0..count).map(|number| format!("files/{number}")) {
        let hashes =
            BTreeMap::from([("sha256".to_owned(), Digest::of(path.as_bytes()).to_string())]);
        let file = TargetFile { length: 1, hashes, custom: None, extra: Map::new() };
        bins.get_mut(&succinct.bin_of(&path).name).unwrap().targets.insert(path, file);
    }
    let mut top = Targets::new(1, day(300));
    let keys = BTreeMap::from([(key(6).id(), key(6).public())]);
    top.delegations =
        Some(Delegations { keys, succinct_roles: Some(succinct), ..Delegations::default() });
    let publisher = Publisher::new();
    let mut files =
        BTreeMap::from([("metadata/1.root.json".to_owned(), publisher.root().to_vec())]);
    let mut meta = BTreeMap::from([("targets.json".to_owned(), MetaFile::of_version(1))]);
    files.insert("metadata/1.targets.json".to_owned(), signed(&top, 3));
    for (name, bin) in bins {
        files.insert(format!("metadata/1.{name}.json"), signed(&bin, 6));
        meta.insert(format!("{name}.json"), MetaFile::of_version(1));
    }
    let snapshot = signed(&Snapshot::new(1, day(60), meta), 4);
    files.insert("metadata/1.snapshot.json".to_owned(), snapshot);
    let timestamp = signed(&Timestamp::new(1, day(30), MetaFile::of_version(1)), 5);
    files.insert("metadata/timestamp.json".to_owned(), timestamp);
    files
}

fn signed(role: &impl serde::Serialize, seed: u8) -> Vec<u8> {
    let mut envelope = Envelope::unsigned(role).unwrap();
    envelope.signatures.push(key(seed).sign(&envelope.signed_bytes().unwrap()).unwrap());
    serde_json::to_vec(&envelope).unwrap()
}

/// Answers what a machine wants; counts the files that are there.
fn drive(machine: &mut impl Machine, files: &BTreeMap<String, Vec<u8>>, read: &mut usize) {
    loop {
        let answer = match machine.wants() {
            Want::Nothing => return,
            Want::Load { .. } => Answer::Missing,
            Want::Fetch { name, .. } => match files.get(&format!("metadata/{name}")) {
                Some(bytes) => {
                    *read += 1;
                    Answer::Bytes(bytes)
                }
                None => Answer::Missing,
            },
            Want::Save { .. } | Want::SaveFloors { .. } => Answer::Done,
        };
        machine.accept(answer).unwrap();
    }
}
