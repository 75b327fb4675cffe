use std::collections::BTreeMap;

use exuvia_core::Time;
use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_core::metadata::{DelegatedRole, RoleKeys, Roles, Root, Scope};
use exuvia_core::names::{App, Channel, Platform};
use serde_json::Map;

use crate::repository::role_name;
use crate::sign::Draft;
use crate::{Changes, Error, Expiry, Keyring, Proposal, Repository};

/// The public keys of one role, and how many of them must sign.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// Signatures demanded, at least 1.
    pub threshold: u64,
}

impl Keys {
    /// Any one of these keys may sign.
    pub fn any_of(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { keys: keys.into_iter().collect(), threshold: 1 }
    }

    /// The keys by id, when there are enough different ones for the threshold.
    pub(crate) fn by_id(&self, role: &str) -> Result<BTreeMap<KeyId, PublicKey>, Error> {
        let keys: BTreeMap<_, _> = self.keys.iter().map(|key| (key.id(), key.clone())).collect();
        let (role, count, threshold) = (role.to_owned(), keys.len() as u64, self.threshold);
        if threshold == 0 || count < threshold {
            return Err(Error::Threshold { role, keys: count, threshold });
        }
        Ok(keys)
    }
}

/// Who signs what in a new repository.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Keys of the root, which names all others. Two, so that one can be lost.
    pub root: Keys,
    /// Keys of `targets`, which delegates to channels and platforms.
    pub targets: Keys,
    /// Keys of the snapshot.
    pub snapshot: Keys,
    /// Keys of the timestamp.
    pub timestamp: Keys,
}

impl Repository {
    /// A new repository without channels.
    ///
    /// # Errors
    /// A role with fewer keys than its threshold; keys that are not at hand.
    pub fn init(
        app: App,
        founding: &Founding,
        expiry: Expiry,
        keys: &Keyring,
        now: Time,
    ) -> Result<(Self, Changes), Error> {
        let empty = Self::empty(app, expiry);
        empty.found(founding, now)?.finish(keys)
    }

    /// As [`Repository::init`] of a repository that is [empty](Repository::empty), for others to
    /// sign.
    ///
    /// # Errors
    /// A role with fewer keys than its threshold.
    pub fn propose_founding(&self, founding: &Founding, now: Time) -> Result<Proposal, Error> {
        Ok(self.found(founding, now)?.proposal())
    }

    fn found(&self, founding: &Founding, now: Time) -> Result<Draft<'_>, Error> {
        let mut draft = Draft::new(self, now);
        *draft.root_mut() = founding.root(now)?;
        draft.propose_targets()?;
        draft.propose_root()?;
        Ok(draft)
    }

    /// Delegates a channel on a platform to keys of its own, with an empty list of releases.
    ///
    /// # Errors
    /// [`Error::RoleExists`]; keys of `targets`, of the new role, of snapshot or timestamp that are
    /// not at hand.
    pub fn add_platform(
        &mut self,
        channel: &Channel,
        platform: &Platform,
        of: &Keys,
        keys: &Keyring,
        now: Time,
    ) -> Result<Changes, Error> {
        let name = role_name(channel, platform);
        let paths = vec![format!("{channel}/{platform}/*")];
        let (state, changes) = self.delegated(&name, paths, of, now)?.finish(keys)?;
        *self = state;
        Ok(changes)
    }

    /// A draft with one more delegated role.
    pub(crate) fn delegated(
        &self,
        name: &str,
        paths: Vec<String>,
        of: &Keys,
        now: Time,
    ) -> Result<Draft<'_>, Error> {
        if self.roles.contains_key(name) {
            return Err(Error::RoleExists { role: name.to_owned() });
        }
        let by_id = of.by_id(name)?;
        let role = DelegatedRole {
            name: name.to_owned(),
            keyids: by_id.keys().cloned().collect(),
            threshold: of.threshold,
            terminating: true,
            scope: Scope::Paths(paths),
            extra: Map::new(),
        };
        let mut draft = Draft::new(self, now);
        draft.delegate(role, by_id);
        draft.propose_role(name)?;
        draft.propose_targets()?;
        Ok(draft)
    }
}

impl Founding {
    pub(crate) fn root(&self, now: Time) -> Result<Root, Error> {
        let mut all = BTreeMap::new();
        let mut role = |keys: &Keys, name: &str| {
            let by_id = keys.by_id(name)?;
            let keyids = by_id.keys().cloned().collect();
            all.extend(by_id);
            Ok(RoleKeys { keyids, threshold: keys.threshold, extra: Map::new() })
        };
        let roles = Roles {
            root: role(&self.root, "root")?,
            targets: role(&self.targets, "targets")?,
            snapshot: role(&self.snapshot, "snapshot")?,
            timestamp: role(&self.timestamp, "timestamp")?,
            extra: Map::new(),
        };
        let mut root = Root::new(now, all, roles);
        root.version = 0;
        Ok(root)
    }
}
