//! A large repository in hashed bins, read as a client.

use std::collections::BTreeMap;

use crate::support::*;
use exuvia_core::metadata::TargetFile;
use exuvia_core::{Answer, Digest, Floors, Limits, Machine, Refresh, Start, Want};
use exuvia_repo::{Keys, Signer as _, binned};
use serde_json::Map;

/// Answers what a machine wants; counts the files that are there.
fn drive(machine: &mut impl Machine, files: &BTreeMap<String, Vec<u8>>, read: &mut usize) {
    loop {
        let answer = match machine.wants() {
            Want::Nothing => return,
            Want::Load { .. } => Answer::Missing,
            Want::Fetch { name, .. } => match files.get(&format!("metadata/{name}")) {
                Some(bytes) => {
                    *read += 1;
                    Answer::Bytes(bytes)
                }
                None => Answer::Missing,
            },
            Want::Save { .. } | Want::SaveFloors { .. } => Answer::Done,
        };
        machine.accept(answer).unwrap();
    }
}

#[test]
fn one_of_a_hundred_thousand_targets_is_found_in_four_files() {
    let file = |path: &str| TargetFile {
        length: 1,
        hashes: BTreeMap::from([("sha256".to_owned(), Digest::of(path.as_bytes()).to_string())]),
        custom: None,
        extra: Map::new(),
    };
    let paths = (0..100_000).map(|number| format!("files/{number}"));
    let targets = paths.map(|path| (path.clone(), file(&path))).collect();
    let bins = Keys::any_of([key(6).public()]);
    let files = binned(targets, 10, &founding(), &bins, &keys(1..=6), day(0)).unwrap();
    assert_eq!(files.len(), 1_024 + 4);
    let start = Start {
        embedded: &files["metadata/1.root.json"],
        stored: None,
        floors: Floors::default(),
        now: day(1),
        limits: Limits::default(),
    };
    let (mut refresh, mut read) = (Refresh::new(start).unwrap(), 0);
    drive(&mut refresh, &files, &mut read);
    let mut search = refresh.finish().unwrap().find("files/77777");
    drive(&mut search, &files, &mut read);
    let (_, found) = search.finish().unwrap();
    assert_eq!((found[0].path(), read), ("files/77777", 4));
}
