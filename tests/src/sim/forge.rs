//! Signing what an honest publisher would not: the simulation's keys in an attacker's hands.

use std::collections::BTreeMap;

use exuvia_core::Digest;
use exuvia_core::metadata::Envelope;
use exuvia_repo::Signer;
use serde_json::{Value, json};

use super::{CHANNEL, Sim, key, platform};

/// The file name of the channel's role, without version and ending.
pub fn channel_role() -> String {
    format!("{CHANNEL}-{}", platform())
}

impl Sim {
    /// The newest served file of a role, parsed.
    pub fn signed(&self, role: &str) -> Value {
        let (_, bytes) = self.newest_file(role);
        serde_json::from_slice::<Value>(&bytes).unwrap()["signed"].take()
    }

    /// Changes what the newest file of a role says, signs it with the role's own key, and has its
    /// parents name the new bytes: what somebody can do who holds those keys.
    pub fn forge(&self, role: &str, change: impl FnOnce(&mut Value)) {
        self.forge_signed_by(role, &[key_of(role)], change);
    }

    /// As [`Sim::forge`], signed by these keys, which need not be the role's.
    pub fn forge_signed_by(&self, role: &str, keys: &[&str], change: impl FnOnce(&mut Value)) {
        let mut change = Some(change);
        self.forge_up(role, keys, &mut |signed| change.take().unwrap()(signed));
    }

    fn forge_up(&self, role: &str, keys: &[&str], change: &mut dyn FnMut(&mut Value)) {
        let mut signed = self.signed(role);
        change(&mut signed);
        let bytes = sign(&signed, keys);
        let version = signed["version"].as_u64().unwrap_or(0);
        self.replace(&path(role, version), bytes.clone());
        let parent = match role {
            "root" | "timestamp" => return,
            "snapshot" => "timestamp",
            _ => "snapshot",
        };
        self.forge_up(parent, &[key_of(parent)], &mut |parent| {
            parent["version"] = json!(parent["version"].as_u64().unwrap() + 1);
            parent["meta"][format!("{role}.json")] = json!({
                "version": version, "length": bytes.len(),
                "hashes": {"sha256": Digest::of(&bytes).to_string()},
            });
        });
    }

    /// Has the publisher sign a delta that rebuilds nothing: right length and hash, wrong inside.
    pub fn forge_delta(&self, path: &str) {
        let mut bytes = self.served()[path].clone();
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        let digest = Digest::of(&bytes).to_string();
        let (folder, name) = path.strip_prefix("targets/").unwrap().rsplit_once('/').unwrap();
        let name = name.split_once('.').unwrap().1;
        self.forge(&channel_role(), |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
            signed["targets"][format!("{folder}/{name}")]["hashes"]["sha256"] = json!(digest);
        });
        self.replace(&format!("targets/{folder}/{digest}.{name}"), bytes);
    }

    /// Adds a root after the newest one, changed, signed by these keys.
    pub fn next_root(&self, keys: &[&str], change: impl FnOnce(&mut Value)) {
        let mut root = self.signed("root");
        let version = root["version"].as_u64().unwrap() + 1;
        root["version"] = json!(version);
        change(&mut root);
        self.replace(&path("root", version), sign(&root, keys));
    }

    /// The newest served file of a role, with its path.
    fn newest_file(&self, role: &str) -> (String, Vec<u8>) {
        let served = self.served();
        let ending = format!(".{role}.json");
        let version = |path: &&String| -> Option<u64> {
            path.strip_prefix("metadata/")?.strip_suffix(&ending)?.parse().ok()
        };
        let newest = served.keys().filter_map(|path| Some((version(&path)?, path))).max();
        let newest = newest.map_or_else(|| path_of(role), |(_, path)| path.clone());
        let bytes = served[&newest].clone();
        (newest, bytes)
    }
}

/// Puts the metadata file of one role back to how it was in `old`, whatever version it has now.
pub fn with_old(
    mut now: BTreeMap<String, Vec<u8>>,
    old: &BTreeMap<String, Vec<u8>>,
    role: &str,
) -> BTreeMap<String, Vec<u8>> {
    let of_role =
        |path: &&String| path.ends_with(&format!(".{role}.json")) || **path == path_of(role);
    now.retain(|path, _| !of_role(&path));
    now.extend(old.iter().filter(|(path, _)| of_role(path)).map(|(p, b)| (p.clone(), b.clone())));
    now
}

/// A metadata file: `signed` with a signature of each key.
pub fn sign(signed: &Value, keys: &[&str]) -> Vec<u8> {
    let mut envelope = Envelope { signed: signed.clone(), signatures: Vec::new() };
    let bytes = envelope.signed_bytes().unwrap();
    envelope.signatures = keys.iter().map(|name| key(name).sign(&bytes).unwrap()).collect();
    serde_json::to_vec(&envelope).unwrap()
}

fn key_of(role: &str) -> &str {
    match role {
        "root" | "targets" | "snapshot" | "timestamp" | "rollout" => role,
        _ => "channel",
    }
}

fn path(role: &str, version: u64) -> String {
    match role {
        "timestamp" => path_of(role),
        _ => format!("metadata/{version}.{role}.json"),
    }
}

fn path_of(role: &str) -> String {
    format!("metadata/{role}.json")
}
