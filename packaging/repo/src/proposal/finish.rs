//! From a signed proposal to the files that publish it.

use std::collections::BTreeMap;

use exuvia_core::metadata::{Authority, Envelope, MetaFile, Role, Targets};
use exuvia_core::{Digest, Time};
use serde::Serialize;
use serde_json::Map;

use super::signing::{bytes_of, file_of, signers, speakers};
use super::{Change, Proposal};
use crate::expiry::is_due;
use crate::release::ROLE_LIMIT;
use crate::repository::{TIMESTAMP, path};
use crate::sign::encode;
use crate::{Changes, Error, Keyring, Repository, client};

impl Proposal {
    /// Signs snapshot and timestamp over the proposed roles, and hands the change out if clients
    /// accept it.
    ///
    /// # Errors
    /// The proposal is stale, lacks signatures or is not for this repository; keys of snapshot or
    /// timestamp are not at hand; a client would refuse the result.
    pub fn finish(
        &self,
        before: &Repository,
        keys: &Keyring,
        now: Time,
    ) -> Result<(Repository, Changes), Error> {
        let after = self.applied_to(before)?;
        self.check_signatures(before)?;
        let mut end = End { before, after, keys, now, changes: Changes::default() };
        for Change { role, envelope, .. } in &self.changes {
            if role != "root" {
                end.put_role(role, file_of(role, envelope)?)?;
            }
        }
        if end.wants_snapshot(self) {
            end.sign_snapshot()?;
        }
        end.sign_timestamp()?;
        if let Some(root) = self.change("root") {
            end.put_root(file_of("root", &root.envelope)?)?;
        }
        client::accepts(before, &end.after, now)?;
        Ok((end.after, end.changes))
    }

    /// The state as it would be, whoever has signed so far.
    ///
    /// # Errors
    /// The proposal is stale or not for this repository.
    pub fn preview(&self, before: &Repository) -> Result<Repository, Error> {
        self.applied_to(before)
    }

    /// The state with the proposed roles in place, unsigned and unpublished.
    pub(crate) fn applied_to(&self, before: &Repository) -> Result<Repository, Error> {
        if self.app != before.app {
            let (expected, found) = (before.app.clone(), self.app.clone());
            return Err(Error::OtherApp { expected, found });
        }
        let mut after = before.clone();
        for change in &self.changes {
            change.apply(before, &mut after)?;
        }
        Ok(after)
    }
}

impl Change {
    fn apply(&self, before: &Repository, after: &mut Repository) -> Result<(), Error> {
        let Self { role, replaces, envelope } = self;
        let version = before.version_of(role).unwrap_or(0);
        if before.digest_of(role) != *replaces {
            return Err(Error::Stale { role: role.clone(), version });
        }
        let found = match role.as_str() {
            "root" => {
                after.root = model(role, envelope)?;
                after.root.version
            }
            "targets" => {
                after.targets = model(role, envelope)?;
                after.targets.version
            }
            name => {
                let metadata: Targets = model(role, envelope)?;
                let found = metadata.version;
                after.roles.insert(name.to_owned(), metadata);
                found
            }
        };
        let (path, version) = (path(role, version + 1), version + 1);
        if found == version { Ok(()) } else { Err(Error::OtherVersion { path, version, found }) }
    }
}

/// The last steps of a change.
struct End<'a> {
    before: &'a Repository,
    after: Repository,
    keys: &'a Keyring,
    now: Time,
    changes: Changes,
}

impl End<'_> {
    fn put_role(&mut self, role: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let length = bytes.len() as u64;
        if role != "targets" && length > ROLE_LIMIT {
            return Err(Error::RoleTooLarge { role: role.to_owned(), length, limit: ROLE_LIMIT });
        }
        let version = self.after.version_of(role).unwrap_or(0);
        self.after.snapshot.meta.insert(format!("{role}.json"), meta_file(version, &bytes));
        self.put(path(role, version), bytes);
        Ok(())
    }

    /// Whether the snapshot names something new, or is to be signed by others, or ends soon.
    fn wants_snapshot(&self, proposal: &Proposal) -> bool {
        let Repository { snapshot, expiry, .. } = self.before;
        let due = is_due(snapshot.expires, expiry.snapshot, self.now);
        self.before.is_empty()
            || proposal.roles().any(|role| role != "root")
            || self.exchanges("snapshot")
            || (due && self.has_keys("snapshot"))
    }

    fn sign_snapshot(&mut self) -> Result<(), Error> {
        let mut snapshot = self.after.snapshot.clone();
        snapshot.version += 1;
        snapshot.expires = self.now.plus_days(i64::from(self.after.expiry.snapshot));
        let bytes = self.sign("snapshot", &snapshot)?;
        self.after.timestamp.meta.snapshot = meta_file(snapshot.version, &bytes);
        self.put(path("snapshot", snapshot.version), bytes);
        self.after.snapshot = snapshot;
        Ok(())
    }

    fn sign_timestamp(&mut self) -> Result<(), Error> {
        let mut timestamp = self.after.timestamp.clone();
        timestamp.version += 1;
        timestamp.expires = self.now.plus_days(i64::from(self.after.expiry.timestamp));
        let bytes = self.sign("timestamp", &timestamp)?;
        self.put(TIMESTAMP.to_owned(), bytes);
        self.after.timestamp = timestamp;
        Ok(())
    }

    /// The root goes first, since nothing that it names depends on what follows. One that exchanges
    /// keys goes last, if the old root accepts all that is signed by the new keys.
    fn put_root(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let root_path = path("root", self.after.root.version);
        let exchanges =
            ["targets", "snapshot", "timestamp"].iter().any(|role| self.exchanges(role));
        self.put(root_path.clone(), bytes);
        let last = exchanges && !self.before.is_empty() && {
            let mut meanwhile = self.after.clone();
            meanwhile.files.remove(&root_path);
            meanwhile.root = self.before.root.clone();
            client::accepts(self.before, &meanwhile, self.now).is_ok()
        };
        if !last {
            let root = self.changes.files.pop();
            self.changes.files.splice(0..0, root);
        }
        Ok(())
    }

    fn exchanges(&self, role: &str) -> bool {
        let both = (self.before.authority(role), self.after.authority(role));
        let (Ok(before), Ok(after)) = both else { return true };
        before.keyids != after.keyids || before.threshold != after.threshold
    }

    fn has_keys(&self, role: &str) -> bool {
        self.after
            .authority(role)
            .is_ok_and(|by| self.keys.among(by.keyids).len() as u64 >= by.threshold)
    }

    /// The file of a role, with a signature of every key at hand that may sign it.
    fn sign(&self, role: &str, signed: &impl Serialize) -> Result<Vec<u8>, Error> {
        let mut envelope = Envelope::unsigned(signed).map_err(|source| encode(role, source))?;
        let bytes = bytes_of(role, &envelope)?;
        for signer in self.keys.among(&speakers(self.before, &self.after, role)?) {
            envelope.signatures.push(self.keys.sign_with(signer, role, &bytes)?);
        }
        let by: Authority<'_> = self.after.authority(role)?;
        let (threshold, have) = (by.threshold, signers(role, &envelope, by)?.len() as u64);
        if have < threshold {
            return Err(Error::MissingKeys { role: role.to_owned(), threshold, have });
        }
        file_of(role, &envelope)
    }

    fn put(&mut self, path: String, bytes: Vec<u8>) {
        self.after.files.insert(path.clone(), bytes.clone());
        self.changes.push(path, bytes);
    }
}

fn model<M: Role>(role: &str, envelope: &Envelope) -> Result<M, Error> {
    let value = envelope.signed.clone();
    M::deserialize(value).map_err(|error| {
        encode(role, exuvia_core::json::JsonError::Shape { problem: error.to_string() })
    })
}

fn meta_file(version: u64, bytes: &[u8]) -> MetaFile {
    let hashes = BTreeMap::from([("sha256".to_owned(), Digest::of(bytes).to_string())]);
    MetaFile { version, length: Some(bytes.len() as u64), hashes: Some(hashes), extra: Map::new() }
}
