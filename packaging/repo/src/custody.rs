//! Who may sign what, and changes to that.

use std::collections::{BTreeMap, BTreeSet};

use exuvia_core::Time;
use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_core::metadata::{Delegations, Roles, Root};

use crate::bins::owner;
use crate::sign::Draft;
use crate::{Error, Proposal, Repository};

/// A change to the keys of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// One more key may sign.
    Add(PublicKey),
    /// A key may sign no longer.
    Remove(KeyId),
    /// So many keys must sign.
    Threshold(u64),
}

/// What is known about a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// The role.
    pub role: String,
    /// Its keys.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// How many of them must sign.
    pub threshold: u64,
    /// Version of its metadata.
    pub version: u64,
    /// When its metadata ends.
    pub expires: Time,
}

impl Repository {
    /// Every role with its keys, the top-level ones first. Bins have those of their channel.
    ///
    /// # Errors
    /// A role that the root or `targets` does not name.
    pub fn custody(&self) -> Result<Vec<Custody>, Error> {
        let Self { root, targets, snapshot, timestamp, .. } = self;
        let top = [
            ("root", root.version, root.expires),
            ("targets", targets.version, targets.expires),
            ("snapshot", snapshot.version, snapshot.expires),
            ("timestamp", timestamp.version, timestamp.expires),
        ];
        let delegated = self
            .roles
            .iter()
            .filter(|(name, _)| owner(name) == *name)
            .map(|(name, role)| (name.as_str(), role.version, role.expires));
        let describe = |(role, version, expires): (&str, u64, Time)| {
            let by = self.authority(role)?;
            let key = |id: &KeyId| Some((id.clone(), by.keys.get(id)?.clone()));
            let keys = by.keyids.iter().filter_map(key).collect();
            Ok(Custody { role: role.to_owned(), keys, threshold: by.threshold, version, expires })
        };
        top.into_iter().chain(delegated).map(describe).collect()
    }

    /// Proposes other keys or thresholds, with the new versions of the roles concerned.
    ///
    /// # Errors
    /// An unknown role or key; a key that is there already; a role with fewer keys than its
    /// threshold.
    pub fn propose_keys(
        &self,
        changes: &[(String, KeyChange)],
        now: Time,
    ) -> Result<Proposal, Error> {
        let mut draft = Draft::new(self, now);
        // Roles whose present signatures might not count any more.
        let mut again = BTreeSet::new();
        for (role, change) in changes {
            let mut keys = RoleKeys::of(&mut draft, role)?;
            keys.apply(role, change)?;
            if !matches!(change, KeyChange::Add(_)) {
                again.insert(role.as_str());
            }
        }
        let touched: BTreeSet<&str> = changes.iter().map(|(role, _)| role.as_str()).collect();
        for role in &touched {
            RoleKeys::of(&mut draft, role)?.check(role)?;
        }
        prune(&mut draft);
        let top = |role: &&str| ["root", "targets", "snapshot", "timestamp"].contains(role);
        for role in touched.iter().filter(|role| !top(role)) {
            draft.align_bins(role)?;
            // Its bins have its keys: one that is only added is news to them too.
            if again.contains(role) || !self.bins_of(role).is_empty() {
                draft.propose(role)?;
            }
        }
        if again.contains("targets") || !touched.iter().all(top) {
            draft.propose_targets()?;
        }
        if touched.iter().any(top) {
            draft.propose_root()?;
        }
        Ok(draft.proposal())
    }
}

/// The keys of one role, within the root or the delegations that name it.
struct RoleKeys<'a> {
    all: &'a mut BTreeMap<KeyId, PublicKey>,
    ids: &'a mut Vec<KeyId>,
    threshold: &'a mut u64,
}

impl<'a> RoleKeys<'a> {
    fn of(draft: &'a mut Draft<'_>, role: &str) -> Result<Self, Error> {
        if ["root", "targets", "snapshot", "timestamp"].contains(&role) {
            let Root { keys: all, roles, .. } = draft.root_mut();
            let Roles { root, targets, snapshot, timestamp, .. } = roles;
            let keys = match role {
                "root" => root,
                "targets" => targets,
                "snapshot" => snapshot,
                _ => timestamp,
            };
            return Ok(Self { all, ids: &mut keys.keyids, threshold: &mut keys.threshold });
        }
        let Delegations { keys: all, roles, .. } = draft.delegations_mut();
        let keys = roles.iter_mut().find(|delegated| delegated.name == role);
        let keys = keys.ok_or_else(|| Error::UnknownRole { role: role.to_owned() })?;
        Ok(Self { all, ids: &mut keys.keyids, threshold: &mut keys.threshold })
    }

    fn apply(&mut self, role: &str, change: &KeyChange) -> Result<(), Error> {
        let role = role.to_owned();
        match change {
            KeyChange::Add(key) => {
                let id = key.id();
                if self.ids.contains(&id) {
                    return Err(Error::KeyExists { role, key: id });
                }
                self.all.insert(id.clone(), key.clone());
                self.ids.push(id);
            }
            KeyChange::Remove(id) => {
                if !self.ids.contains(id) {
                    return Err(Error::UnknownKey { role, key: id.clone() });
                }
                self.ids.retain(|other| other != id);
            }
            KeyChange::Threshold(threshold) => *self.threshold = *threshold,
        }
        Ok(())
    }

    fn check(&self, role: &str) -> Result<(), Error> {
        let (keys, threshold) = (self.ids.len() as u64, *self.threshold);
        if threshold == 0 || keys < threshold {
            return Err(Error::Threshold { role: role.to_owned(), keys, threshold });
        }
        Ok(())
    }
}

/// Keys that no role has any more go.
fn prune(draft: &mut Draft<'_>) {
    let Root { keys, roles, .. } = draft.root_mut();
    let Roles { root, targets, snapshot, timestamp, .. } = roles;
    let named = [root, targets, snapshot, timestamp];
    keys.retain(|id, _| named.iter().any(|role| role.keyids.contains(id)));
    let Delegations { keys, roles, .. } = draft.delegations_mut();
    keys.retain(|id, _| roles.iter().any(|role| role.keyids.contains(id)));
}
