//! Finding targets through delegations, on demand: TUF 5.6.7.
//!
//! Rules that hold here:
//! - A role is fetched only when the search comes to it, so a broken role harms nobody who does not
//!   need it; but one that is needed and missing or refused is an error, never "no such target".
//! - A role is verified by the keys of the delegation on which it is reached, every time.
//! - The search ends: no path visits a role twice, and the number of roles is limited, as is what
//!   is spent on comparing patterns.

mod pattern;
mod tree;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use self::pattern::Work;
use self::tree::{Heirs, Tree};
use crate::errand::{Errand, Outbox};
use crate::error::Error;
use crate::keys::{KeyId, PublicKey};
use crate::machine::{Answer, Machine, Want};
use crate::metadata::{Authority, DelegatedRole};
use crate::target::Target;
use crate::trusted::Trusted;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Query {
    /// One target.
    Path(String),
    /// All targets right below a directory.
    Directory(String),
}

/// A search on its way. Drive it as a [`Machine`], then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Search {
    trusted: Trusted,
    query: Query,
    /// The roles visited so far.
    tree: Tree,
    /// Delegations still to be followed, the next one last.
    ahead: Vec<Branch>,
    work: Work,
    outbox: Outbox,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Visiting(Branch, Box<Errand>),
    Ended,
    /// No answer can help; `finish` tells.
    Failed(Error),
}

/// A delegation to be followed.
#[derive(Debug)]
struct Branch {
    /// The place of the role that delegates.
    delegator: usize,
    role: DelegatedRole,
    /// Those of the delegator's keys that count.
    keys: BTreeMap<KeyId, PublicKey>,
}

impl Search {
    pub(crate) fn new(trusted: Trusted, query: Query) -> Self {
        let outbox = Outbox::new(trusted.floors.clone());
        let tree = Tree::new(trusted.targets.clone());
        let work = Work::of(trusted.limits.patterns);
        let (ahead, stage) = (Vec::new(), Stage::Ended);
        let mut search = Self { trusted, query, tree, ahead, work, outbox, stage };
        search.stage = search.look_into(Tree::TOP);
        search
    }

    /// The state of the repository for further searches, and what was found.
    ///
    /// # Errors
    /// A role that the search needs is not in the snapshot, or the search would visit too many
    /// (repository); [`Error::Unfinished`] when something is still wanted.
    pub fn finish(self) -> Result<(Trusted, Vec<Target>), Error> {
        match self.stage {
            Stage::Ended if self.outbox.is_empty() => {}
            Stage::Failed(error) => return Err(error),
            Stage::Ended | Stage::Visiting(..) => return Err(Error::Unfinished),
        }
        let paths = match self.query {
            Query::Path(path) => BTreeSet::from([path]),
            Query::Directory(directory) => self.tree.paths_below(&directory),
        };
        let consistent = self.trusted.root.consistent_snapshot;
        let target = |path: String| {
            let file = self.tree.lookup(&path, &self.work)?.clone();
            Some(Target::new(path, file, consistent))
        };
        let found = paths.into_iter().filter_map(target).collect();
        self.work.check()?;
        Ok((self.trusted, found))
    }

    /// Looks into a visited role and turns to the next one.
    fn look_into(&mut self, place: usize) -> Stage {
        let targets = self.tree.targets(place);
        if let Query::Path(path) = &self.query
            && targets.targets.contains_key(path)
        {
            return Stage::Ended;
        }
        let most = self.trusted.limits.roles.saturating_add(1);
        let heirs = Heirs::of(targets, &self.query, most, &self.work);
        if let Err(error) = self.work.check() {
            return Stage::Failed(error);
        }
        // 5.6.7.2.1. Nobody who comes after a terminating delegation is asked.
        if heirs.alone {
            self.ahead.clear();
        }
        // 5.6.7.2. Depth first, in order of trust.
        let branch = |role: Cow<'_, DelegatedRole>| {
            let delegations = targets.delegations.as_ref()?;
            let key = |id: &KeyId| Some((id.clone(), delegations.keys.get(id)?.clone()));
            let keys = role.keyids.iter().filter_map(key).collect();
            Some(Branch { delegator: place, role: role.into_owned(), keys })
        };
        // Of twice as many, half may have been visited; the rest is too many anyway.
        let heirs = heirs.roles.into_iter().take(most.saturating_mul(2));
        self.ahead.extend(heirs.rev().filter_map(branch));
        self.next()
    }

    /// The next role that must be visited.
    fn next(&mut self) -> Stage {
        while let Some(branch) = self.ahead.pop() {
            let name = &branch.role.name;
            // 5.6.7.1. A role that was visited before is skipped: this keeps cycles from looping.
            // Where many paths are looked up at once, some may reach a role by this way only.
            let visited = match self.query {
                Query::Path(_) => self.tree.visited(name),
                Query::Directory(_) => self.tree.visited_above(branch.delegator, name),
            };
            if visited.is_some() {
                continue;
            }
            let limit = self.trusted.limits.roles;
            if self.tree.delegated() >= limit {
                return Stage::Failed(Error::TooManyRoles { limit });
            }
            // 5.6.1. At most the stated length, under the stated version's name.
            let Some(named) = self.trusted.snapshot.role(name) else {
                return Stage::Failed(Error::NotListed { role: name.clone() });
            };
            let consistent = self.trusted.root.consistent_snapshot;
            let errand = Errand::new(name, named, consistent, self.trusted.limits.targets);
            return Stage::Visiting(branch, Box::new(errand));
        }
        Stage::Ended
    }
}

impl Machine for Search {
    fn wants(&self) -> Want<'_> {
        if let Some(write) = self.outbox.want() {
            return write;
        }
        match &self.stage {
            Stage::Visiting(_, errand) => errand.want(),
            Stage::Ended | Stage::Failed(_) => Want::Nothing,
        }
    }

    fn accept(&mut self, answer: Answer<'_>) -> Result<(), Error> {
        let Some(answer) = self.outbox.accept(answer)? else { return Ok(()) };
        let Stage::Visiting(branch, errand) = &mut self.stage else {
            return Err(Error::UnexpectedAnswer);
        };
        let Branch { role, keys, .. } = &*branch;
        let by = Authority { keys, keyids: &role.keyids, threshold: role.threshold };
        let floor = self.trusted.floors.of(&role.name, self.trusted.root.floor_keys());
        // 5.6.2 to 5.6.6, as for the top-level targets.
        match errand.pursue(answer, by, floor, self.trusted.now, &mut self.outbox)? {
            Some(targets) => {
                let place = self.tree.grow(branch.delegator, &role.name, targets);
                self.stage = self.look_into(place);
            }
            None => **errand = errand.after_store(),
        }
        Ok(())
    }
}
