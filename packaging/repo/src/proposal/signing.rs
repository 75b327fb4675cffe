//! Signatures on a proposal: who has signed, who must, who may.

use std::collections::BTreeSet;

use exuvia_core::json::JsonError;
use exuvia_core::keys::{KeyId, PublicKey, Signature};
use exuvia_core::metadata::{Authority, Envelope};

use super::{Change, Proposal};
use crate::sign::encode;
use crate::{Error, Keyring, Repository};

/// How far the signatures of one role have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The role.
    pub role: String,
    /// Whether these are the keys that the present root names, which a new root must satisfy too.
    pub of_present_root: bool,
    /// Signatures that are demanded.
    pub threshold: u64,
    /// Keys that have signed.
    pub signed: Vec<KeyId>,
    /// Keys that may still sign.
    pub awaited: Vec<KeyId>,
}

impl Standing {
    /// Whether enough keys have signed.
    pub fn is_met(&self) -> bool {
        self.signed.len() as u64 >= self.threshold
    }

    fn of(
        role: &str,
        envelope: &Envelope,
        by: Authority<'_>,
        of_present_root: bool,
    ) -> Result<Self, Error> {
        let signed = signers(role, envelope, by)?;
        let awaited = by.keyids.iter().filter(|id| !signed.contains(id)).cloned().collect();
        let (role, threshold) = (role.to_owned(), by.threshold);
        Ok(Self { role, of_present_root, threshold, signed, awaited })
    }
}

impl Proposal {
    /// Signs with every key at hand that speaks for a proposed role, and tells which did.
    ///
    /// # Errors
    /// The proposal is stale or not for this repository; a signer failed.
    pub fn sign(
        &mut self,
        before: &Repository,
        keys: &Keyring,
    ) -> Result<Vec<(String, KeyId)>, Error> {
        let after = self.applied_to(before)?;
        let mut signed = Vec::new();
        for change in &mut self.changes {
            let role = change.role.clone();
            let ids = speakers(before, &after, &role)?;
            let bytes = bytes_of(&role, &change.envelope)?;
            for signer in keys.among(&ids) {
                change.add(keys.sign_with(signer, &role, &bytes)?);
                signed.push((role.clone(), signer.id()));
            }
        }
        Ok(signed)
    }

    /// How far the signatures have come, role by role.
    ///
    /// # Errors
    /// The proposal is stale or not for this repository.
    pub fn standing(&self, before: &Repository) -> Result<Vec<Standing>, Error> {
        let after = self.applied_to(before)?;
        let mut all = Vec::new();
        for Change { role, envelope, .. } in &self.changes {
            if role == "root" && !before.is_empty() {
                let by = before.authority("root")?;
                all.push(Standing::of("root", envelope, by, true)?);
                // A root whose own keys are the same is satisfied by the same signatures.
                let own = after.authority("root")?;
                if own.keyids == by.keyids && own.threshold == by.threshold {
                    continue;
                }
            }
            all.push(Standing::of(role, envelope, after.authority(role)?, false)?);
        }
        Ok(all)
    }

    /// Refuses a proposal that lacks signatures.
    pub(super) fn check_signatures(&self, before: &Repository) -> Result<(), Error> {
        let unmet = self.standing(before)?.into_iter().find(|standing| !standing.is_met());
        match unmet {
            None => Ok(()),
            Some(Standing { role, threshold, signed, .. }) => {
                Err(Error::MissingKeys { role, threshold, have: signed.len() as u64 })
            }
        }
    }
}

impl Change {
    /// Adds a signature; a later one of the same key replaces the earlier.
    pub(super) fn add(&mut self, signature: Signature) {
        self.envelope.signatures.retain(|old| old.keyid != signature.keyid);
        self.envelope.signatures.push(signature);
    }
}

/// The keys that may sign a role: those it has after the change, and for a top-level role those it
/// had before, so that clients of the old root can follow.
pub(super) fn speakers(
    before: &Repository,
    after: &Repository,
    role: &str,
) -> Result<BTreeSet<KeyId>, Error> {
    let mut ids: BTreeSet<KeyId> = after.authority(role)?.keyids.iter().cloned().collect();
    if !before.is_empty() && TOP_LEVEL.contains(&role) {
        ids.extend(before.authority(role)?.keyids.iter().cloned());
    }
    Ok(ids)
}

/// The different keys of a role that signed an envelope.
pub(super) fn signers(
    role: &str,
    envelope: &Envelope,
    by: Authority<'_>,
) -> Result<Vec<KeyId>, Error> {
    let bytes = bytes_of(role, envelope)?;
    let mut seen: Vec<&PublicKey> = Vec::new();
    let mut found = Vec::new();
    for id in by.keyids {
        let Some(key) = by.keys.get(id).filter(|key| !seen.contains(key)) else { continue };
        let by_it = |sig: &&Signature| sig.keyid == *id && key.verify(&bytes, &sig.sig).is_ok();
        if envelope.signatures.iter().any(|signature| by_it(&signature)) {
            seen.push(key);
            found.push(id.clone());
        }
    }
    Ok(found)
}

pub(super) fn bytes_of(role: &str, envelope: &Envelope) -> Result<Vec<u8>, Error> {
    envelope.signed_bytes().map_err(|source| encode(role, source))
}

/// The file of a signed role. Signed is the canonical form, but written is plain JSON: canonical
/// strings hold line breaks as they are, which is not JSON any more.
pub(super) fn file_of(role: &str, envelope: &Envelope) -> Result<Vec<u8>, Error> {
    let shape = |error: serde_json::Error| JsonError::Shape { problem: error.to_string() };
    serde_json::to_vec(envelope).map_err(|error| encode(role, shape(error)))
}

pub(super) const TOP_LEVEL: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];
