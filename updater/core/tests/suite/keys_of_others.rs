//! The schemes that other publishers sign with. The vectors were made by an independent library:
//! keys made for the purpose, each over the bytes `message`.

use exuvia_core::Error;
use exuvia_core::keys::{KeyError, KeyId, PublicKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use crate::client::Client;
use crate::publisher::{Publisher, Signer, signed, tampered};

fn vectors(kind: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../vectors/keys.json")).unwrap();
    all[kind].clone()
}

fn key(keytype: &str, scheme: &str, public: &Value) -> PublicKey {
    let key = json!({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}});
    serde_json::from_value(key).unwrap()
}

fn rsa(public: &Value) -> PublicKey {
    key("rsa", "rsassa-pss-sha256", public)
}

fn ecdsa(public: &Value) -> PublicKey {
    key("ecdsa", "ecdsa-sha2-nistp256", public)
}

fn verify(key: &PublicKey, signature: &Value) -> Result<(), KeyError> {
    key.verify(b"message", signature.as_str().unwrap())
}

#[test]
fn rsa_pss_verifies_whatever_the_length_of_the_salt() {
    let vectors = vectors("rsa");
    for public in ["public", "pkcs1"] {
        let key = rsa(&vectors[public]);
        for salt in ["salt_of_digest", "salt_of_modulus"] {
            assert_eq!(verify(&key, &vectors[salt]), Ok(()), "{public} {salt}");
            let signature = vectors[salt].as_str().unwrap();
            assert_eq!(key.verify(b"massage", signature), Err(KeyError::WrongSignature));
        }
    }
}

#[test]
fn another_hash_or_padding_than_the_scheme_names_is_no_rsa_signature() {
    let vectors = vectors("rsa");
    let key = rsa(&vectors["public"]);
    for other in ["sha512", "pkcs1_v15", "short_signature"] {
        assert_eq!(verify(&key, &vectors[other]), Err(KeyError::WrongSignature), "{other}");
    }
    for sig in ["", "00", &"00".repeat(256), &"ff".repeat(256)] {
        assert_eq!(key.verify(b"message", sig), Err(KeyError::WrongSignature), "{sig}");
    }
    assert_eq!(key.verify(b"message", &"00".repeat(5_000)), Err(KeyError::MalformedSignature));
}

#[test]
fn rsa_keys_that_can_be_factored_are_no_keys() {
    let vectors = vectors("rsa");
    let key = rsa(&vectors["short"]);
    assert_eq!(verify(&key, &vectors["short_signature"]), Err(KeyError::MalformedKey));
}

#[test]
fn ecdsa_keys_are_understood_as_pem_and_as_points() {
    let vectors = vectors("ecdsa");
    for public in ["public", "point", "compressed"] {
        for keytype in ["ecdsa", "ecdsa-sha2-nistp256"] {
            let key = key(keytype, "ecdsa-sha2-nistp256", &vectors[public]);
            for sig in ["low", "high"] {
                assert_eq!(verify(&key, &vectors[sig]), Ok(()), "{keytype} {public} {sig}");
                let signature = vectors[sig].as_str().unwrap();
                assert_eq!(key.verify(b"massage", signature), Err(KeyError::WrongSignature));
            }
        }
    }
}

#[test]
fn ecdsa_signatures_of_another_form_are_malformed() {
    let vectors = vectors("ecdsa");
    let key = ecdsa(&vectors["public"]);
    let low = vectors["low"].as_str().unwrap();
    for sig in ["", "30", vectors["raw"].as_str().unwrap(), vectors["zero"].as_str().unwrap()] {
        assert_eq!(key.verify(b"message", sig), Err(KeyError::MalformedSignature), "{sig}");
    }
    let trailing = format!("{low}00");
    assert_eq!(key.verify(b"message", &trailing), Err(KeyError::MalformedSignature));
}

#[test]
fn keys_of_another_kind_than_they_claim_are_malformed() {
    let (rsa_vectors, ecdsa_vectors) = (vectors("rsa"), vectors("ecdsa"));
    let ed25519 = json!(Signer::new(1).public().keyval.public);
    let mut infinity = vec![ecdsa(&json!("00"))];
    let off_curve = format!("04{}", "01".repeat(64));
    infinity.push(ecdsa(&json!(off_curve)));
    let claims = [
        rsa(&ecdsa_vectors["public"]),
        rsa(&ed25519),
        ecdsa(&rsa_vectors["public"]),
        ecdsa(&ecdsa_vectors["other_curve"]),
        ecdsa(&ed25519),
        ecdsa(&json!("")),
        ecdsa(&json!("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")),
        key("ed25519", "ed25519", &ecdsa_vectors["public"]),
    ];
    for key in claims.iter().chain(&infinity) {
        assert_eq!(key.verify(b"message", "00"), Err(KeyError::MalformedKey), "{key:?}");
    }
}

#[test]
fn a_scheme_of_another_type_of_key_is_unknown() {
    let public = &vectors("ecdsa")["public"];
    for (keytype, scheme) in [
        ("ecdsa", "ed25519"),
        ("rsa", "ecdsa-sha2-nistp256"),
        ("ecdsa", "ecdsa-sha2-nistp384"),
        ("rsa", "rsa-pkcs1v15-sha256"),
    ] {
        let found = key(keytype, scheme, public).verify(b"message", "00");
        assert!(matches!(found, Err(KeyError::UnknownScheme { .. })), "{keytype} {scheme}");
    }
}

#[test]
fn one_key_as_pem_and_as_point_counts_once_and_two_kinds_count_as_two() {
    let vectors = vectors("ecdsa");
    let secret = SigningKey::from_slice(&[7; 32]).unwrap();
    let point = secret.verifying_key().to_sec1_point(false);
    let compressed = secret.verifying_key().to_sec1_point(true);
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut publisher = Publisher::new();
    let keys = [
        ("point", ecdsa(&json!(hex(point.as_bytes())))),
        (
            "compressed",
            key("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", &json!(hex(compressed.as_bytes()))),
        ),
        ("stranger", ecdsa(&vectors["public"])),
        ("other kind", Signer::new(9).public()),
    ];
    for (id, key) in keys {
        publisher.root.keys.insert(KeyId::new(id), key);
        publisher.root.roles.timestamp.keyids.push(KeyId::new(id));
    }
    publisher.root.roles.timestamp.threshold = 2;
    publisher.publish_root();

    let message = exuvia_core::metadata::Envelope::unsigned(&publisher.timestamp).unwrap();
    let message = message.signed_bytes().unwrap();
    let signature: Signature = secret.sign(&message);
    let ecdsa = json!(hex(signature.to_der().as_bytes()));
    let ed25519 = json!(Signer::new(9).sign(&message).sig);
    let unsigned = signed(&publisher.timestamp, &[]);
    let mut refresh = |signatures: &[(&str, &Value)]| {
        let bytes = tampered(&unsigned, |envelope| {
            let one = |&(keyid, sig): &(&str, &Value)| json!({"keyid": keyid, "sig": sig});
            envelope["signatures"] = signatures.iter().map(one).collect();
        });
        publisher.files.insert("timestamp.json".to_owned(), bytes);
        Client::of(&publisher).refresh(&publisher).map(|_| ())
    };
    let too_few = Err(Error::Threshold { role: "timestamp".to_owned(), signed: 1, needed: 2 });
    assert_eq!(refresh(&[("point", &ecdsa), ("compressed", &ecdsa)]), too_few);
    assert_eq!(refresh(&[("point", &ecdsa), ("stranger", &ecdsa)]), too_few);
    assert_eq!(refresh(&[("point", &ecdsa), ("other kind", &ed25519)]), Ok(()));
}
