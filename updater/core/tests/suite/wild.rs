//! A repository with the oddities that real ones have, followed from each of its roots.

use exuvia_core::Error;
use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_core::metadata::{Envelope, MetaFile, Root};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::publisher::{Publisher, time, version_in};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

/// The key as the first repositories wrote it, and as today's do.
fn point(seed: u8) -> PublicKey {
    let point = secret(seed).verifying_key().to_sec1_point(false);
    key("ecdsa-sha2-nistp256", &hex(point.as_bytes()), json!({"keyid_hash_algorithms": ["sha256"]}))
}

fn pem(seed: u8) -> PublicKey {
    let public = p256::PublicKey::from(secret(seed).verifying_key());
    let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
    key("ecdsa", &pem, json!({"x-keyowner": "@somebody"}))
}

fn key(keytype: &str, public: &str, more: Value) -> PublicKey {
    let mut key = json!({
        "keytype": keytype, "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": public},
    });
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(key).unwrap()
}

/// Signed by some, and with the empty signatures of others who were asked.
fn signed(role: &impl Serialize, signers: &[(&str, u8)], asked: &[&str]) -> Vec<u8> {
    let envelope = Envelope::unsigned(role).unwrap();
    let message = envelope.signed_bytes().unwrap();
    let sign = |(id, seed): &(&str, u8)| {
        let signature: Signature = secret(*seed).sign(&message);
        json!({"keyid": id, "sig": hex(signature.to_der().as_bytes())})
    };
    let empty = asked.iter().map(|id| json!({"keyid": id, "sig": ""}));
    let signatures: Vec<_> = empty.chain(signers.iter().map(sign)).collect();
    serde_json::to_vec_pretty(&json!({"signed": envelope.signed, "signatures": signatures}))
        .unwrap()
}

fn trust(root: &mut Root, keys: &[(&str, PublicKey)], threshold: u64) {
    root.keys.extend(keys.iter().map(|(id, key)| (KeyId::new(*id), key.clone())));
    root.roles.root.keyids = keys.iter().map(|(id, _)| KeyId::new(*id)).collect();
    root.roles.root.threshold = threshold;
}

/// Five roots: points under made-up ids, expired and without versions in names; then PEM under other
/// ids, and consistent snapshots.
fn repository() -> Publisher {
    let mut publisher = Publisher::new();
    publisher.root.spec_version = "1.0".to_owned();
    publisher.root.consistent_snapshot = false;
    publisher.root.expires = time("2021-12-18T13:28:12.99008-06:00");
    let points = [("a", point(1)), ("b", point(2)), ("c", point(3))];
    trust(&mut publisher.root, &points, 2);
    let by_points = [("a", 1), ("b", 2), ("c", 3)];
    put(&mut publisher, 1, &by_points, &[]);
    put(&mut publisher, 2, &by_points[..2], &["c"]);
    // The same keys, written otherwise, under other ids.
    let pems = [("A", pem(1)), ("B", pem(2)), ("D", pem(4))];
    trust(&mut publisher.root, &pems, 2);
    publisher.root.consistent_snapshot = true;
    put(&mut publisher, 3, &[("a", 1), ("b", 2), ("A", 1), ("B", 2), ("D", 4)], &["c"]);
    publisher.root.spec_version = "1.0.31".to_owned();
    put(&mut publisher, 4, &[("A", 1), ("D", 4)], &["B"]);
    publisher.root.expires = time("2027-01-01T00:00:00Z");
    publisher.root.extra.insert("x-signing-period".to_owned(), json!(45));
    put(&mut publisher, 5, &[("B", 2), ("D", 4)], &["A"]);
    // The snapshot lists files that nobody delegates to, some with and some without hashes.
    for (name, length) in [("rekor.json", Some(797)), ("root.json", None)] {
        let hashes = length.map(|_| [("sha512".to_owned(), "00".repeat(64))].into());
        let meta = MetaFile { version: 3, length, hashes, extra: Map::new() };
        publisher.snapshot.meta.insert(name.to_owned(), meta);
    }
    publisher.publish(&["targets"]);
    publisher
}

fn put(publisher: &mut Publisher, version: u64, signers: &[(&str, u8)], asked: &[&str]) {
    publisher.root.version = version;
    let bytes = signed(&publisher.root, signers, asked);
    publisher.files.insert(format!("{version}.root.json"), bytes);
}

#[test]
fn a_chain_of_odd_roots_is_followed_from_every_root() {
    let publisher = repository();
    for version in 1..=5 {
        let mut client = Client::of(&publisher);
        client.embedded = publisher.files[&format!("{version}.root.json")].clone();
        let trusted = client.refresh(&publisher).unwrap();
        assert_eq!(trusted.root_version(), 5, "from {version}");
        let roots = client.fetched().iter().filter(|file| file.ends_with("root.json")).count();
        assert_eq!(roots, 6 - version, "from {version}");
        assert_eq!(version_in(&client.files["targets.json"]), 2);
    }
}

#[test]
fn stored_roots_are_kept_byte_for_byte_however_they_are_written() {
    let publisher = repository();
    let client = Client::refreshed(&publisher);
    assert_eq!(client.files["root.json"], publisher.files["5.root.json"]);
}

#[test]
fn empty_signatures_do_not_count() {
    let mut publisher = repository();
    put(&mut publisher, 5, &[("D", 4)], &["A", "B"]);
    let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Threshold { role: "root".to_owned(), signed: 1, needed: 2 });
}

#[test]
fn one_key_under_its_old_and_its_new_id_is_one_signer() {
    let mut publisher = repository();
    let both = [("a", point(1)), ("A", pem(1)), ("D", pem(4))];
    trust(&mut publisher.root, &both, 2);
    put(&mut publisher, 6, &[("A", 1), ("D", 4), ("a", 1)], &[]);
    put(&mut publisher, 7, &[("A", 1), ("a", 1)], &[]);
    let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
    assert_eq!(error, Error::Threshold { role: "root".to_owned(), signed: 1, needed: 2 });
}

#[test]
fn the_snapshot_mode_may_change_with_any_root() {
    let mut publisher = repository();
    let mut client = Client::refreshed(&publisher);
    publisher.root.consistent_snapshot = false;
    put(&mut publisher, 6, &[("A", 1), ("B", 2)], &[]);
    publisher.publish(&["targets"]);
    client.refresh(&publisher).unwrap();
    assert_eq!(
        client.fetched(),
        ["6.root.json", "7.root.json", "timestamp.json", "snapshot.json", "targets.json"]
    );
}
