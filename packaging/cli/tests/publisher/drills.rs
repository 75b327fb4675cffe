//! Stolen and lost keys, from the theft to the last client that is well again. Each drill follows
//! docs/key-compromise.md: a thief at work with copies of some key files, the publisher's one or two
//! commands, and real clients on both sides.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exuvia::{Check, FirstInstall, Mirror, Placement, Qualify, Updater};
use exuvia_cli::{InitOptions, Outcome, PaceChange, Publisher, Unwatched};
use exuvia_core::{Digest, Time};
use exuvia_repo::Withdrawn;

use crate::support::*;

/// A publisher, the folder that clients look at, and their homes.
struct Drill {
    place: Place,
    publisher: Publisher,
}

/// What a client ended with.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Current,
    Held,
    Moved(String),
    Refused,
}

impl Drill {
    /// 1.0.0 is published.
    fn new() -> Self {
        let place = Place::new();
        let mirror: Mirror = format!("file://{}/", place.path("www").display()).parse().unwrap();
        let options = InitOptions {
            cost: CHEAP,
            mirrors: vec![mirror],
            health: "alive:1".parse().unwrap(),
            qualify: Qualify::Args(vec!["--version".to_owned()]),
            ..InitOptions::new("notes".parse().unwrap())
        };
        let publisher = Publisher::init(place.repo(), options, passphrase(PASSPHRASE))
            .unwrap()
            .with_cost(CHEAP);
        let mut drill = Self { place, publisher };
        drill.release("1.0.0");
        drill
    }

    fn release(&mut self, version: &str) {
        self.place.release(&mut self.publisher, version);
        self.publish();
    }

    fn publish(&self) {
        self.publisher.publish(self.place.path("www"), &Unwatched).unwrap();
    }

    /// A copy of the publisher's folder in which only these keys are left.
    fn thief(&self, keys: &[&str]) -> Publisher {
        let copy = self.place.path("thief");
        let copied =
            Command::new("cp").arg("-a").arg(self.place.repo()).arg(&copy).status().unwrap();
        assert!(copied.success());
        for entry in fs::read_dir(copy.join("keys")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if path.extension().unwrap() == "key" && !keys.contains(&name) {
                fs::remove_file(path).unwrap();
            }
        }
        Publisher::open(copy, passphrase(PASSPHRASE)).unwrap().with_cost(CHEAP)
    }

    fn channel(&self) -> String {
        format!("stable-{}", exuvia_cli::host())
    }

    fn client(&self, name: &str) -> Client {
        let config = self.place.repo().join("exuvia.json");
        Client { home: self.place.path(name), config: fs::read_to_string(config).unwrap(), days: 0 }
    }
}

/// An installation and its user's state.
struct Client {
    home: PathBuf,
    config: String,
    /// How many days later than today it is there.
    days: i64,
}

impl Client {
    fn updater(&self) -> Updater {
        let days = self.days;
        Updater::builder(&self.config)
            .install(self.home.join("apps/notes"))
            .state_dir(self.home.join("state"))
            .cache_dir(self.home.join("cache"))
            .clock(move || today().plus_days(days))
            .build()
            .unwrap()
    }

    fn install(self) -> Self {
        fs::create_dir_all(self.home.join("apps")).unwrap();
        let first = FirstInstall {
            layout: Some(Placement::Versioned),
            version: None,
            launcher: Some(PathBuf::from("/bin/true")),
        };
        wait(self.updater().first_install(first, &mut |_| {})).unwrap();
        self
    }

    /// Checks, and goes where an offer leads, to the end.
    fn update(&self) -> Found {
        let updater = self.updater();
        let offer = match wait(updater.check()) {
            Ok(Check::UpToDate) => return Found::Current,
            Ok(Check::Held(_)) => return Found::Held,
            Ok(Check::Offer(offer)) => offer,
            Err(exuvia::Error::Repository(_)) => return Found::Refused,
            Err(other) => panic!("{other:?}"),
        };
        let version = offer.version().to_string();
        wait(async { offer.download(&mut |_| {}).await?.stage().await?.apply_now() }).unwrap();
        let install = self.updater().installation().unwrap().clone();
        if let Some(trial) = install.trial().unwrap() {
            trial.confirm(today()).unwrap();
        }
        Found::Moved(version)
    }

    /// The same installation, lured to another mirror.
    fn at(&self, mirror: &Path) -> Self {
        let mut config: serde_json::Value = serde_json::from_str(&self.config).unwrap();
        config["mirrors"] = serde_json::json!([format!("file://{}/", mirror.display())]);
        Self { home: self.home.clone(), config: config.to_string(), days: self.days }
    }
}

fn today() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(now.as_secs() as i64)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn done(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}

#[test]
fn a_stolen_timestamp_key_freezes_until_it_is_revoked() {
    let mut drill = Drill::new();
    let client = drill.client("user").install();
    let mut thief = drill.thief(&["timestamp"]);
    // The thief keeps 1.0.0 fresh for ever, under versions that the publisher never reaches.
    for _ in 0..20 {
        thief.refresh().unwrap();
    }
    thief.publish(drill.place.path("www"), &Unwatched).unwrap();
    assert_eq!(client.update(), Found::Current);
    drill.place.release(&mut drill.publisher, "1.1.0");
    let behind = drill.publisher.publish(drill.place.path("www"), &Unwatched);
    assert!(behind.is_err(), "the publisher's own versions are below the thief's: {behind:?}");

    done(&drill.publisher.revoke_key("timestamp", None).unwrap());
    drill.publish();
    assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
    // The thief goes on.
    thief.refresh().unwrap();
    let lure = drill.place.path("lure");
    thief.publish(&lure, &Unwatched).unwrap();
    assert_eq!(client.at(&lure).update(), Found::Refused);
}

#[test]
fn stolen_snapshot_and_timestamp_keys_list_nothing_new_and_are_forgotten() {
    let mut drill = Drill::new();
    let client = drill.client("user").install();
    let mut thief = drill.thief(&["snapshot", "timestamp"]).with_clock(|| today().plus_days(45));
    assert!(thief.refresh().unwrap().renewed.contains(&"snapshot".to_owned()));
    drill.place.app("6.6.6");
    assert!(drill.place.try_release(&mut thief, "6.6.6").is_err(), "no key of the channel");
    thief.publish(drill.place.path("www"), &Unwatched).unwrap();
    assert_eq!(client.update(), Found::Current);

    done(&drill.publisher.revoke_key("snapshot", None).unwrap());
    done(&drill.publisher.revoke_key("timestamp", None).unwrap());
    drill.release("1.1.0");
    assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
}

#[test]
fn a_stolen_channel_key_and_a_bad_release_are_undone_by_two_commands() {
    let mut drill = Drill::new();
    let (healthy, ill) = (drill.client("healthy").install(), drill.client("ill").install());
    let channel = drill.channel();
    let mut thief = drill.thief(&[&channel, "snapshot", "timestamp"]);
    let bad: Digest = drill.place.release(&mut thief, "6.6.6").bundle;
    let www = drill.place.path("www");
    thief.publish(&www, &Unwatched).unwrap();
    assert_eq!(ill.update(), Found::Moved("6.6.6".to_owned()));
    // The other one has seen it, and has it downloaded and staged.
    let Ok(Check::Offer(offer)) = wait(healthy.updater().check()) else { panic!("no offer") };
    wait(async { offer.download(&mut |_| {}).await?.stage().await?.apply_on_quit() }).unwrap();

    done(&drill.publisher.revoke_key(&channel, None).unwrap());
    let yanked = drill.publisher.yank(Withdrawn::Bundle(bad), None, None).unwrap();
    done(&yanked.outcome);
    drill.publish();
    assert_eq!(healthy.update(), Found::Current, "it never ran the bad release");
    assert_eq!(ill.update(), Found::Moved("1.0.0".to_owned()), "it is moved off the bad release");
    assert_eq!(ill.update(), Found::Current);
    assert!(ill.updater().rollback().is_err(), "nobody goes back to what was withdrawn");
    // No mirror that kept the thief's files, and no cache, brings it back.
    let lure = drill.place.path("lure");
    thief.publish(&lure, &Unwatched).unwrap();
    for client in [&healthy, &ill] {
        assert_eq!(client.at(&lure).update(), Found::Refused);
        assert_eq!(client.update(), Found::Current);
    }
    drill.release("1.1.0");
    for client in [&healthy, &ill] {
        assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
    }
}

#[test]
fn one_lost_root_key_of_two_is_replaced_by_the_other() {
    let mut drill = Drill::new();
    let client = drill.client("user").install();
    fs::remove_file(drill.place.repo().join("keys/root-1.key")).unwrap();
    done(&drill.publisher.revoke_key("root", Some("root-1")).unwrap());
    drill.release("1.1.0");
    assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
    let custody = drill.publisher.folder().custody().unwrap();
    let names: Vec<_> = custody[0].keys.iter().filter_map(|key| key.name.clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(!names.contains(&"root-1".to_owned()), "{names:?}");
}

#[test]
fn one_stolen_root_key_of_three_signs_nothing_alone() {
    let mut drill = Drill::new();
    let client = drill.client("user").install();
    done(&drill.publisher.add_key("root", None, &exuvia_cli::NewKey::Fresh).unwrap());
    done(&drill.publisher.set_threshold("root", 2).unwrap());
    drill.publish();
    let mut thief = drill.thief(&["root-1", "snapshot", "timestamp"]);
    let alone = thief.set_threshold("root", 1).unwrap();
    assert!(matches!(alone, Outcome::Proposed { .. }), "{alone:?}");
    done(&drill.publisher.revoke_key("root", Some("root-1")).unwrap());
    drill.release("1.1.0");
    assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
}

#[test]
fn a_stolen_rollout_key_delays_gated_releases_by_their_days_and_nothing_else() {
    let mut drill = Drill::new();
    let mut client = drill.client("user").install();
    let gated = exuvia_cli::ReleaseOptions {
        gated: Some(14),
        ..options(drill.place.app("1.1.0"), "1.1.0")
    };
    drill.publisher.release(&gated, &Unwatched).unwrap();
    let version = "1.1.0".parse().unwrap();
    drill.publisher.rollout(&version, PaceChange::Percent(100), None).unwrap();
    let mut thief = drill.thief(&["rollout", "snapshot", "timestamp"]);
    thief.rollout(&version, PaceChange::Pause, None).unwrap();
    let refused = thief.yank(Withdrawn::Version(version.clone()), None, None);
    assert!(!matches!(refused, Ok(report) if matches!(report.outcome, Outcome::Done { .. })));
    assert!(drill.place.try_release(&mut thief, "6.6.6").is_err());
    thief.publish(drill.place.path("www"), &Unwatched).unwrap();
    assert_eq!(client.update(), Found::Held);
    client.days = 13;
    assert_eq!(client.update(), Found::Held);
    client.days = 15;
    assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
}

#[test]
fn a_rollout_reaches_everybody_at_a_hundred_percent_and_nobody_at_none() {
    let mut drill = Drill::new();
    let client = drill.client("user").install();
    let gated = exuvia_cli::ReleaseOptions {
        gated: Some(14),
        ..options(drill.place.app("1.1.0"), "1.1.0")
    };
    drill.publisher.release(&gated, &Unwatched).unwrap();
    drill.publish();
    assert_eq!(client.update(), Found::Held, "no rollout was set");
    let version = "1.1.0".parse().unwrap();
    for (pace, found) in [
        (PaceChange::Percent(0), Found::Held),
        (PaceChange::Pause, Found::Held),
        (PaceChange::Percent(100), Found::Moved("1.1.0".to_owned())),
    ] {
        drill.publisher.rollout(&version, pace, None).unwrap();
        drill.publish();
        assert_eq!(client.update(), found, "{pace:?}");
    }
}
