//! Repositories of any files, spread over succinct hashed bins (TAP 15): a client that looks for one
//! of a hundred thousand targets reads one small bin, not the list of all.

use std::collections::BTreeMap;

use exuvia_core::metadata::{
    Delegations, Envelope, MetaFile, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
};
use exuvia_core::{Digest, Time};
use serde::Serialize;
use serde_json::Map;

use crate::repository::{TIMESTAMP, path};
use crate::sign::encode;
use crate::{Error, Expiry, Founding, Keyring, Keys};

/// Makes the first state of a repository whose targets lie in `2^bits` bins, as files by path. Keys of
/// every role must be at hand.
///
/// # Errors
/// A role with fewer keys than its threshold; keys that are not at hand.
pub fn binned(
    targets: BTreeMap<String, TargetFile>,
    bits: u32,
    founding: &Founding,
    bins: &Keys,
    keys: &Keyring,
    now: Time,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let (expiry, by_id) = (Expiry::default(), bins.by_id("bins")?);
    let until = |days: u32| now.plus_days(i64::from(days));
    let succinct = SuccinctRoles {
        keyids: by_id.keys().cloned().collect(),
        threshold: bins.threshold,
        bit_length: bits.clamp(1, 16),
        name_prefix: "bin".to_owned(),
        extra: Map::new(),
    };
    let mut all: BTreeMap<String, Targets> =
        succinct.bins().map(|bin| (bin.name, Targets::new(1, until(expiry.channels)))).collect();
    for (path, file) in targets {
        if let Some(bin) = all.get_mut(&succinct.bin_of(&path).name) {
            bin.targets.insert(path, file);
        }
    }
    let mut making = Making { keys, files: BTreeMap::new(), meta: BTreeMap::new() };
    for (name, bin) in &all {
        making.put(name, 1, bin, bins)?;
    }
    let mut top = Targets::new(1, until(expiry.targets));
    let delegations =
        Delegations { keys: by_id, succinct_roles: Some(succinct), ..Delegations::default() };
    top.delegations = Some(delegations);
    making.put("targets", 1, &top, &founding.targets)?;
    let snapshot = Snapshot::new(1, until(expiry.snapshot), making.meta.clone());
    let named = making.put("snapshot", 1, &snapshot, &founding.snapshot)?;
    let timestamp = Timestamp::new(1, until(expiry.timestamp), named);
    let bytes = making.sign("timestamp", &timestamp, &founding.timestamp)?;
    making.files.insert(TIMESTAMP.to_owned(), bytes);
    let mut root = founding.root(until(expiry.root))?;
    root.version = 1;
    making.put("root", 1, &root, &founding.root)?;
    Ok(making.files)
}

struct Making<'a> {
    keys: &'a Keyring,
    files: BTreeMap<String, Vec<u8>>,
    meta: BTreeMap<String, MetaFile>,
}

impl Making<'_> {
    fn put(
        &mut self,
        role: &str,
        version: u64,
        signed: &impl Serialize,
        by: &Keys,
    ) -> Result<MetaFile, Error> {
        let bytes = self.sign(role, signed, by)?;
        let hashes = BTreeMap::from([("sha256".to_owned(), Digest::of(&bytes).to_string())]);
        let length = Some(bytes.len() as u64);
        let file = MetaFile { version, length, hashes: Some(hashes), extra: Map::new() };
        self.meta.insert(format!("{role}.json"), file.clone());
        self.files.insert(path(role, version), bytes);
        Ok(file)
    }

    fn sign(&self, role: &str, signed: &impl Serialize, by: &Keys) -> Result<Vec<u8>, Error> {
        let failed = |source| encode(role, source);
        let mut envelope = Envelope::unsigned(signed).map_err(failed)?;
        let bytes = envelope.signed_bytes().map_err(failed)?;
        let by_id = by.by_id(role)?;
        for signer in self.keys.among(by_id.keys()) {
            envelope.signatures.push(self.keys.sign_with(signer, role, &bytes)?);
        }
        let have = envelope.signatures.len() as u64;
        if have < by.threshold {
            let (role, threshold) = (role.to_owned(), by.threshold);
            return Err(Error::MissingKeys { role, threshold, have });
        }
        crate::proposal::file_of(role, &envelope)
    }
}
