//! Yanks and rollouts.

use crate::support::*;
use exuvia_core::release::{DataFacts, Gated};
use exuvia_core::rollout::Pace;
use exuvia_core::{Digest, Time};
use exuvia_repo::{Error, Keys, Signer as _, Withdrawn, Yank, Yanked};

fn published(versions: &[&str]) -> Publisher {
    let mut publisher = Publisher::new();
    for version in versions {
        publisher.release(&release(version), day(0)).unwrap();
    }
    publisher
}

fn yank(what: Withdrawn, to: Option<&str>) -> Yank {
    Yank { channel: stable(), what, to: to.map(|version| version.parse().unwrap()) }
}

fn version(version: &str) -> Withdrawn {
    Withdrawn::Version(version.parse().unwrap())
}

fn apply(publisher: &mut Publisher, yank: &Yank, now: Time) -> Vec<Yanked> {
    let (mut proposal, yanked) = publisher.repository.propose_yank(yank, now).unwrap();
    proposal.sign(&publisher.repository, &publisher.keys).unwrap();
    let done = proposal.finish(&publisher.repository, &publisher.keys, now).unwrap();
    publisher.repository = done.0;
    yanked
}

fn listed(publisher: &Publisher) -> Vec<(String, Vec<Digest>)> {
    let listed = publisher.repository.listed(&stable(), &linux()).unwrap();
    let fact = |l: exuvia_repo::Listed| (l.facts.version.to_string(), l.facts.supersedes);
    listed.into_iter().map(fact).collect()
}

#[test]
fn a_yanked_version_is_listed_no_more_and_superseded_by_the_newest_other() {
    let mut publisher = published(&["1.0.0", "1.1.0", "1.2.0"]);
    let bad = Digest::of(b"1.2.0");
    let yanked = apply(&mut publisher, &yank(version("1.2.0"), None), day(1));
    assert_eq!((yanked[0].bundle, yanked[0].to.to_string()), (bad, "1.1.0".to_owned()));
    assert_eq!(listed(&publisher), [("1.0.0".to_owned(), vec![]), ("1.1.0".to_owned(), vec![bad])]);
    let again = publisher.release(&release("1.2.0"), day(2)).unwrap_err();
    assert!(matches!(again, Error::VersionNotHigher { .. }), "a version is never given twice");
    publisher.release(&release("1.2.1"), day(2)).unwrap();
}

#[test]
fn the_place_is_taken_by_the_version_that_is_named() {
    let mut publisher = published(&["1.0.0", "1.1.0", "1.2.0"]);
    apply(&mut publisher, &yank(version("1.2.0"), Some("1.0.0")), day(1));
    assert_eq!(listed(&publisher)[0].1, [Digest::of(b"1.2.0")]);
    let none = publisher.repository.propose_yank(&yank(version("1.1.0"), Some("3.0.0")), day(1));
    assert!(matches!(none, Err(Error::NothingInstead { .. })));
}

#[test]
fn a_bundle_that_only_a_thief_listed_is_superseded() {
    let mut publisher = published(&["1.0.0"]);
    let stolen = Digest::of(b"malware");
    let yanked = apply(&mut publisher, &yank(Withdrawn::Bundle(stolen), None), day(1));
    assert_eq!(yanked[0].version, None);
    assert_eq!(listed(&publisher), [("1.0.0".to_owned(), vec![stolen])]);
}

#[test]
fn what_cannot_be_yanked_is_told() {
    let publisher = published(&["1.0.0"]);
    let refused = |what| publisher.repository.propose_yank(&yank(what, None), day(1)).unwrap_err();
    assert!(matches!(refused(version("9.0.0")), Error::NoSuchRelease { .. }));
    assert!(matches!(refused(version("1.0.0")), Error::NothingInstead { .. }));
}

#[test]
fn nobody_is_moved_to_a_version_that_cannot_read_the_data() {
    let mut publisher = published(&["1.0.0"]);
    let mut facts = facts("1.1.0", "1.1.0");
    facts.data = Some(DataFacts { schema: 2, readable_from: Some("1.1.0".parse().unwrap()) });
    publisher.release(&of(facts), day(0)).unwrap();
    let refused = publisher.repository.propose_yank(&yank(version("1.1.0"), None), day(1));
    assert!(matches!(refused, Err(Error::DataNotReadable { .. })));
}

#[test]
fn a_rollout_is_of_gated_releases_only_and_forgets_what_is_gone() {
    let mut publisher = published(&["1.0.0"]);
    publisher.keys.add(key(8));
    let rollout = Keys::any_of([key(8).public()]);
    publisher.repository.add_rollout(&rollout, &publisher.keys, day(0)).unwrap();
    for version in ["1.1.0", "1.2.0"] {
        let mut facts = facts(version, version);
        facts.gated = Some(Gated { max_days: 14 });
        publisher.release(&of(facts), day(1)).unwrap();
    }
    let set = |publisher: &mut Publisher, version: &str, percent| {
        let pace = Pace { percent, paused: false };
        let version = version.parse().unwrap();
        publisher.repository.set_pace(&stable(), &version, pace, &keys([4, 5, 8]), day(2))
    };
    set(&mut publisher, "1.1.0", 10).unwrap();
    let changes = set(&mut publisher, "1.2.0", 50).unwrap();
    assert_eq!(paths(&changes)[0], "metadata/3.rollout.json");
    let rollout = publisher.repository.rollout(&stable()).unwrap().unwrap();
    assert_eq!(rollout.pace(&"1.2.0".parse().unwrap()).unwrap().percent, 50);
    assert!(matches!(set(&mut publisher, "1.0.0", 10), Err(Error::NotGated { .. })));
    assert!(matches!(set(&mut publisher, "3.0.0", 10), Err(Error::NoSuchRelease { .. })));
    apply(&mut publisher, &yank(version("1.1.0"), None), day(3));
    set(&mut publisher, "1.2.0", 60).unwrap();
    let rollout = publisher.repository.rollout(&stable()).unwrap().unwrap();
    assert_eq!(rollout.releases().count(), 1);
}
