//! The roles that a search has visited, and the lookup through them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Query;
use super::pattern::{Cover, Work};
use crate::metadata::{DelegatedRole, Role, TargetFile, Targets};
use crate::verify::Current;

/// Visited roles, each below the one that delegated to it and whose keys it was verified by.
#[derive(Debug)]
pub(super) struct Tree(Vec<Visit>);

#[derive(Debug)]
struct Visit {
    name: String,
    /// `None` for the top-level targets.
    delegator: Option<usize>,
    targets: Current<Targets>,
}

impl Tree {
    /// Where the top-level targets stand.
    pub(super) const TOP: usize = 0;

    pub(super) fn new(top: Current<Targets>) -> Self {
        Self(vec![Visit { name: Targets::NAME.to_owned(), delegator: None, targets: top }])
    }

    /// Adds a role below the one that delegated to it; gives its place.
    pub(super) fn grow(
        &mut self,
        delegator: usize,
        name: &str,
        targets: Current<Targets>,
    ) -> usize {
        self.0.push(Visit { name: name.to_owned(), delegator: Some(delegator), targets });
        self.0.len() - 1
    }

    pub(super) fn targets(&self, place: usize) -> &Targets {
        &self.0[place].targets
    }

    /// How many delegated roles were visited.
    pub(super) fn delegated(&self) -> usize {
        self.0.len() - 1
    }

    /// Where a role was visited first.
    pub(super) fn visited(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|visit| visit.name == name)
    }

    /// Where a role stands at or above a place.
    pub(super) fn visited_above(&self, mut place: usize, name: &str) -> Option<usize> {
        while self.0[place].name != name {
            place = self.0[place].delegator?;
        }
        Some(place)
    }

    /// All paths right below a directory that any visited role speaks about.
    pub(super) fn paths_below(&self, directory: &str) -> BTreeSet<String> {
        let name = |path: &str| match path.rsplit_once('/') {
            Some((above, name)) if above == directory => Some(name.to_owned()),
            None if directory.is_empty() => Some(path.to_owned()),
            _ => None,
        };
        let paths = self.0.iter().flat_map(|visit| visit.targets.targets.keys());
        // A name that is no name of a file can only be meant to confuse.
        paths
            .filter(|path| name(path).is_some_and(|name| !["", ".", ".."].contains(&name.as_str())))
            .cloned()
            .collect()
    }

    /// Looks a path up as if it were the only one: pre-order, depth first (5.6.7).
    /// What comes of it is only true as long as the work is allowed.
    pub(super) fn lookup(&self, path: &str, work: &Work) -> Option<&TargetFile> {
        let query = Query::Path(path.to_owned());
        let mut ahead = vec![Self::TOP];
        let mut seen = BTreeSet::new();
        while let Some(place) = ahead.pop() {
            if !seen.insert(&self.0[place].name) {
                continue;
            }
            if let Some(file) = self.targets(place).targets.get(path) {
                return Some(file);
            }
            let heirs = Heirs::of(self.targets(place), &query, 1, work);
            if heirs.alone {
                ahead.clear();
            }
            let below = |role: &Cow<'_, DelegatedRole>| self.child(place, &role.name);
            ahead.extend(heirs.roles.iter().rev().filter_map(below));
        }
        None
    }

    fn child(&self, place: usize, name: &str) -> Option<usize> {
        self.0.iter().position(|visit| visit.delegator == Some(place) && visit.name == name)
    }
}

/// The roles that one role delegates what is looked for to.
pub(super) struct Heirs<'a> {
    /// In order of trust.
    pub(super) roles: Vec<Cow<'a, DelegatedRole>>,
    /// Whether the last of them is terminating for all that is looked for: then nobody who would
    /// have come later is asked.
    pub(super) alone: bool,
}

impl<'a> Heirs<'a> {
    /// Of succinct bins at most `bins`: who needs more will not be served anyway.
    pub(super) fn of(targets: &'a Targets, query: &Query, bins: usize, work: &Work) -> Self {
        let mut heirs = Self { roles: Vec::new(), alone: false };
        let Some(delegations) = &targets.delegations else { return heirs };
        for role in &delegations.roles {
            let cover = Cover::of(&role.scope, query, work);
            if cover != Cover::Nothing {
                heirs.roles.push(Cow::Borrowed(role));
            }
            if role.terminating && cover == Cover::Whole {
                heirs.alone = true;
                return heirs;
            }
        }
        match (&delegations.succinct_roles, query) {
            (Some(succinct), Query::Path(path)) => {
                heirs.roles.push(Cow::Owned(succinct.bin_of(path)));
                heirs.alone = true;
            }
            (Some(succinct), Query::Directory(_)) => {
                heirs.roles.extend(succinct.bins().take(bins).map(Cow::Owned));
                // Together the bins cover everything; which of them is last does not matter.
                heirs.alone = true;
            }
            (None, _) => {}
        }
        heirs
    }
}
