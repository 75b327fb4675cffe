//! A change under way: roles are edited, then proposed bottom up. What is proposed is signed and
//! finished by [`Proposal`], here at once or elsewhere later.

use std::collections::BTreeMap;

use exuvia_core::Time;
use exuvia_core::json::JsonError;
use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_core::metadata::{DelegatedRole, Delegations, Envelope, Root, Targets};
use serde::Serialize;

use crate::bins::{self, spread};
use crate::proposal::{Change, Proposal};
use crate::{Changes, Error, Keyring, Repository};

/// The state after a change that is not handed out yet.
pub(crate) struct Draft<'a> {
    before: &'a Repository,
    after: Repository,
    now: Time,
    changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(before: &'a Repository, now: Time) -> Self {
        Self { before, after: before.clone(), now, changes: Vec::new() }
    }

    pub(crate) fn role_mut(&mut self, name: &str) -> Result<&mut Targets, Error> {
        let unknown = || Error::UnknownRole { role: name.to_owned() };
        self.after.roles.get_mut(name).ok_or_else(unknown)
    }

    /// The root to be; it has to be proposed after it was changed.
    pub(crate) fn root_mut(&mut self) -> &mut Root {
        &mut self.after.root
    }

    /// The delegations to be; `targets` has to be proposed after they were changed.
    pub(crate) fn delegations_mut(&mut self) -> &mut Delegations {
        self.after.targets.delegations.get_or_insert_default()
    }

    /// Adds a delegated role that lists nothing yet; `targets` has to be proposed after it.
    pub(crate) fn delegate(&mut self, role: DelegatedRole, keys: BTreeMap<KeyId, PublicKey>) {
        self.after.roles.insert(role.name.clone(), Targets::new(0, self.now));
        let delegations = self.delegations_mut();
        delegations.keys.extend(keys);
        delegations.roles.push(role);
    }

    /// Edits what a role lists, in bins or not, and proposes the files that change.
    pub(crate) fn edit_list(
        &mut self,
        name: &str,
        edit: impl FnOnce(&mut Targets) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let unknown = || Error::UnknownRole { role: name.to_owned() };
        let mut list = self.after.list_of(name).ok_or_else(unknown)?;
        edit(&mut list)?;
        let (role, bins) = spread(list);
        let whole = bins.is_empty();
        for (name, mut bin) in bins {
            if let Some(old) = self.before.roles.get(&name) {
                (bin.version, bin.expires) = (old.version, old.expires);
            }
            self.put_list(&name, bin, false)?;
        }
        self.put_list(name, role, whole)
    }

    fn put_list(&mut self, name: &str, list: Targets, always: bool) -> Result<(), Error> {
        if !always && self.before.roles.get(name) == Some(&list) {
            return Ok(());
        }
        self.after.roles.insert(name.to_owned(), list);
        self.propose_role(name)
    }

    /// Gives the bins of a role its keys, as they are to be.
    pub(crate) fn align_bins(&mut self, name: &str) -> Result<(), Error> {
        let bits = self.after.roles.get(name).and_then(bins::succinct).map(|all| all.bit_length);
        if let Some(bits) = bits {
            let delegations = bins::delegations(name, bits, self.after.authority(name)?);
            self.role_mut(name)?.delegations = Some(delegations);
        }
        Ok(())
    }

    /// Proposes the next version of a role, whichever it is, and of its bins.
    pub(crate) fn propose(&mut self, role: &str) -> Result<(), Error> {
        match role {
            "root" => self.propose_root(),
            "targets" => self.propose_targets(),
            role => {
                for bin in self.after.bins_of(role) {
                    self.propose_role(&bin)?;
                }
                self.propose_role(role)
            }
        }
    }

    pub(crate) fn propose_root(&mut self) -> Result<(), Error> {
        let mut root = self.after.root.clone();
        root.version += 1;
        root.expires = self.expires(self.after.expiry.root);
        self.put("root", &root)
    }

    /// Proposes a role that lists releases, without its bins.
    pub(crate) fn propose_role(&mut self, name: &str) -> Result<(), Error> {
        let expires = self.expires(self.after.expiry.of(name));
        let mut role = self.role_mut(name)?.clone();
        role.version += 1;
        role.expires = expires;
        self.put(name, &role)
    }

    pub(crate) fn propose_targets(&mut self) -> Result<(), Error> {
        let mut targets = self.after.targets.clone();
        targets.version += 1;
        targets.expires = self.expires(self.after.expiry.targets);
        self.put("targets", &targets)
    }

    /// What was proposed, for others to sign.
    pub(crate) fn proposal(self) -> Proposal {
        Proposal::new(self.before, self.now, self.changes)
    }

    /// Signs with the keys at hand, and hands the change out if clients accept it.
    pub(crate) fn finish(self, keys: &Keyring) -> Result<(Repository, Changes), Error> {
        let (before, now) = (self.before, self.now);
        let mut proposal = self.proposal();
        proposal.sign(before, keys)?;
        proposal.finish(before, keys, now)
    }

    fn expires(&self, days: u32) -> Time {
        self.now.plus_days(i64::from(days))
    }

    fn put(&mut self, role: &str, signed: &impl Serialize) -> Result<(), Error> {
        let envelope = Envelope::unsigned(signed).map_err(|source| encode(role, source))?;
        let replaces = self.before.digest_of(role);
        self.changes.push(Change { role: role.to_owned(), replaces, envelope });
        Ok(())
    }
}

pub(crate) fn encode(role: &str, source: JsonError) -> Error {
    Error::Encode { role: role.to_owned(), source }
}
