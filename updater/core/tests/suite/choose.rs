//! Which release is for an installation, and the reasons why none is.

use std::collections::BTreeSet;

use exuvia_core::choose::{Bad, Choice, Gate, Held, Installed, Policy, choose};
use exuvia_core::release::Releases;
use exuvia_core::rollout::{InstallId, Rollout};
use exuvia_core::{Digest, Kind, Time};
use semver::Version;
use serde_json::{Value, json};

use crate::client::Client;
use crate::publisher::{Publisher, now, time};

/// A channel in the making.
pub(crate) struct Shelf(Publisher);

pub(crate) const DIR: &str = "stable/linux-x86_64";

/// The bundle of a version.
pub(crate) fn bundle(version: &str) -> Digest {
    Digest::of(version.as_bytes())
}

pub(crate) fn facts(version: &str) -> Value {
    json!({
        "facts": 1, "app": "notes", "version": version, "channel": "stable",
        "platform": "linux-x86_64", "kind": "folder", "published": "2026-05-25T00:00:00Z",
        "executable": "notes", "reads": ["exuvia-delta-3"],
        "bundle": {"digest": bundle(version), "length": 10_000, "files": 3},
    })
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self(Publisher::new())
    }

    /// Adds a full release of 1,000 bytes.
    pub(crate) fn with(mut self, version: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut facts = facts(version);
        change(&mut facts);
        let path = format!("{DIR}/{version}-{}.tar.zst", facts["kind"].as_str().unwrap());
        self.0.add("targets", &path, &[0; 1_000], Some(json!({ "exuvia": facts })));
        self
    }

    /// Adds a delta of so many bytes.
    pub(crate) fn delta(mut self, from: &str, to: &str, bytes: u64, format: &str) -> Self {
        let mut facts = facts(to);
        facts["delta"] = json!({"format": format, "from": bundle(from), "to": bundle(to)});
        let path = format!("{DIR}/{to}-from-{from}-{format}.delta");
        self.0.add("targets", &path, path.as_bytes(), Some(json!({ "exuvia": facts })));
        self.0.top().targets.get_mut(&path).unwrap().length = bytes;
        self
    }

    pub(crate) fn read(mut self) -> Releases {
        self.0.publish(&["targets"]);
        let targets = Client::of(&self.0).list(&self.0, DIR).unwrap();
        let releases = Releases::read(
            targets,
            &"notes".parse().unwrap(),
            &"stable".parse().unwrap(),
            &"linux-x86_64".parse().unwrap(),
        );
        assert_eq!(releases.ignored(), []);
        releases
    }
}

fn installed(version: &str) -> Installed {
    Installed { version: v(version), digest: Some(bundle(version)), kind: Kind::Folder }
}

fn v(version: &str) -> Version {
    version.parse().unwrap()
}

static NONE: BTreeSet<Digest> = BTreeSet::new();

fn policy() -> Policy<'static> {
    Policy {
        formats: &["exuvia-delta-3"],
        avoid: &NONE,
        bad: &[],
        pin: None,
        floor: None,
        os_version: Some("5.10.0-8-amd64"),
        now: now(),
        asked_by_user: false,
        rollout: None,
        install: None,
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Offered(String),
    Held(Held),
    UpToDate,
}

fn offered(version: &str) -> Outcome {
    Outcome::Offered(version.to_owned())
}

/// The version offered, or why none is.
fn outcome(releases: &Releases, from: &str, policy: &Policy<'_>) -> Outcome {
    match choose(releases, &installed(from), policy) {
        Choice::Offer { release, routes } => {
            assert!(!routes.is_empty());
            Outcome::Offered(release.version().to_string())
        }
        Choice::Held(held) => Outcome::Held(held),
        Choice::UpToDate => Outcome::UpToDate,
    }
}

fn plain(versions: &[&str]) -> Releases {
    versions.iter().fold(Shelf::new(), |shelf, version| shelf.with(version, |_| {})).read()
}

#[test]
fn a_pin_offers_the_newest_of_its_versions_and_no_other() {
    let releases = plain(&["1.4.0", "1.4.9", "1.5.0", "2.0.0"]);
    let under = |from: &str, pin: &str| {
        let pin = pin.parse().unwrap();
        outcome(&releases, from, &Policy { pin: Some(&pin), asked_by_user: true, ..policy() })
    };
    assert_eq!(under("1.4.0", "~1.4"), offered("1.4.9"));
    assert_eq!(under("1.4.0", "<2"), offered("1.5.0"));
    assert_eq!(under("1.4.9", "~1.4"), Outcome::Held(Held::Pinned { version: v("2.0.0") }));
    assert_eq!(under("2.0.0", "~1.4"), Outcome::UpToDate);
}

#[test]
fn the_newest_version_is_offered() {
    let releases = plain(&["1.9.0", "1.10.0", "1.2.0", "1.10.0-rc.1"]);
    assert_eq!(outcome(&releases, "1.0.0", &policy()), offered("1.10.0"));
    assert_eq!(outcome(&releases, "1.10.0-rc.1", &policy()), offered("1.10.0"));
}

#[test]
fn an_installation_that_has_the_newest_is_up_to_date() {
    let releases = plain(&["1.2.0", "1.3.0"]);
    assert_eq!(outcome(&releases, "1.3.0", &policy()), Outcome::UpToDate);
    // Build metadata makes no other version.
    assert_eq!(outcome(&releases, "1.3.0+local", &policy()), Outcome::UpToDate);
    assert_eq!(outcome(&plain(&[]), "1.3.0", &policy()), Outcome::UpToDate);
}

#[test]
fn a_channel_behind_the_installation_lowers_nothing() {
    let held = Held::AheadOfChannel { installed: v("2.0.0"), newest: v("1.3.0") };
    assert_eq!(outcome(&plain(&["1.2.0", "1.3.0"]), "2.0.0", &policy()), Outcome::Held(held));
}

#[test]
fn only_the_installed_kind_is_offered() {
    let releases =
        Shelf::new().with("1.2.0", |_| {}).with("1.3.0", |f| f["kind"] = json!("deb")).read();
    assert_eq!(outcome(&releases, "1.0.0", &policy()), offered("1.2.0"));
    assert_eq!(outcome(&releases, "1.2.0", &policy()), Outcome::UpToDate);
}

#[test]
fn a_bad_release_is_not_offered_again_but_the_one_before_it_is() {
    let releases = plain(&["1.2.0", "1.3.0"]);
    let bad = [Bad { digest: bundle("1.3.0"), since: time("2020-01-01T00:00:00Z"), times: 1 }];
    let policy = Policy { bad: &bad, ..policy() };
    assert_eq!(outcome(&releases, "1.1.0", &policy), offered("1.2.0"));
    let held = Held::Bad { version: v("1.3.0"), digest: bundle("1.3.0"), again: None };
    assert_eq!(outcome(&releases, "1.2.0", &policy), Outcome::Held(held));
}

#[test]
fn a_critical_bad_release_comes_again_after_1_3_and_7_days() {
    let releases = Shelf::new().with("1.3.0", |f| f["critical"] = json!(true)).read();
    for (times, days) in [(0, 1), (1, 1), (2, 3), (3, 7), (4, 7), (1_000, 7)] {
        let bad = [Bad { digest: bundle("1.3.0"), since: now(), times }];
        let again = now().plus_days(days);
        let at = |now: Time| outcome(&releases, "1.2.0", &Policy { bad: &bad, now, ..policy() });
        let early = Time::from_unix(again.as_unix() - 1);
        let held = Held::Bad { version: v("1.3.0"), digest: bundle("1.3.0"), again: Some(again) };
        assert_eq!(at(early), Outcome::Held(held), "{times}");
        assert_eq!(at(again), offered("1.3.0"), "{times}");
    }
}

#[test]
fn a_gated_release_is_held_until_its_last_day() {
    let gated = |days: Value| Shelf::new().with("1.3.0", |f| f["gated"] = days).read();
    for (gate, until) in [
        (json!({"max_days": 10}), "2026-06-04T00:00:00Z"),
        (json!({}), "2026-06-08T00:00:00Z"),
        (json!({"max_days": 30}), "2026-06-24T00:00:00Z"),
    ] {
        let (releases, until) = (gated(gate), time(until));
        let at = |now: Time, asked_by_user: bool| {
            outcome(&releases, "1.2.0", &Policy { now, asked_by_user, ..policy() })
        };
        let early = Time::from_unix(until.as_unix() - 1);
        let held = Held::Gated { version: v("1.3.0"), until, gate: Gate::Unmentioned };
        assert_eq!(at(early, false), Outcome::Held(held.clone()));
        assert_eq!(at(early, true), Outcome::Held(held));
        assert_eq!(at(until, false), offered("1.3.0"));
    }
}

fn rollout(pace: Value) -> Rollout {
    let mut release = json!({"version": "1.3.0"});
    release.as_object_mut().unwrap().extend(pace.as_object().unwrap().clone());
    let value = json!({"rollout": 1, "app": "notes", "channel": "stable", "releases": [release]});
    Rollout::parse(&value, &"notes".parse().unwrap(), &"stable".parse().unwrap()).unwrap()
}

#[test]
fn a_rollout_lets_its_share_of_installations_through() {
    let releases = Shelf::new().with("1.3.0", |f| f["gated"] = json!({"max_days": 3_000})).read();
    let through = |rollout: &Rollout, number: u128| {
        let install = Some(InstallId(number.to_be_bytes()));
        let policy = Policy { rollout: Some(rollout), install, ..policy() };
        outcome(&releases, "1.2.0", &policy) == offered("1.3.0")
    };
    let share = |percent: u8| {
        let rollout = rollout(json!({"percent": percent}));
        (0..1_000).filter(|number| through(&rollout, *number)).collect::<Vec<_>>()
    };
    assert_eq!((share(0).len(), share(100).len()), (0, 1_000));
    let (tenth, half) = (share(10), share(50));
    assert!((60..140).contains(&tenth.len()) && (430..570).contains(&half.len()), "{tenth:?}");
    assert!(tenth.iter().all(|number| half.contains(number)), "who was in stays in");
    assert_eq!(InstallId([0; 16]).cohort(bundle("1.3.0")), 33, "the same for ever");
}

#[test]
fn a_person_who_asks_passes_a_percentage_but_no_pause() {
    let releases = Shelf::new().with("1.3.0", |f| f["gated"] = json!({"max_days": 3_000})).read();
    let outcome = |pace: Value, asked_by_user: bool| {
        let rollout = rollout(pace);
        let policy = Policy { rollout: Some(&rollout), asked_by_user, ..policy() };
        outcome(&releases, "1.2.0", &policy)
    };
    let gate = |outcome: Outcome| match outcome {
        Outcome::Held(Held::Gated { gate, .. }) => Some(gate),
        _ => None,
    };
    let small = || json!({"percent": 1});
    assert_eq!(gate(outcome(small(), false)), Some(Gate::NotYet { percent: 1 }));
    assert_eq!(gate(outcome(small(), true)), None);
    let paused = || json!({"percent": 100, "paused": true});
    assert_eq!(gate(outcome(paused(), false)), Some(Gate::Paused));
    assert_eq!(gate(outcome(paused(), true)), Some(Gate::Paused));
}

#[test]
fn a_rollout_of_somebody_else_or_out_of_bounds_is_none() {
    let parse = |value: Value| {
        Rollout::parse(&value, &"notes".parse().unwrap(), &"stable".parse().unwrap())
    };
    let good = json!({"rollout": 1, "app": "notes", "channel": "stable", "releases": []});
    parse(good.clone()).unwrap();
    for (field, value) in [
        ("rollout", json!(2)),
        ("app", json!("other")),
        ("channel", json!("beta")),
        ("releases", json!([{"version": "1.3.0", "percent": 101}])),
        ("releases", json!([{"version": "1.3.0"}])),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(parse(bad).is_err(), "{field}");
    }
}

#[test]
fn a_critical_release_passes_its_gate() {
    let releases = Shelf::new()
        .with("1.3.0", |f| {
            f["gated"] = json!({"max_days": 14});
            f["critical"] = json!(true);
        })
        .read();
    assert_eq!(outcome(&releases, "1.2.0", &policy()), offered("1.3.0"));
}

#[test]
fn a_release_that_this_system_is_too_old_for_is_held() {
    let releases = Shelf::new()
        .with("1.3.0", |f| f["requires"] = json!({"os": "5.15"}))
        .with("1.2.0", |f| f["requires"] = json!({"os": "5.9"}))
        .read();
    assert_eq!(outcome(&releases, "1.0.0", &policy()), offered("1.2.0"));
    let held = Held::OsTooOld {
        version: v("1.3.0"),
        needed: "5.15".to_owned(),
        found: "5.10.0-8-amd64".to_owned(),
    };
    assert_eq!(outcome(&releases, "1.2.0", &policy()), Outcome::Held(held));
    let unknown = Policy { os_version: None, ..policy() };
    assert_eq!(outcome(&releases, "1.2.0", &unknown), offered("1.3.0"));
}

#[test]
fn a_release_may_need_a_stepping_stone() {
    let releases = Shelf::new()
        .with("1.1.0", |_| {})
        .with("2.0.0", |f| f["requires"] = json!({"from": "1.1.0"}))
        .read();
    assert_eq!(outcome(&releases, "1.0.0", &policy()), offered("1.1.0"));
    assert_eq!(outcome(&releases, "1.1.0", &policy()), offered("2.0.0"));
    let alone = Shelf::new().with("2.0.0", |f| f["requires"] = json!({"from": "1.1.0"})).read();
    let held = Held::FromTooOld { version: v("2.0.0"), needed: v("1.1.0"), installed: v("1.0.0") };
    assert_eq!(outcome(&alone, "1.0.0", &policy()), Outcome::Held(held));
}

#[test]
fn a_release_with_a_fact_that_must_be_understood_is_held() {
    let releases = Shelf::new()
        .with("1.3.0", |f| {
            f["needs-moon"] = json!(true);
            f["crit"] = json!(["needs-moon"]);
        })
        .read();
    let held = Held::NotUnderstood { version: v("1.3.0"), field: "needs-moon".to_owned() };
    assert_eq!(outcome(&releases, "1.2.0", &policy()), Outcome::Held(held));
}

#[test]
fn nothing_below_the_floor_is_offered() {
    // Version 1.4.0 ran here; after a manual rollback 1.2.0 is installed.
    let floor = v("1.4.0");
    let policy = Policy { floor: Some(&floor), ..policy() };
    let held = Held::BelowFloor { version: v("1.3.0"), floor: floor.clone() };
    assert_eq!(outcome(&plain(&["1.3.0"]), "1.2.0", &policy), Outcome::Held(held));
    assert_eq!(outcome(&plain(&["1.3.0", "1.4.0"]), "1.2.0", &policy), offered("1.4.0"));
}

#[test]
fn a_superseding_release_may_be_older_than_installed_and_floor() {
    let floor = v("1.3.0");
    let policy = Policy { floor: Some(&floor), ..policy() };
    let yanked = || Shelf::new().with("1.2.0", |f| f["supersedes"] = json!([bundle("1.3.0")]));
    for releases in [yanked().read(), yanked().with("1.3.0", |_| {}).read()] {
        assert_eq!(outcome(&releases, "1.3.0", &policy), offered("1.2.0"));
        // Only who has the superseded bundle goes back.
        assert!(matches!(
            outcome(&releases, "1.4.0", &policy),
            Outcome::Held(Held::AheadOfChannel { .. })
        ));
        assert_eq!(outcome(&releases, "1.2.0", &policy), Outcome::UpToDate, "no way back to 1.3.0");
    }
    let mut unknown = installed("1.3.0");
    unknown.digest = None;
    let choice = choose(&yanked().read(), &unknown, &policy);
    assert!(matches!(choice, Choice::Held(Held::AheadOfChannel { .. })));
}

#[test]
fn a_superseded_release_is_offered_to_nobody() {
    let releases = Shelf::new()
        .with("1.2.0", |f| f["supersedes"] = json!([bundle("1.3.0")]))
        .with("1.3.0", |_| {})
        .read();
    assert_eq!(outcome(&releases, "1.0.0", &policy()), offered("1.2.0"));
}

#[test]
fn nobody_goes_to_and_fro_between_releases_that_supersede_each_other() {
    let releases = Shelf::new()
        .with("1.2.0", |f| f["supersedes"] = json!([bundle("1.3.0")]))
        .with("1.3.0", |f| f["supersedes"] = json!([bundle("1.2.0")]))
        .read();
    assert_eq!(outcome(&releases, "1.2.0", &policy()), offered("1.3.0"));
    assert_eq!(outcome(&releases, "1.3.0", &policy()), Outcome::UpToDate);
}

#[test]
fn of_releases_that_supersede_each_other_the_newest_is_offered() {
    let releases = Shelf::new()
        .with("1.2.0", |f| f["supersedes"] = json!([bundle("1.3.0")]))
        .with("1.3.0", |f| f["supersedes"] = json!([bundle("1.2.0")]))
        .read();
    assert_eq!(outcome(&releases, "1.0.0", &policy()), offered("1.3.0"));
}

#[test]
fn a_newer_release_goes_before_a_superseding_one() {
    let releases = Shelf::new()
        .with("1.2.0", |f| f["supersedes"] = json!([bundle("1.3.0")]))
        .with("1.4.0", |_| {})
        .read();
    assert_eq!(outcome(&releases, "1.3.0", &policy()), offered("1.4.0"));
}

#[test]
fn the_reason_is_that_of_the_newest() {
    let releases = Shelf::new()
        .with("1.3.0", |f| f["requires"] = json!({"os": "99"}))
        .with("1.4.0", |f| f["gated"] = json!({"max_days": 14}))
        .read();
    let Outcome::Held(held) = outcome(&releases, "1.2.0", &policy()) else { panic!("not held") };
    assert!(matches!(&held, Held::Gated { version, .. } if *version == v("1.4.0")));
    assert_eq!(
        held.to_string(),
        "version 1.4.0 is being rolled out, until 2026-06-08T00:00:00Z at the latest"
    );
}
