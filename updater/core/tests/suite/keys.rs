//! Keys, their ids, and what a signature is worth.

use exuvia_core::Digest;
use exuvia_core::json::{canonical, parse};
use exuvia_core::keys::{KeyError, KeyId, PublicKey, Signature};
use serde_json::{Value, json};

use crate::client::Client;
use crate::publisher::{Publisher, Signer, version_in};

#[test]
fn a_signature_holds_for_its_message_and_key_only() {
    let (signer, other) = (Signer::new(1), Signer::new(2));
    let sig = signer.sign(b"message").sig;
    assert_eq!(signer.public().verify(b"message", &sig), Ok(()));
    assert_eq!(signer.public().verify(b"massage", &sig), Err(KeyError::WrongSignature));
    assert_eq!(other.public().verify(b"message", &sig), Err(KeyError::WrongSignature));
}

#[test]
fn malformed_keys_and_signatures_are_told_apart() {
    let signer = Signer::new(1);
    for sig in ["", "00", "zz", &"0".repeat(126)] {
        assert_eq!(signer.public().verify(b"", sig), Err(KeyError::MalformedSignature), "{sig}");
    }
    let mut key = signer.public();
    key.keyval.public.pop();
    assert_eq!(key.verify(b"", &signer.sign(b"").sig), Err(KeyError::MalformedKey));
}

#[test]
fn a_weak_key_vouches_for_nothing() {
    // With the identity as key and as R, and S zero, the lax equation holds for every message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut sig = [0; 64];
    sig[0] = 1;
    let key = PublicKey::ed25519(&identity);
    let sig = Signature::new(key.id(), &sig).sig;
    assert_eq!(key.verify(b"anything", &sig), Err(KeyError::WrongSignature));
}

#[test]
fn the_vector_of_rfc_8032_verifies() {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let sig = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
               5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    let mut public = PublicKey::ed25519(&[0; 32]);
    public.keyval.public = key.to_owned();
    assert_eq!(public.verify(b"", sig), Ok(()));
}

#[test]
fn the_id_is_the_hash_of_the_canonical_key() {
    let key = PublicKey::ed25519(&[0; 32]);
    let zeros = "00".repeat(32);
    let form =
        format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{zeros}"}},"scheme":"ed25519"}}"#);
    assert_eq!(key.id().as_str(), Digest::of(form.as_bytes()).to_string());
}

#[test]
fn the_id_covers_unknown_fields() {
    let plain = Signer::new(1).public();
    let mut extended = plain.clone();
    extended.extra.insert("x".to_owned(), Value::from(1));
    assert_ne!(plain.id(), extended.id());
}

#[test]
fn keys_of_an_unknown_kind_are_data_until_used() {
    for keyval in [
        r#"{"public":"?","p":1}"#,
        r#"{"identity":"somebody@example.org","issuer":"https://issuer.example.org"}"#,
        r#"{"private":"","public":{"e":"10001","n":"c0"}}"#,
    ] {
        let json = format!(r#"{{"keytype":"pq","scheme":"lattice","keyval":{keyval},"x":2}}"#);
        let key: PublicKey = serde_json::from_str(&json).unwrap();
        let value = parse(json.as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&key).unwrap(), value);
        let form = canonical(&value).unwrap();
        assert_eq!(key.id().as_str(), Digest::of(&form).to_string());
        assert!(matches!(key.verify(b"", ""), Err(KeyError::UnknownScheme { .. })));
    }
}

#[test]
fn a_root_that_lists_keys_of_an_unknown_kind_is_followed() {
    let mut publisher = Publisher::new();
    let root = &mut publisher.root;
    let key = json!({"keytype": "sigstore-oidc", "scheme": "Fulcio", "keyval": {"identity": "a", "issuer": "b"}});
    let id = KeyId::new("somebody");
    root.keys.insert(id.clone(), serde_json::from_value(key).unwrap());
    root.roles.targets.keyids.push(id);
    publisher.publish_root();
    let mut client = Client::of(&publisher);
    client.refresh(&publisher).unwrap();
    assert_eq!(version_in(&client.files["root.json"]), 2);
}
