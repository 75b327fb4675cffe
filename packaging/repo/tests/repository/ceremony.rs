//! Changes that are proposed here, signed there, and finished somewhere else.

use crate::support::*;
use exuvia_core::metadata::Envelope;
use exuvia_repo::{
    Error, Expiry, Founding, KeyChange, Keys, Proposal, Repository, Signer as _, Word, verify,
};

/// Three root keys, of which two must sign; nobody has two of them.
fn company() -> (Repository, Proposal) {
    let root = Keys { keys: [11, 12, 13].map(|seed| key(seed).public()).to_vec(), threshold: 2 };
    let founding = Founding { root, ..founding() };
    let empty = Repository::empty("notes".parse().unwrap(), Expiry::default());
    let proposal = empty.propose_founding(&founding, day(0)).unwrap();
    (empty, proposal)
}

fn founded() -> Repository {
    let (empty, mut proposal) = company();
    for seed in [11, 12] {
        proposal.sign(&empty, &keys([seed])).unwrap();
    }
    proposal.sign(&empty, &keys([3])).unwrap();
    proposal.finish(&empty, &keys([4, 5]), day(0)).unwrap().0
}

/// As it travels on a stick.
fn carried(proposal: &Proposal) -> Proposal {
    Proposal::parse(&proposal.encode()).unwrap()
}

#[test]
fn a_repository_is_founded_by_keys_on_different_machines() {
    let (empty, proposal) = company();
    let mut copies = [carried(&proposal), carried(&proposal)];
    for (copy, seed) in copies.iter_mut().zip([11, 13]) {
        let before = copy.before().unwrap();
        let signed = copy.sign(&before, &keys([seed])).unwrap();
        assert_eq!(signed, [("root".to_owned(), key(seed).id())]);
    }
    let mut proposal = carried(&proposal);
    proposal.sign(&empty, &keys([3])).unwrap();
    let refused = proposal.finish(&empty, &keys([4, 5]), day(0)).unwrap_err();
    assert!(
        matches!(&refused, Error::MissingKeys { role, threshold: 2, have: 0 } if role == "root"),
        "{refused}"
    );
    for copy in copies {
        proposal.absorb(copy).unwrap();
    }
    let (repository, _) = proposal.finish(&empty, &keys([4, 5]), day(0)).unwrap();
    assert_eq!(
        verify(&repository, repository.first_root().unwrap(), day(0)).unwrap().root_version,
        1
    );
}

#[test]
fn the_same_key_twice_is_one_signature() {
    let (empty, mut proposal) = company();
    for _ in 0..2 {
        proposal.sign(&empty, &keys([11, 3])).unwrap();
    }
    let root = &proposal.standing(&empty).unwrap()[1];
    assert_eq!((root.role.as_str(), root.signed.len(), root.awaited.len()), ("root", 1, 2));
    assert!(proposal.finish(&empty, &keys([4, 5]), day(0)).is_err());
}

#[test]
fn a_new_root_needs_the_old_keys_and_the_new() {
    let before = founded();
    // 12 and 13 go, 14 and 15 come.
    let role = || "root".to_owned();
    let changes = [
        (role(), KeyChange::Add(key(14).public())),
        (role(), KeyChange::Add(key(15).public())),
        (role(), KeyChange::Remove(key(12).id())),
        (role(), KeyChange::Remove(key(13).id())),
    ];
    let proposal = before.propose_keys(&changes, day(1)).unwrap();
    let finish = |seeds: &[u8]| {
        let mut proposal = carried(&proposal);
        proposal.sign(&before, &keys(seeds.iter().copied())).unwrap();
        proposal.finish(&before, &keys([4, 5]), day(1))
    };
    for too_few in [&[11, 14][..], &[12, 13], &[14, 15], &[11, 12]] {
        assert!(matches!(finish(too_few), Err(Error::MissingKeys { .. })), "{too_few:?}");
    }
    for enough in [&[11, 12, 14][..], &[12, 13, 14, 15]] {
        let (after, changes) = finish(enough).unwrap();
        assert_eq!(paths(&changes)[0], "metadata/2.root.json");
        assert_eq!(verify(&after, before.first_root().unwrap(), day(1)).unwrap().root_version, 2);
    }
}

#[test]
fn a_signer_reads_what_changes() {
    let before = founded();
    let changes = [
        ("root".to_owned(), KeyChange::Add(key(14).public())),
        ("root".to_owned(), KeyChange::Threshold(3)),
        ("timestamp".to_owned(), KeyChange::Add(key(15).public())),
    ];
    let proposal = carried(&before.propose_keys(&changes, day(1)).unwrap());
    let words = proposal.words(&proposal.before().unwrap()).unwrap();
    assert_eq!((words[0].role.as_str(), words[0].from, words[0].to), ("root", 1, 2));
    let of = || "root".to_owned();
    assert_eq!(
        words[0].changes,
        [
            Word::Expires { from: Some(day(730)), to: day(731) },
            Word::KeyAdded { of: of(), key: key(14).id() },
            Word::Threshold { of: of(), from: 2, to: 3 },
            Word::KeyAdded { of: "timestamp".to_owned(), key: key(15).id() },
        ]
    );
}

#[test]
fn a_stale_proposal_is_refused_and_another_role_that_moves_on_is_none() {
    let mut publisher = Publisher::new();
    let renewal = publisher.repository.propose_renewal(&["root".to_owned()], day(1)).unwrap();
    let mut renewal = carried(&renewal);
    publisher.release(&release("1.0.0"), day(1)).unwrap();
    renewal.sign(&publisher.repository, &publisher.keys).unwrap();
    let (after, _) = renewal.finish(&publisher.repository, &publisher.keys, day(2)).unwrap();
    let stale = renewal.finish(&after, &publisher.keys, day(2)).unwrap_err();
    assert!(matches!(&stale, Error::Stale { role, version: 2 } if role == "root"), "{stale}");
    assert!(matches!(renewal.sign(&after, &publisher.keys), Err(Error::Stale { .. })));
}

#[test]
fn a_changed_proposal_loses_its_signatures() {
    let before = founded();
    let proposal = before.propose_renewal(&["root".to_owned()], day(1)).unwrap();
    let mut signed = carried(&proposal);
    signed.sign(&before, &keys([11, 12])).unwrap();
    let text = String::from_utf8(signed.encode()).unwrap();
    let later = text.replace(&day(731).to_string(), &day(9_000).to_string());
    assert_ne!(text, later);
    let forged = Proposal::parse(later.as_bytes()).unwrap();
    let refused = forged.finish(&before, &keys([4, 5]), day(1)).unwrap_err();
    assert!(matches!(refused, Error::MissingKeys { have: 0, .. }), "{refused}");
    assert!(matches!(signed.absorb(forged), Err(Error::OtherProposal)));
}

#[test]
fn what_is_no_proposal_is_told() {
    for (text, newer) in [("", false), ("{}", false), (r#"{"exuvia_proposal":2}"#, true)] {
        let refused = Proposal::parse(text.as_bytes()).unwrap_err();
        assert_eq!(matches!(refused, Error::NewerProposal { found: 2 }), newer, "{text}");
    }
    let other = Repository::empty("other".parse().unwrap(), Expiry::default());
    assert!(matches!(company().1.standing(&other), Err(Error::OtherApp { .. })));
}

#[test]
fn online_keys_are_exchanged_without_a_moment_in_which_clients_are_refused() {
    for roles in
        [&["timestamp"][..], &["snapshot"], &["targets"], &["timestamp", "snapshot", "targets"]]
    {
        let mut publisher = Publisher::new();
        publisher.release(&release("1.0.0"), day(0)).unwrap();
        let before = publisher.disk.clone();
        let mut changes = Vec::new();
        let mut ring = keys(1..=6);
        for (role, (old, new)) in
            [("targets", (3, 23)), ("snapshot", (4, 24)), ("timestamp", (5, 25))]
        {
            if roles.contains(&role) {
                changes.push((role.to_owned(), KeyChange::Add(key(new).public())));
                changes.push((role.to_owned(), KeyChange::Remove(key(old).id())));
                ring.add(key(new));
            }
        }
        let mut proposal = publisher.repository.propose_keys(&changes, day(1)).unwrap();
        proposal.sign(&publisher.repository, &ring).unwrap();
        let (after, changes) = proposal.finish(&publisher.repository, &ring, day(1)).unwrap();
        assert_eq!(
            changes.files.last().unwrap().path,
            "metadata/2.root.json",
            "old + new, then root"
        );
        for written in 0..=changes.files.len() {
            let mut disk = before.clone();
            for file in &changes.files[..written] {
                disk.insert(file.path.clone(), file.bytes.clone());
            }
            let there =
                Repository::parse("notes".parse().unwrap(), Expiry::default(), disk).unwrap();
            verify(&there, publisher.root(), day(1))
                .unwrap_or_else(|error| panic!("{roles:?}, {written} files: {error:?}"));
        }
        // Then the new only.
        let mut after = after;
        let next = after.refresh(&ring, day(2)).unwrap();
        let envelope = Envelope::parse(&next.changes.files.last().unwrap().bytes).unwrap();
        assert_eq!(envelope.signatures.len(), 1);
    }
}

#[test]
fn a_lost_online_key_is_replaced_all_the_same_with_the_root_first() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let changes = [
        ("timestamp".to_owned(), KeyChange::Add(key(25).public())),
        ("timestamp".to_owned(), KeyChange::Remove(key(5).id())),
    ];
    let ring = keys([1, 4, 25]);
    let mut proposal = publisher.repository.propose_keys(&changes, day(1)).unwrap();
    proposal.sign(&publisher.repository, &ring).unwrap();
    let (after, changes) = proposal.finish(&publisher.repository, &ring, day(1)).unwrap();
    assert_eq!(paths(&changes), ["metadata/2.root.json", "metadata/timestamp.json"]);
    verify(&after, publisher.root(), day(1)).unwrap();
}

#[test]
fn a_role_keeps_enough_keys() {
    let before = founded();
    let role = || "root".to_owned();
    let refused = |change| before.propose_keys(&[(role(), change)], day(1)).unwrap_err();
    assert!(matches!(
        refused(KeyChange::Threshold(4)),
        Error::Threshold { keys: 3, threshold: 4, .. }
    ));
    assert!(matches!(refused(KeyChange::Threshold(0)), Error::Threshold { .. }));
    assert!(matches!(refused(KeyChange::Add(key(11).public())), Error::KeyExists { .. }));
    assert!(matches!(refused(KeyChange::Remove(key(99).id())), Error::UnknownKey { .. }));
    let unknown = [("nobody".to_owned(), KeyChange::Threshold(1))];
    assert!(matches!(before.propose_keys(&unknown, day(1)), Err(Error::UnknownRole { .. })));
}

#[test]
fn a_channel_of_two_keys_is_signed_by_both() {
    let mut publisher = Publisher::new();
    let role = || "stable-linux-x86_64".to_owned();
    let changes = [(role(), KeyChange::Add(key(7).public())), (role(), KeyChange::Threshold(2))];
    let proposal = publisher.repository.propose_keys(&changes, day(1)).unwrap();
    let roles: Vec<&str> = proposal.roles().collect();
    assert_eq!(roles, ["stable-linux-x86_64", "targets"]);
    let mut proposal = proposal;
    let ring = keys(1..=7);
    proposal.sign(&publisher.repository, &ring).unwrap();
    (publisher.repository, _) = proposal.finish(&publisher.repository, &ring, day(1)).unwrap();
    let alone = publisher.repository.release(&release("1.0.0"), &keys([4, 5, 6]), day(1));
    assert!(matches!(alone, Err(Error::MissingKeys { threshold: 2, have: 1, .. })));
    publisher.repository.release(&release("1.0.0"), &ring, day(1)).unwrap();
    let waiting = publisher.repository.refresh(&keys([4, 5, 6]), day(300)).unwrap().waiting;
    assert!(waiting.iter().any(|due| due.role == role()), "{waiting:?}");
}
