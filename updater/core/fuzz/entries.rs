//! What is tried with arbitrary bytes: by the fuzz targets, and by a test that replays their corpora.
//! Each asks for more than "no crash": what was read means the same however it is written.

use exuvia_core::metadata::{Envelope, Root, Snapshot, Targets, Timestamp};
use exuvia_core::release::Facts;
use exuvia_core::verify::Unverified;
use exuvia_core::{Floors, json};
use exuvia_plan::record::{self, Record};
use exuvia_plan::{Config, Phase, Remembered};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// All kinds of metadata, and the root that vouches for itself.
pub(crate) fn metadata(bytes: &[u8]) {
    let _ = Unverified::<Root>::new("root", bytes).trust_by_origin();
    let Ok(envelope) = Envelope::parse(bytes) else { return };
    let signed = &envelope.signed;
    if let Some(root) = again::<Root>(signed) {
        let own = root.authority(&root.roles.root);
        let _ = Unverified::<Root>::new("root", bytes).verify(own);
        let _ = Unverified::<Targets>::new("targets", bytes).verify(own);
        assert_eq!(root.floor_keys(), root.clone().floor_keys());
    }
    again::<Timestamp>(signed);
    again::<Snapshot>(signed);
    let Some(targets) = again::<Targets>(signed) else { return };
    let Some(delegations) = targets.delegations else { return };
    for key in delegations.keys.values() {
        let _ = key.verify(b"message", "00");
    }
    if let Some(bins) = delegations.succinct_roles {
        let bin = bins.bin_of("path");
        assert!(bins.bins().take(256).count() >= 2);
        assert!(bin.name.starts_with(&bins.name_prefix));
    }
}

/// A model says all that was said: writing it and reading it again gives the same model.
fn again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    signed: &Value,
) -> Option<T> {
    let model: T = serde_json::from_value(signed.clone()).ok()?;
    let written = serde_json::to_value(&model).expect("what was read can be written");
    let read: T = serde_json::from_value(written).expect("what was written can be read");
    assert_eq!(read, model);
    Some(model)
}

/// The strict reader and the canonical form.
pub(crate) fn canonical(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    let form = json::canonical(&value).expect("what was parsed has a canonical form");
    // Whatever our reader takes, a lax one takes for the same.
    let lax: Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
    assert_eq!(lax, value);
    let spelt_otherwise = serde_json::to_vec_pretty(&value).expect("a value can be written");
    let other = json::parse(&spelt_otherwise).expect("what was written can be read");
    assert_eq!(json::canonical(&other).as_ref(), Ok(&form));
    // Canonical text of ASCII without control characters is JSON itself.
    if form.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        assert_eq!(json::parse(&form), Ok(value));
    }
}

/// The facts of a release.
pub(crate) fn facts(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    let Ok(facts) = Facts::parse(&value) else { return };
    let written = facts.to_value().expect("what was read can be written");
    assert_eq!(Facts::parse(&written).as_ref(), Ok(&facts));
    let _ = facts.not_understood();
}

/// Files of state, as they come, and as the body of an intact record. A first byte says how many
/// bytes are copy `a` of the floors.
pub(crate) fn state(bytes: &[u8]) {
    let (at, rest) = bytes.split_first().map_or((0, bytes), |(at, rest)| (usize::from(*at), rest));
    let (a, b) = rest.split_at(at.min(rest.len()));
    let _ = exuvia_plan::floors::read(Some(a), Some(b));
    let (a, b) = (framed("exuvia-floors", a), framed("exuvia-floors", b));
    if let Ok(read) = exuvia_plan::floors::read(Some(&a), Some(&b)) {
        never_lower(&a, &read.floors);
        never_lower(&b, &read.floors);
        let written = exuvia_plan::floors::write(&read.floors);
        let again = exuvia_plan::floors::read(Some(&written), None).expect("just written");
        assert_eq!(again.floors, read.floors);
    }
    record::<Phase>(rest);
    record::<Remembered>(rest);
    if let Ok(text) = std::str::from_utf8(rest)
        && let Ok(config) = Config::parse(text)
    {
        assert_eq!(Config::parse(&config.to_json()), Ok(config));
    }
}

/// No copy stands higher than the two together, where it speaks of the same keys and root.
fn never_lower(copy: &[u8], both: &Floors) {
    let Ok(copy) = exuvia_plan::floors::read(Some(copy), None) else { return };
    assert!(both.root >= copy.floors.root);
    assert!(both.application >= copy.floors.application && both.time >= copy.floors.time);
    for (role, floor) in &copy.floors.roles {
        if let Some(found) = both.roles.get(role).filter(|found| found.keys == floor.keys) {
            assert!(found.version >= floor.version);
        }
    }
}

fn record<R: Record + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let _ = record::decode::<R>(bytes);
    if let Ok(value) = record::decode::<R>(&framed(R::NAME, bytes)) {
        assert_eq!(record::decode::<R>(&record::encode(&value)), Ok(value));
    }
}

fn framed(name: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{name} 1\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes.push(b'\n');
    let digest = exuvia_core::Digest::of(&bytes);
    bytes.extend_from_slice(format!("sha256 {digest}\n").as_bytes());
    bytes
}
