//! Recovery: from the journal and what the disk shows to what must be done, as one total match.

use crate::journal::{Consent, Phase, ReleaseRef};
use exuvia_core::Digest;
use std::collections::BTreeSet;

/// What the disk shows. Only releases that the journal names appear here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    live: Option<Digest>,
    kept: BTreeSet<Digest>,
}

impl World {
    /// `live` is the release that the stable path leads to, if it leads to one; `kept` are those
    /// whose whole tree exists. What is live is kept.
    pub fn new(live: Option<Digest>, kept: impl IntoIterator<Item = Digest>) -> World {
        World { live, kept: kept.into_iter().chain(live).collect() }
    }

    /// The release that the stable path leads to.
    pub fn live(&self) -> Option<Digest> {
        self.live
    }

    /// The releases whose whole tree exists.
    pub fn kept(&self) -> impl Iterator<Item = Digest> {
        self.kept.iter().copied()
    }

    fn leads_to(&self, release: &ReleaseRef) -> bool {
        self.live == Some(release.digest)
    }

    fn has(&self, release: &ReleaseRef) -> bool {
        self.kept.contains(&release.digest)
    }
}

/// What recovery has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recovery {
    /// Reach a state in which the application starts.
    Reach(Box<Reach>),
    /// No tree of any release that the journal names exists: only a new installation helps.
    Lost,
}

/// The steps, in this order; each may be absent, each may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Make the stable path lead to this release.
    pub point: Option<ReleaseRef>,
    /// Remember this release as bad, for this reason.
    pub remember: Option<(ReleaseRef, String)>,
    /// Make this the journal's phase (it may be the one it already has). After `settled`: raise
    /// the floors, prune.
    pub phase: Phase,
}

/// Decides how to go on from `phase` in `world`.
///
/// What happened is kept and what did not happen is not begun again. Where the disk shows
/// something that no step of ours leaves behind, the installed release wins over a newer one, and
/// any release that starts wins over none.
pub fn recover(phase: &Phase, world: &World) -> Recovery {
    let kept = |previous: &Option<ReleaseRef>| previous.clone().filter(|r| world.has(r));
    match phase {
        Phase::Settled { current, previous } => settled(world, current, previous.as_ref()),
        Phase::Staged { current, previous, next, qualified, consent } => {
            if world.has(next) && world.has(current) {
                let (qualified, consent) = (*qualified, *consent);
                let (previous, next) = (kept(previous), next.clone());
                let live = current.clone();
                let staged = Phase::Staged { current: live, previous, next, qualified, consent };
                reach(world, current, staged)
            } else {
                settled(world, current, previous.as_ref())
            }
        }
        Phase::Swapping { from, to, previous } => {
            if world.leads_to(to) || !world.has(from) && world.has(to) {
                let (from, previous) = (from.clone(), kept(previous));
                reach(world, to, Phase::Trial { from, to: to.clone(), previous })
            } else if world.has(from) && world.has(to) {
                let (current, next, previous) = (from.clone(), to.clone(), kept(previous));
                // Only a qualified release is ever swapped; whether to try again is asked again.
                let (qualified, consent) = (true, Consent::None);
                let staged = Phase::Staged { current, previous, next, qualified, consent };
                reach(world, from, staged)
            } else {
                settled(world, from, previous.as_ref())
            }
        }
        Phase::Trial { from, to, previous } => {
            if world.leads_to(to) || !world.has(from) && world.has(to) {
                let (from, previous) = (from.clone(), kept(previous));
                reach(world, to, Phase::Trial { from, to: to.clone(), previous })
            } else {
                // Not remembered, it would be offered again, and be gone again, for ever.
                let gone = (!world.has(to)).then(|| (to.clone(), GONE.to_owned()));
                settled(world, from, previous.as_ref()).remembering(gone)
            }
        }
        Phase::Reverting { from, to, previous, reason, remember } => {
            // When the release to go back to is gone, the bad one is better than none.
            let recovery = match world.has(to) {
                true => settled(world, to, previous.as_ref()),
                false => settled(world, from, None),
            };
            recovery.remembering(remember.then(|| (from.clone(), reason.clone())))
        }
    }
}

impl Recovery {
    fn remembering(mut self, bad: Option<(ReleaseRef, String)>) -> Recovery {
        if let Recovery::Reach(reach) = &mut self {
            reach.remember = bad;
        }
        self
    }
}

/// The first of the two that still has its tree, with the other as `previous` if it has one too.
fn settled(world: &World, current: &ReleaseRef, previous: Option<&ReleaseRef>) -> Recovery {
    let previous = previous.filter(|release| world.has(release));
    match previous {
        _ if world.has(current) => {
            let (current, previous) = (current.clone(), previous.cloned());
            reach(world, &current.clone(), Phase::Settled { current, previous })
        }
        Some(previous) => {
            reach(world, previous, Phase::Settled { current: previous.clone(), previous: None })
        }
        None => Recovery::Lost,
    }
}

fn reach(world: &World, live: &ReleaseRef, phase: Phase) -> Recovery {
    let point = (!world.leads_to(live)).then(|| live.clone());
    Recovery::Reach(Box::new(Reach { point, remember: None, phase }))
}

const GONE: &str = "its files disappeared while it was on trial";
