//! Records: the vectors of docs/vectors, and that nothing but an intact record is accepted.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]
#![allow(clippy::disallowed_methods, reason = "vectors and their rewriting are files")]

mod common;

use common::{phases, release};
use exuvia_bundle::RelPath;
use exuvia_core::floors::{Floor, Floors};
use exuvia_core::{Digest, Time};
use exuvia_plan::history::{self, Entry, Event};
use exuvia_plan::record::{decode, encode};
use exuvia_plan::{
    Damage, DataHooks, Health, InPlaceShape, Layout, Phase, Qualify, Record, RecordError,
    Remembered, Shape, floors,
};
use proptest::prelude::*;

fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/../../docs/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn layout(shape: Shape) -> Layout {
    Layout {
        shape,
        app: "notes".parse().unwrap(),
        channel: "stable".parse().unwrap(),
        platform: "linux-x86_64".parse().unwrap(),
        kind: exuvia_core::Kind::Folder,
        executable: RelPath::new("bin/notes").unwrap(),
        health: Health::Explicit { seconds: 90 },
        qualify: Qualify::Args(vec!["--version".to_owned()]),
        data: DataHooks::default(),
    }
}

fn sample_floors() -> Floors {
    let keys = Digest::of(b"keys");
    let mut floors = Floors { root: 3, ..Floors::default() };
    floors.roles.insert("timestamp".to_owned(), Floor { version: 7, keys });
    floors.raise_application(&"1.2.0".parse().unwrap());
    floors.raise_time("2026-11-23T18:00:00Z".parse::<Time>().unwrap());
    floors
}

fn vectors() -> Vec<(String, Vec<u8>)> {
    let mut vectors = vec![
        ("floors.record".to_owned(), floors::write(&sample_floors())),
        (
            "layout.record".to_owned(),
            encode(&layout(Shape::Versioned { launcher: "notes".to_owned() })),
        ),
        (
            "layout-in-place.record".to_owned(),
            encode(&layout(Shape::InPlace {
                shape: InPlaceShape::Folder,
                name: "notes".to_owned(),
            })),
        ),
    ];
    for phase in phases() {
        // The last of each shape is the fullest.
        let name = format!("journal-{}.record", phase.name());
        vectors.retain(|(known, _)| *known != name);
        vectors.push((name, encode(&phase)));
    }
    vectors
}

/// After a change of the format on purpose, `EXUVIA_WRITE_VECTORS=1` writes them anew.
#[test]
fn the_vectors_are_what_is_written() {
    for (name, bytes) in vectors() {
        if std::env::var_os("EXUVIA_WRITE_VECTORS").is_some() {
            let path = format!("{}/../../docs/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, &bytes).unwrap();
        }
        let found = String::from_utf8(vector(&name)).unwrap();
        assert_eq!(found, String::from_utf8(bytes).unwrap(), "{name}");
    }
}

#[test]
fn the_vectors_are_read() {
    assert_eq!(floors::read(Some(&vector("floors.record")), None).unwrap().floors, sample_floors());
    for phase in phases() {
        assert_eq!(decode(&encode(&phase)), Ok(phase));
    }
    let layout = decode::<Layout>(&vector("layout-in-place.record")).unwrap();
    assert_eq!(layout.qualify, Qualify::Args(vec!["--version".to_owned()]));
    let settled = decode::<Phase>(&vector("journal-settled.record")).unwrap();
    assert_eq!(settled.installed().version.to_string(), "1.2.0");
}

#[test]
fn every_prefix_of_a_record_is_damaged() {
    for phase in phases() {
        let bytes = encode(&phase);
        for end in 0..bytes.len() {
            assert_damaged::<Phase>(&bytes[..end]);
        }
    }
}

#[test]
fn every_flipped_bit_makes_a_record_damaged() {
    let mut bytes = encode(&phases()[1]);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            assert_damaged::<Phase>(&bytes);
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(decode::<Phase>(&bytes).is_ok());
}

proptest! {
    #[test]
    fn no_other_bytes_are_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        assert_damaged::<Phase>(&bytes);
    }

    #[test]
    fn no_altered_byte_is_accepted(at in 0_usize..300, to: u8, which in 0_usize..5) {
        let mut bytes = encode(&phases()[which]);
        let at = at % bytes.len();
        if bytes[at] != to {
            bytes[at] = to;
            assert_damaged::<Phase>(&bytes);
        }
    }
}

#[test]
fn a_record_of_another_name_or_with_unknown_fields_is_damaged() {
    assert_eq!(why::<Remembered>(&encode(&phases()[0])), Some(Damage::Header));
    let known = String::from_utf8(encode(&Remembered::default())).unwrap();
    let body = framed("exuvia-remembered 1\n{\"bad\":[],\"more\":1}\n");
    assert_eq!(why::<Remembered>(body.as_bytes()), Some(Damage::Body));
    assert_eq!(framed("exuvia-remembered 1\n{\"bad\":[]}\n"), known);
    for header in ["exuvia-remembered 01", "exuvia-remembered +1", "exuvia-remembered 0"] {
        let bytes = framed(&format!("{header}\n{{\"bad\":[]}}\n"));
        assert_eq!(why::<Remembered>(bytes.as_bytes()), Some(Damage::Header), "{header}");
    }
    assert_eq!(
        why::<Remembered>(framed("exuvia-remembered 1\n{\"bad\":[]\n}\n").as_bytes()),
        Some(Damage::Body)
    );
}

#[test]
fn an_intact_record_of_a_later_version_is_newer() {
    let bytes = framed("exuvia-remembered 2\nanything\n");
    let newer = RecordError::Newer { name: "exuvia-remembered", found: 2, known: 1 };
    assert_eq!(decode::<Remembered>(bytes.as_bytes()), Err(newer));
}

#[test]
fn a_record_over_its_limit_is_not_read() {
    let bytes = vec![b' '; Phase::LIMIT + 1];
    assert_eq!(why::<Phase>(&bytes), Some(Damage::TooLong));
    assert_eq!(why::<Phase>(b""), Some(Damage::Empty));
}

#[test]
fn the_higher_of_two_floors_counts_and_a_damaged_copy_lowers_nothing() {
    let (low, mut high) = (sample_floors(), sample_floors());
    high.raise_application(&"1.9.0".parse().unwrap());
    let [low, high_bytes] = [&low, &high].map(floors::write);
    for (a, b) in [(&low, &high_bytes), (&high_bytes, &low)] {
        let read = floors::read(Some(a), Some(b)).unwrap();
        assert_eq!((read.floors, read.readable, read.damaged), (high.clone(), 2, 0));
    }
    for torn in [&b""[..], &low[..20]] {
        let read = floors::read(Some(torn), Some(&high_bytes)).unwrap();
        assert_eq!((read.floors, read.readable, read.damaged), (high.clone(), 1, 1));
    }
    let none = floors::read(None, Some(b"x")).unwrap();
    assert_eq!((none.floors, none.readable), (Floors::default(), 0));
    let newer = framed("exuvia-floors 9\n{}\n");
    assert!(floors::read(Some(newer.as_bytes()), Some(&high_bytes)).is_err());
}

#[test]
fn a_layout_with_a_path_for_a_name_is_refused() {
    for name in ["", ".", "..", "a/b", "a\\b", "current", "versions", ".exuvia", "a\0"] {
        let shape = Shape::Versioned { launcher: name.to_owned() };
        let bytes = encode(&layout(shape));
        assert_eq!(why::<Layout>(&bytes), Some(Damage::Body), "{name}");
    }
}

#[test]
fn failures_are_counted_by_digest_and_the_oldest_make_room() {
    let (mut remembered, bad) = (Remembered::default(), release("1.3.0"));
    let now = Time::from_unix(1000);
    remembered.add(bad.digest, &bad.version, "first", now);
    remembered.add(bad.digest, &bad.version, "second", now.plus_days(1));
    let found = remembered.find(bad.digest).unwrap();
    assert_eq!((found.times, found.reason.as_str(), found.since), (2, "second", now.plus_days(1)));
    for n in 0..64 {
        remembered.add(Digest::of(&[n]), &bad.version, "other", now);
    }
    assert_eq!(remembered.bad.len(), 64);
    assert_eq!(remembered.find(bad.digest), None);
}

#[test]
fn the_history_keeps_its_last_thousand_lines_and_survives_a_damaged_one() {
    let entry = |n: u64| Entry {
        time: Time::from_unix(n.cast_signed()),
        event: Event::Swapped,
        from: None,
        to: None,
        reason: None,
    };
    let file = (0..1_100).fold(Vec::new(), |file, n| history::append(&file, &entry(n)));
    let lines = history::read(&file);
    assert_eq!((lines.len(), &lines[0]), (1000, &entry(100)));
    let torn = history::append(b"{\"time\":\"20", &entry(1));
    assert_eq!(history::read(&torn), [entry(1)]);
}

fn why<R: Record + std::fmt::Debug>(bytes: &[u8]) -> Option<Damage> {
    match decode::<R>(bytes) {
        Err(RecordError::Damaged { why, .. }) => Some(why),
        _ => None,
    }
}

fn assert_damaged<R: Record + std::fmt::Debug>(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(why::<R>(bytes).is_some(), "accepted: {text:?}");
}

fn framed(text: &str) -> String {
    format!("{text}sha256 {}\n", Digest::of(text.as_bytes()))
}
