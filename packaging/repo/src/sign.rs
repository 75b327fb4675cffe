//! A change under way: roles are edited, then signed bottom up, then judged as a client would.

use std::collections::BTreeMap;

use exuvia_core::json::JsonError;
use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_core::metadata::{DelegatedRole, Envelope, MetaFile, Targets};
use exuvia_core::{Digest, Time};
use serde::Serialize;
use serde_json::Map;

use crate::release::ROLE_LIMIT;
use crate::repository::{TIMESTAMP, path};
use crate::{Changes, Error, Keyring, Repository, client};

/// The state after a change that is not handed out yet.
pub(crate) struct Draft<'a> {
    before: &'a Repository,
    after: Repository,
    keys: &'a Keyring,
    now: Time,
    changes: Changes,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(before: &'a Repository, keys: &'a Keyring, now: Time) -> Self {
        Self { before, after: before.clone(), keys, now, changes: Changes::default() }
    }

    pub(crate) fn role_mut(&mut self, name: &str) -> Result<&mut Targets, Error> {
        let unknown = || Error::UnknownRole { role: name.to_owned() };
        self.after.roles.get_mut(name).ok_or_else(unknown)
    }

    /// Adds a delegated role that lists nothing yet; `targets` has to be signed after it.
    pub(crate) fn delegate(&mut self, role: DelegatedRole, keys: BTreeMap<KeyId, PublicKey>) {
        self.after.roles.insert(role.name.clone(), Targets::new(0, self.now));
        let delegations = self.after.targets.delegations.get_or_insert_default();
        delegations.keys.extend(keys);
        delegations.roles.push(role);
    }

    /// Whether enough keys of a role are at hand.
    ///
    /// # Errors
    /// [`Error::MissingKeys`] if not.
    pub(crate) fn check_keys(&self, role: &str) -> Result<(), Error> {
        let authority = self.after.authority(role)?;
        let have = self.keys.among(authority.keyids).len() as u64;
        let threshold = authority.threshold;
        if have < threshold {
            return Err(Error::MissingKeys { role: role.to_owned(), threshold, have });
        }
        Ok(())
    }

    pub(crate) fn sign_root(&mut self) -> Result<(), Error> {
        let mut root = self.after.root.clone();
        root.version += 1;
        root.expires = self.expires(self.after.expiry.root);
        let bytes = self.sign("root", &root)?;
        self.put(path("root", root.version), bytes);
        self.after.root = root;
        Ok(())
    }

    /// Signs a role that lists releases, and has the snapshot name it.
    pub(crate) fn sign_role(&mut self, name: &str) -> Result<(), Error> {
        let mut role = self.role_mut(name)?.clone();
        role.version += 1;
        role.expires = self.expires(self.after.expiry.channels);
        let bytes = self.sign(name, &role)?;
        let length = bytes.len() as u64;
        if length > ROLE_LIMIT {
            return Err(Error::RoleTooLarge { role: name.to_owned(), length, limit: ROLE_LIMIT });
        }
        self.put_named(name, role.version, bytes);
        self.after.roles.insert(name.to_owned(), role);
        Ok(())
    }

    pub(crate) fn sign_targets(&mut self) -> Result<(), Error> {
        let mut targets = self.after.targets.clone();
        targets.version += 1;
        targets.expires = self.expires(self.after.expiry.targets);
        let bytes = self.sign("targets", &targets)?;
        self.put_named("targets", targets.version, bytes);
        self.after.targets = targets;
        Ok(())
    }

    /// Signs the snapshot, then the timestamp, and hands the change out if clients accept it.
    pub(crate) fn finish(mut self) -> Result<(Repository, Changes), Error> {
        let mut snapshot = self.after.snapshot.clone();
        snapshot.version += 1;
        snapshot.expires = self.expires(self.after.expiry.snapshot);
        let bytes = self.sign("snapshot", &snapshot)?;
        self.after.timestamp.meta.snapshot = meta_file(snapshot.version, &bytes);
        self.put(path("snapshot", snapshot.version), bytes);
        self.after.snapshot = snapshot;
        self.finish_timestamp()
    }

    /// As [`Draft::finish`], when nothing that the snapshot names has changed.
    pub(crate) fn finish_timestamp(mut self) -> Result<(Repository, Changes), Error> {
        let mut timestamp = self.after.timestamp.clone();
        timestamp.version += 1;
        timestamp.expires = self.expires(self.after.expiry.timestamp);
        let bytes = self.sign("timestamp", &timestamp)?;
        self.put(TIMESTAMP.to_owned(), bytes);
        self.after.timestamp = timestamp;
        client::accepts(self.before, &self.after, self.now)?;
        Ok((self.after, self.changes))
    }

    fn expires(&self, days: u32) -> Time {
        self.now.plus_days(i64::from(days))
    }

    fn put_named(&mut self, role: &str, version: u64, bytes: Vec<u8>) {
        self.after.snapshot.meta.insert(format!("{role}.json"), meta_file(version, &bytes));
        self.put(path(role, version), bytes);
    }

    fn put(&mut self, path: String, bytes: Vec<u8>) {
        self.after.files.insert(path.clone(), bytes.clone());
        self.changes.push(path, bytes);
    }

    /// The file of a role, with a signature of every key of the role at hand.
    ///
    /// Signed is the canonical form, but written is plain JSON: canonical strings hold line breaks
    /// as they are, which is not JSON any more.
    fn sign(&self, role: &str, signed: &impl Serialize) -> Result<Vec<u8>, Error> {
        self.check_keys(role)?;
        let encode = |source| Error::Encode { role: role.to_owned(), source };
        let mut envelope = Envelope::unsigned(signed).map_err(encode)?;
        let bytes = envelope.signed_bytes().map_err(encode)?;
        let signers = self.keys.among(self.after.authority(role)?.keyids);
        envelope.signatures = signers.iter().map(|signer| signer.sign(&bytes)).collect();
        serde_json::to_vec(&envelope)
            .map_err(|error| encode(JsonError::Shape { problem: error.to_string() }))
    }
}

fn meta_file(version: u64, bytes: &[u8]) -> MetaFile {
    let hashes = BTreeMap::from([("sha256".to_owned(), Digest::of(bytes).to_string())]);
    MetaFile { version, length: Some(bytes.len() as u64), hashes: Some(hashes), extra: Map::new() }
}
