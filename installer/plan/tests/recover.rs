//! Recovery: every phase meets every world.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod common;

use common::{phases, release};
use exuvia_core::Digest;
use exuvia_plan::{Consent, Phase, Reach, Recovery, World, recover};

/// Every world in which the releases of a phase can be found: each live, kept or gone.
fn worlds(phase: &Phase) -> Vec<World> {
    let digests: Vec<Digest> = phase.releases().iter().map(|r| r.digest).collect();
    let mut worlds = Vec::new();
    for bits in 0..1_u32 << digests.len() {
        let kept: Vec<Digest> =
            (0..digests.len()).filter(|i| bits & (1 << i) != 0).map(|i| digests[i]).collect();
        worlds.push(World::new(None, kept.clone()));
        worlds.extend(kept.iter().map(|live| World::new(Some(*live), kept.clone())));
    }
    worlds
}

fn every(mut check: impl FnMut(&Phase, &World, Recovery)) {
    for phase in phases() {
        for world in worlds(&phase) {
            check(&phase, &world, recover(&phase, &world));
        }
    }
}

fn reached(phase: &Phase, world: &World) -> Reach {
    match recover(phase, world) {
        Recovery::Reach(reach) => *reach,
        Recovery::Lost => panic!("lost: {phase:?} {world:?}"),
    }
}

fn after(world: &World, reach: &Reach) -> World {
    World::new(reach.point.as_ref().map(|to| to.digest).or(world.live()), world.kept())
}

#[test]
fn only_an_installation_without_any_startable_tree_is_lost() {
    every(|phase, world, recovery| {
        let startable = |kept: Digest| match phase {
            // Verified, but nobody has seen it start.
            Phase::Staged { next, .. } => kept != next.digest,
            // It is older than the one that is gone back to: too old for the data by then.
            Phase::Reverting { previous: Some(previous), .. } => kept != previous.digest,
            _ => true,
        };
        let lost = !world.kept().any(startable);
        assert_eq!(recovery == Recovery::Lost, lost, "{phase:?} {world:?}");
    });
}

#[test]
fn the_stable_path_leads_to_what_the_phase_says_afterwards() {
    every(|phase, world, recovery| {
        let Recovery::Reach(reach) = recovery else { return };
        let expected = match &reach.phase {
            Phase::Trial { to, .. } => to,
            other => other.installed(),
        };
        assert_eq!(after(world, &reach).live(), Some(expected.digest), "{phase:?} {world:?}");
    });
}

#[test]
fn recovering_twice_is_recovering_once() {
    every(|phase, world, recovery| {
        let Recovery::Reach(first) = recovery else { return };
        let second = reached(&first.phase, &after(world, &first));
        assert_eq!(second.phase, first.phase, "{phase:?} {world:?}");
        assert_eq!((second.point, second.remember), (None, None), "{phase:?} {world:?}");
    });
}

#[test]
fn no_recovery_ends_in_the_middle_of_a_step() {
    every(|phase, world, recovery| {
        let Recovery::Reach(reach) = recovery else { return };
        let calm = !matches!(reach.phase, Phase::Swapping { .. } | Phase::Reverting { .. });
        assert!(calm, "{phase:?} {world:?}");
    });
}

#[test]
fn a_phase_never_names_a_release_whose_tree_is_gone() {
    every(|phase, world, recovery| {
        let Recovery::Reach(reach) = recovery else { return };
        for release in reach.phase.releases() {
            // A release on trial stays on trial although there is nothing to go back to.
            let gone = matches!(&reach.phase, Phase::Trial { from, .. } if from == release);
            assert!(gone || world.kept().any(|kept| kept == release.digest), "{phase:?} {world:?}");
        }
    });
}

#[test]
fn a_release_is_remembered_if_a_revert_asks_for_it_or_if_it_vanished_on_trial() {
    every(|phase, world, recovery| {
        let Recovery::Reach(reach) = recovery else { return };
        let asked = match phase {
            Phase::Reverting { remember, .. } => *remember,
            Phase::Trial { to, .. } => !world.kept().any(|kept| kept == to.digest),
            _ => false,
        };
        assert_eq!(reach.remember.is_some(), asked, "{phase:?} {world:?}");
    });
}

#[test]
fn a_swap_that_moved_nothing_goes_back_to_staged_and_asks_again() {
    let [from, to] = ["1.2.0", "1.3.0"].map(release);
    let both = [from.digest, to.digest];
    let phase = Phase::Swapping { from: from.clone(), to: to.clone(), previous: None };
    let reach = reached(&phase, &World::new(Some(from.digest), both));
    assert_eq!(reach.point, None);
    let (qualified, consent) = (true, Consent::None);
    let staged = Phase::Staged { current: from, previous: None, next: to, qualified, consent };
    assert_eq!(reach.phase, staged);
}

#[test]
fn a_swap_that_moved_the_pointer_goes_on_to_trial() {
    let [from, to] = ["1.2.0", "1.3.0"].map(release);
    let phase = Phase::Swapping { from: from.clone(), to: to.clone(), previous: None };
    let reach = reached(&phase, &World::new(Some(to.digest), [from.digest, to.digest]));
    assert_eq!((reach.point, reach.phase), (None, Phase::Trial { from, to, previous: None }));
}

#[test]
fn a_swap_cut_off_between_two_renames_puts_the_old_version_back() {
    let [from, to] = ["1.2.0", "1.3.0"].map(release);
    let phase = Phase::Swapping { from: from.clone(), to: to.clone(), previous: None };
    let reach = reached(&phase, &World::new(None, [from.digest, to.digest]));
    assert_eq!(reach.point, Some(from));
    assert_eq!(reach.phase.name(), "staged");
}

#[test]
fn a_revert_is_finished_wherever_it_was_cut_off() {
    let [old, bad] = ["1.2.0", "1.3.0"].map(release);
    let (from, to, reason, remember) = (bad.clone(), old.clone(), "why".to_owned(), true);
    let phase = Phase::Reverting { from, to, previous: None, reason, remember };
    for live in [None, Some(old.digest), Some(bad.digest)] {
        let reach = reached(&phase, &World::new(live, [old.digest, bad.digest]));
        assert_eq!(reach.phase, Phase::Settled { current: old.clone(), previous: None });
        assert_eq!(reach.remember, Some((bad.clone(), "why".to_owned())));
    }
}

#[test]
fn a_pointer_that_leads_elsewhere_is_set_right() {
    let [previous, current] = ["1.1.0", "1.2.0"].map(release);
    let phase = Phase::Settled { current: current.clone(), previous: Some(previous.clone()) };
    for live in [None, Some(previous.digest)] {
        let reach = reached(&phase, &World::new(live, [previous.digest, current.digest]));
        assert_eq!((reach.point, reach.phase), (Some(current.clone()), phase.clone()));
    }
}
