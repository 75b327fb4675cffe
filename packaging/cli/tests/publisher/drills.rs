//! Stolen and lost keys, from the theft to the last client that is well again. Each drill follows
//! docs/key-compromise.md: a thief at work with copies of some key files, the publisher's one or two
//! commands, and real clients on both sides.
#![cfg(target_os = "linux")]

use std::fs;

use exuvia::Check;
use exuvia_cli::{NewKey, Outcome, PaceChange, Publisher, Unwatched};
use exuvia_core::Digest;
use exuvia_repo::Withdrawn;

use crate::drill::*;
use crate::support::*;

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
fn a_stolen_snapshot_key_alone_publishes_nothing() {
    let mut drill = Drill::new();
    let client = drill.client("user").install();
    let mut thief = drill.thief(&["snapshot"]);
    assert!(thief.refresh().is_err(), "no key of the timestamp");
    done(&drill.publisher.revoke_key("snapshot", None).unwrap());
    drill.release("1.1.0");
    assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
}

#[test]
fn a_stolen_channel_key_and_a_bad_release_are_undone_by_two_commands() {
    let drill = Drill::new();
    let channel = drill.channel();
    let thief = drill.thief(&[&channel, "snapshot", "timestamp"]);
    a_bad_release_is_undone(drill, thief, &channel);
}

#[test]
fn a_stolen_targets_key_that_gave_the_channel_away_is_undone_by_two_commands() {
    let drill = Drill::new();
    let mut thief = drill.thief(&["targets", "snapshot", "timestamp"]);
    done(&thief.rotate_key(&drill.channel(), None, &NewKey::Fresh).unwrap());
    a_bad_release_is_undone(drill, thief, "targets");
}

/// The thief releases; the publisher revokes the role's key, and yanks.
fn a_bad_release_is_undone(mut drill: Drill, mut thief: Publisher, role: &str) {
    let (healthy, ill) = (drill.client("healthy").install(), drill.client("ill").install());
    let bad: Digest = drill.place.release(&mut thief, "6.6.6").bundle;
    let www = drill.place.path("www");
    thief.publish(&www, &Unwatched).unwrap();
    assert_eq!(ill.update(), Found::Moved("6.6.6".to_owned()));
    // The other one has seen it, and has it downloaded and staged.
    let Ok(Check::Offer(offer)) = wait(healthy.updater().check()) else { panic!("no offer") };
    wait(async { offer.download(&mut |_| {}).await?.stage().await?.apply_on_quit() }).unwrap();

    done(&drill.publisher.revoke_key(role, None).unwrap());
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
    done(&drill.publisher.add_key("root", None, &NewKey::Fresh).unwrap());
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
