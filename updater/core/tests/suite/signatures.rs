//! How signatures count toward a threshold.

use exuvia_core::Error;
use exuvia_core::keys::KeyId;
use serde_json::{Value, json};

use crate::client::Client;
use crate::publisher::{Publisher, Signer, signed, tampered};

/// A repository whose timestamp needs two of the keys 21, 22 and 23.
fn two_of_three() -> Publisher {
    let mut publisher = Publisher::new();
    publisher.rotate("timestamp", &[21, 22, 23], 2);
    publisher.publish_root();
    publisher
}

fn refresh_signed_by(publisher: &mut Publisher, seeds: &[u8]) -> Result<(), Error> {
    let signers: Vec<_> = seeds.iter().map(|&seed| Signer::new(seed)).collect();
    let bytes = signed(&publisher.timestamp, &signers);
    refresh_with(publisher, bytes)
}

fn refresh_with(publisher: &mut Publisher, timestamp: Vec<u8>) -> Result<(), Error> {
    publisher.files.insert("timestamp.json".to_owned(), timestamp);
    Client::of(publisher).refresh(publisher).map(|_| ())
}

fn too_few(signed: u64) -> Result<(), Error> {
    Err(Error::Threshold { role: "timestamp".to_owned(), signed, needed: 2 })
}

#[test]
fn a_threshold_of_different_keys_must_sign() {
    let mut publisher = two_of_three();
    for (seeds, expected) in [
        (&[21, 22][..], Ok(())),
        (&[23, 21], Ok(())),
        (&[21, 22, 23], Ok(())),
        (&[21, 22, 99, 1], Ok(())),
        (&[21], too_few(1)),
        (&[], too_few(0)),
        (&[21, 99], too_few(1)),
        (&[21, 1, 3], too_few(1)),
    ] {
        assert_eq!(refresh_signed_by(&mut publisher, seeds), expected, "{seeds:?}");
    }
}

#[test]
fn a_key_id_that_signed_twice_is_refused() {
    let mut publisher = two_of_three();
    for seeds in [&[21, 21][..], &[21, 22, 21], &[21, 22, 99, 99]] {
        let error = refresh_signed_by(&mut publisher, seeds).unwrap_err();
        assert!(matches!(error, Error::DuplicateSignature { .. }), "{seeds:?}");
    }
}

#[test]
fn one_key_under_two_ids_counts_once() {
    let mut publisher = two_of_three();
    // The same key, written differently: upper-case hex, and a field that nobody knows.
    let key = Signer::new(21).public();
    let mut shouting = key.clone();
    shouting.keyval.public = shouting.keyval.public.to_uppercase();
    let mut adorned = key.clone();
    adorned.extra.insert("x".to_owned(), Value::from(1));
    let ids = [key.id(), KeyId::new("alias"), KeyId::new("another")];
    for (id, key) in ids.iter().zip([key, shouting, adorned]) {
        publisher.root.keys.insert(id.clone(), key);
    }
    publisher.root.roles.timestamp.keyids = ids.to_vec();
    publisher.publish_root();
    let bytes = signed(&publisher.timestamp, &[Signer::new(21)]);
    let bytes = tampered(&bytes, |envelope| {
        let sig = envelope["signatures"][0]["sig"].clone();
        let signature = |id: &KeyId| json!({"keyid": id, "sig": sig});
        envelope["signatures"] = ids.iter().map(signature).collect();
    });
    assert_eq!(refresh_with(&mut publisher, bytes), too_few(1));
}

#[test]
fn a_key_id_listed_twice_counts_once() {
    let mut publisher = two_of_three();
    let id = Signer::new(21).public().id();
    publisher.root.roles.timestamp.keyids = vec![id.clone(), id];
    publisher.publish_root();
    assert_eq!(refresh_signed_by(&mut publisher, &[21]), too_few(1));
}

#[test]
fn ids_are_taken_as_they_are_declared() {
    let mut publisher = Publisher::new();
    let id = KeyId::new("any name at all");
    publisher.root.keys.insert(id.clone(), Signer::new(31).public());
    publisher.root.roles.timestamp.keyids = vec![id.clone()];
    publisher.publish_root();
    let bytes = signed(&publisher.timestamp, &[Signer::new(31)]);
    let bytes = tampered(&bytes, |envelope| envelope["signatures"][0]["keyid"] = json!(id));
    assert_eq!(refresh_with(&mut publisher, bytes), Ok(()));
}

#[test]
fn bad_signatures_beside_enough_good_ones_do_no_harm() {
    let mut publisher = two_of_three();
    let good = signed(&publisher.timestamp, &[21, 22, 23].map(Signer::new));
    for sig in [json!(""), json!("zz"), json!("00".repeat(64)), json!("00".repeat(400))] {
        let bytes = tampered(&good, |envelope| envelope["signatures"][0]["sig"] = sig.clone());
        assert_eq!(
            refresh_with(&mut publisher, bytes.clone()),
            Ok(()),
            "{}",
            sig.to_string().len()
        );
        let bytes = tampered(&bytes, |envelope| envelope["signatures"][1]["sig"] = sig.clone());
        assert_eq!(refresh_with(&mut publisher, bytes), too_few(1), "{}", sig.to_string().len());
    }
}

#[test]
fn keys_of_unknown_kinds_do_not_count_and_do_no_harm() {
    let mut publisher = two_of_three();
    let mut key = Signer::new(23).public();
    key.scheme = "ed25519-next".to_owned();
    publisher.root.keys.insert(Signer::new(23).public().id(), key);
    publisher.publish_root();
    assert_eq!(refresh_signed_by(&mut publisher, &[21, 22, 23]), Ok(()));
    assert_eq!(refresh_signed_by(&mut publisher, &[22, 23]), too_few(1));
}

#[test]
fn a_threshold_of_nothing_is_no_threshold() {
    let mut publisher = Publisher::new();
    publisher.root.roles.timestamp.threshold = 0;
    publisher.publish_root();
    let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
    assert!(matches!(error, Error::Malformed { role, .. } if role == "root"));
}

#[test]
fn what_was_signed_is_the_received_value_whatever_its_spelling() {
    let mut publisher = Publisher::new();
    let envelope: Value = serde_json::from_slice(&publisher.files["timestamp.json"]).unwrap();
    let pretty = serde_json::to_vec_pretty(&envelope).unwrap();
    assert_eq!(refresh_with(&mut publisher, pretty), Ok(()));
}

#[test]
fn a_changed_value_is_not_the_one_that_was_signed() {
    let mut publisher = Publisher::new();
    let good = publisher.files["timestamp.json"].clone();
    for (field, value) in
        [("version", json!(9)), ("expires", json!("2099-01-01T00:00:00Z")), ("new", json!(null))]
    {
        let bytes = tampered(&good, |envelope| envelope["signed"][field] = value);
        assert!(matches!(refresh_with(&mut publisher, bytes), Err(Error::Threshold { .. })));
    }
}

#[test]
fn a_document_that_readers_disagree_about_is_refused() {
    let mut publisher = Publisher::new();
    let good = String::from_utf8(publisher.files["timestamp.json"].clone()).unwrap();
    for (from, to) in [
        (r#""version":1"#, r#""version":1,"version":1"#),
        (r#""version":1"#, r#""version":1.0"#),
        (r#"{"signed""#, r#"{"signed":{},"signed""#),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let result = refresh_with(&mut publisher, bad.into_bytes());
        assert!(matches!(result, Err(Error::Malformed { .. })), "{to}: {result:?}");
    }
}

#[test]
fn arrays_in_the_place_of_objects_are_no_metadata() {
    let mut publisher = two_of_three();
    let good = signed(&publisher.timestamp, &[Signer::new(21), Signer::new(22)]);
    let arrays = |signature: &Value| json!([signature["keyid"], signature["sig"]]);
    let in_signatures = tampered(&good, |envelope| {
        let signatures = envelope["signatures"].as_array().unwrap();
        envelope["signatures"] = signatures.iter().map(arrays).collect();
    });
    let as_a_whole = tampered(&good, |envelope| {
        *envelope = json!([envelope["signed"], envelope["signatures"]]);
    });
    for bytes in [in_signatures, as_a_whole] {
        let error = refresh_with(&mut publisher, bytes).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    }
    assert_eq!(refresh_with(&mut publisher, good), Ok(()));
}
