//! The planned steps: each is possible in exactly its phases, and announces what recovery needs.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod common;

use common::{phases, release};
use exuvia_core::{Digest, Time};
use exuvia_plan::history::Event;
use exuvia_plan::{Consent, Phase, Recovery, Step, StepError, World, recover};

fn now() -> Time {
    Time::from_unix(1_800_000_000)
}

fn next() -> Digest {
    release("1.3.0").digest
}

/// Every step that can be tried in a phase.
fn steps(phase: &Phase) -> Vec<(&'static str, Result<Step, StepError>)> {
    vec![
        ("stage", phase.stage(&release("1.4.0"), false, now())),
        ("discard", phase.discard(next(), None, now())),
        ("refuse", phase.discard(next(), Some("why"), now())),
        ("swap", phase.swap(next(), now())),
        ("commit", phase.commit(next(), now())),
        ("revert", phase.revert(next(), "why", now())),
        ("roll back", phase.roll_back(now())),
    ]
}

#[test]
fn every_step_is_possible_in_its_phases_only() {
    for phase in phases() {
        let possible: Vec<&str> =
            steps(&phase).into_iter().filter(|(_, step)| step.is_ok()).map(|(n, _)| n).collect();
        let expected: &[&str] = match &phase {
            Phase::Settled { previous: None, .. } => &["stage"],
            Phase::Settled { .. } => &["stage", "roll back"],
            Phase::Staged { previous: None, qualified: false, .. } => {
                &["stage", "discard", "refuse"]
            }
            Phase::Staged { previous: None, .. } => &["stage", "discard", "refuse", "swap"],
            Phase::Staged { qualified: false, .. } => &["stage", "discard", "refuse", "roll back"],
            Phase::Staged { .. } => &["stage", "discard", "refuse", "swap", "roll back"],
            Phase::Trial { .. } => &["commit", "revert", "roll back"],
            Phase::Swapping { .. } | Phase::Reverting { .. } => &[],
        };
        assert_eq!(possible, expected, "{phase:?}");
    }
}

#[test]
fn no_step_is_possible_for_another_release() {
    let other = release("9.9.9").digest;
    for phase in phases() {
        assert!(phase.discard(other, None, now()).is_err());
        assert!(phase.swap(other, now()).is_err());
        assert!(phase.commit(other, now()).is_err());
        assert!(phase.revert(other, "why", now()).is_err());
        assert!(phase.qualify(other).is_err() && phase.consent(other, Consent::OnQuit).is_err());
    }
}

#[test]
fn a_step_that_moves_the_stable_path_is_announced_and_can_be_cut_off_anywhere() {
    for phase in phases() {
        for (name, step) in steps(&phase) {
            let Ok(step) = step else { continue };
            assert_eq!(step.announce.is_some(), step.reach.point.is_some(), "{name}");
            let (Some(announced), Some(to)) = (&step.announce, &step.reach.point) else { continue };
            let kept = announced.releases().into_iter().map(|release| release.digest);
            for live in [phase.live().digest, to.digest] {
                let world = World::new(Some(live), kept.clone());
                let Recovery::Reach(reach) = recover(announced, &world) else { panic!("{name}") };
                // Recovery arrives where the step was going, or where it came from.
                let there = reach.phase == step.reach.phase;
                let back = name == "swap" && reach.phase.name() == "staged";
                assert!(there || back, "{name}: {reach:?}");
                assert!(!there || reach.remember == step.reach.remember, "{name}");
            }
        }
    }
}

#[test]
fn what_is_left_behind_by_a_bad_release_is_remembered() {
    for phase in phases() {
        for (name, step) in steps(&phase) {
            let Ok(step) = step else { continue };
            let bad = matches!(name, "refuse" | "revert" | "roll back");
            assert_eq!(step.reach.remember.is_some(), bad, "{name}");
        }
    }
}

#[test]
fn a_revert_keeps_the_release_that_could_be_rolled_back_to() {
    let [previous, from, to] = ["1.1.0", "1.2.0", "1.3.0"].map(release);
    let (current, kept) = (from.clone(), Some(previous.clone()));
    let staged = Phase::Staged {
        current,
        previous: kept.clone(),
        next: to.clone(),
        qualified: true,
        consent: Consent::None,
    };
    let trial = staged.swap(to.digest, now()).unwrap().reach.phase;
    let reverted = trial.revert(to.digest, "why", now()).unwrap();
    assert_eq!(reverted.reach.phase, Phase::Settled { current: from.clone(), previous: kept });
    assert_eq!(reverted.entry.event, Event::Reverted);
    let committed = trial.commit(to.digest, now()).unwrap();
    assert_eq!(committed.reach.phase, Phase::Settled { current: to, previous: Some(from) });
}

#[test]
fn a_rollback_stops_at_what_the_release_calls_safe() {
    let [previous, mut current] = ["1.1.0", "1.2.0"].map(release);
    let roll_back = |current: &exuvia_plan::ReleaseRef| {
        let (current, previous) = (current.clone(), Some(previous.clone()));
        Phase::Settled { current, previous }.roll_back(now()).map(|step| step.entry.event)
    };
    current.safe_from = Some("1.1.0".parse().unwrap());
    assert_eq!(roll_back(&current), Ok(Event::RolledBack));
    current.safe_from = Some("1.1.1".parse().unwrap());
    assert!(matches!(roll_back(&current), Err(StepError::Unsafe { .. })));
}

#[test]
fn a_rollback_stops_at_what_can_read_the_data_and_a_return_during_the_trial_does_not() {
    let [previous, mut current] = ["1.1.0", "1.2.0"].map(release);
    current.readable_from = Some("1.1.1".parse().unwrap());
    let (from, to) = (previous.clone(), current.clone());
    let trial = Phase::Trial { from, to, previous: None };
    assert!(trial.roll_back(now()).is_ok());
    let settled = |current| Phase::Settled { current, previous: Some(previous.clone()) };
    let refused = settled(current.clone()).roll_back(now()).unwrap_err();
    let said = "only 1.1.1 or later can read the data of the installed release, 1.1.0 cannot";
    assert_eq!(refused.to_string(), said);
    current.readable_from = Some("1.1.0".parse().unwrap());
    assert!(settled(current).roll_back(now()).is_ok());
}

#[test]
fn why_a_step_is_not_possible_is_said_for_people() {
    let texts: Vec<String> = phases()
        .iter()
        .filter_map(|phase| phase.swap(release("9.9.9").digest, now()).err())
        .map(|error| error.to_string())
        .collect();
    assert!(texts.contains(
        &"a new version is on trial until it has been started and found healthy".to_owned()
    ));
    assert!(texts.iter().all(|text| !text.contains("phase")), "{texts:?}");
}
