//! Ways to a release, by the bytes they cost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::release::{Delta, Release, Releases};
use crate::{Digest, Target};

/// A way to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What to fetch and apply, in order. A step into full stands alone.
    pub steps: Vec<Step>,
    /// How much is fetched.
    pub bytes: u64,
}

/// A part of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The full bundle, compressed.
    Full(Target),
    /// A delta on top of what is there by then.
    Delta(Delta),
}

/// Ways from the installed bundle to a release, cheapest first: chains of deltas in known formats
/// that cost less than the full bundle, none sharing a delta with an earlier one, so that whatever
/// makes one fail does not make the next one fail; then the full bundle.
pub fn routes(
    releases: &Releases,
    installed: Option<Digest>,
    to: &Release,
    formats: &[&str],
    avoid: &BTreeSet<Digest>,
) -> Vec<Route> {
    let usable = |delta: &&Delta| {
        formats.contains(&delta.format())
            && delta.target().sha256().is_none_or(|digest| !avoid.contains(&digest))
    };
    let releases = releases.of_kind(to.facts().kind);
    let mut deltas: Vec<&Delta> = releases.flat_map(Release::deltas).filter(usable).collect();
    let mut routes = Vec::new();
    if let Some(from) = installed {
        while let Some(chain) = cheapest(&deltas, from, to.digest()) {
            let bytes =
                chain.iter().map(|delta| delta.target().length()).fold(0, u64::saturating_add);
            if bytes >= to.full().length() {
                break;
            }
            deltas.retain(|delta| !chain.contains(delta));
            let steps = chain.into_iter().cloned().map(Step::Delta).collect();
            routes.push(Route { steps, bytes });
        }
    }
    let full = to.full();
    routes.push(Route { steps: vec![Step::Full(full.clone())], bytes: full.length() });
    routes
}

/// Dijkstra over bundles: the chain of fewest bytes, and of those the shortest. `None` when there is
/// no chain of at least one delta.
fn cheapest<'a>(deltas: &[&'a Delta], from: Digest, to: Digest) -> Option<Vec<&'a Delta>> {
    // How each bundle is reached best, and the bundles still to be looked at, cheapest first.
    let mut best: BTreeMap<Digest, ((u64, usize), &Delta)> = BTreeMap::new();
    let mut ahead = BinaryHeap::from([Reverse(((0u64, 0usize), from))]);
    while let Some(Reverse((cost, at))) = ahead.pop() {
        if at == to {
            break;
        }
        if best.get(&at).is_some_and(|(known, _)| *known < cost) {
            continue;
        }
        for &delta in deltas.iter().filter(|delta| delta.from() == at && delta.to() != from) {
            let next = (cost.0.saturating_add(delta.target().length()), cost.1 + 1);
            if best.get(&delta.to()).is_none_or(|(known, _)| next < *known) {
                best.insert(delta.to(), (next, delta));
                ahead.push(Reverse((next, delta.to())));
            }
        }
    }
    let mut chain = Vec::new();
    let mut at = to;
    while at != from {
        let (_, delta) = best.get(&at)?;
        chain.push(*delta);
        at = delta.from();
    }
    chain.reverse();
    (!chain.is_empty()).then_some(chain)
}
