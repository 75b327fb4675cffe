//! What a delta gives, and what it costs.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;

use common::{applied, delta, noise, packed, tree};
use exuvia_bundle::{Item, MemoryTree, Tree};
use exuvia_delta::{Options, Phase, info, make};
use proptest::{collection, prelude::*, sample};

#[test]
fn unchanged_files_cost_next_to_nothing() {
    let paths: Vec<String> = (0..4_000).map(|at| format!("lib/{}/{at}", at % 40)).collect();
    let file = |path: &str, seed| (path.to_owned(), noise(seed, 50));
    let old: Vec<_> = (0..).zip(&paths).map(|(at, path)| file(path, at)).collect();
    let new: Vec<_> =
        (0..).zip(&paths).map(|(at, path)| file(path, at + u64::from(at == 7) * 9_000)).collect();
    let as_tree = |files: &[(String, Vec<u8>)]| {
        tree(files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())))
    };
    let (old, new) = (as_tree(&old), as_tree(&new));
    let patch = delta(&old, &new, 19);
    // 104 bytes of frame, one new hash, 50 new bytes.
    assert!(patch.len() < 500, "{}", patch.len());
    assert_eq!(applied(&old, &patch).1, packed(&new));
    let same = delta(&old, &old, 19);
    assert!(same.len() < 250, "{}", same.len());
}

#[test]
fn moved_and_copied_files_cost_next_to_nothing() {
    let big = noise(1, 200_000);
    let old = tree([("bin/notes", big.clone()), ("gone", noise(2, 1_000))]);
    let new = tree([("bin/notes-2", big.clone()), ("copy", big.clone()), ("lib/copy", big)]);
    let patch = delta(&old, &new, 19);
    assert!(patch.len() < 500, "{}", patch.len());
    let (result, stream) = applied(&old, &patch);
    assert_eq!((result.unwrap().kept, stream), (3, packed(&new)));
}

#[test]
fn a_changed_file_costs_its_change_even_under_another_name() {
    let bytes = noise(1, 300_000);
    let mut changed = bytes.clone();
    changed.splice(100_000..100_010, noise(2, 200));
    let names = [
        ("web/index-5f3a.js", "web/index-5f3a.js"),
        ("web/index-5f3a.js", "web/index-77b2.js"),
        ("web/index-5f3a.js", "site/index-5f3a.js"),
        ("notes-1.0/bin/notes", "notes-1.1/bin/notes"),
        ("notes-1.9.exe", "notes-1.10.exe"),
        ("lib/libnotes.so.1.2", "lib64/libnotes.so.1.3.0"),
        ("old", "new"),
        ("bin/Old Name.exe", "New.exe"),
    ];
    for (before, after) in names {
        // Files that stay, and one that comes and goes, lead astray.
        let stays = ("stays", noise(3, 300_000));
        let before = tree([(before, bytes.clone()), stays.clone(), ("gone", noise(4, 2_000))]);
        let new = tree([(after, changed.clone()), stays, ("came", noise(5, 100))]);
        let patch = delta(&before, &new, 19);
        assert!(patch.len() < 1_200, "{after}: {}", patch.len());
        assert_eq!(applied(&before, &patch).1, packed(&new));
    }
}

#[test]
fn many_small_changed_files_share_one_block() {
    let file = |at: u64, change: usize| {
        let mut bytes = noise(at, 2_000);
        bytes[change] ^= 1;
        (format!("f{at}"), bytes)
    };
    let as_tree = |change| {
        let files: Vec<_> = (0..200).map(|at| file(at, change)).collect();
        tree(files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())))
    };
    let (old, new) = (as_tree(0), as_tree(1_000));
    let patch = delta(&old, &new, 19);
    assert_eq!(info(&mut &patch[..]).unwrap().blocks, 1);
    // 200 new hashes, and little more.
    assert!(patch.len() < 200 * 60, "{}", patch.len());
    assert_eq!(applied(&old, &patch).1, packed(&new));
}

#[test]
fn very_many_changed_files_are_planned_in_no_time() {
    let files = |change: &str| {
        let files: Vec<_> =
            (0..10_000).map(|at| (format!("f{at}"), format!("{at}{change}"))).collect();
        tree(files.iter().map(|(path, text)| (path.as_str(), text.clone().into_bytes())))
    };
    let (old, new) = (files("old"), files("new"));
    let patch = delta(&old, &new, 1);
    assert_eq!(info(&mut &patch[..]).unwrap().blocks, 1);
    assert_eq!(applied(&old, &patch).1, packed(&new));
}

#[test]
fn a_file_beyond_one_block_refers_to_the_right_part_of_the_old_one() {
    let old = noise(1, 50 << 20);
    // Its last part comes first, so that the same offset is the wrong place to look.
    let new = [&old[30 << 20..], &noise(2, 1_000), &old[..30 << 20]].concat();
    let (old, new) = (tree([("big", old)]), tree([("big", new)]));
    let patch = delta(&old, &new, 1);
    assert!(patch.len() < 100_000, "{}", patch.len());
    let info = info(&mut &patch[..]).unwrap();
    assert!((info.blocks, info.referenced) == (8, 8 * (9 << 20)) || info.walks == 1);
    let (result, stream) = applied(&old, &patch);
    assert_eq!(result.unwrap().manifest, new.manifest().digest());
    assert!(stream == packed(&new));
}

#[test]
fn the_number_of_threads_makes_no_difference() {
    let old = noise(1, 20 << 20);
    let new = [&old[1 << 20..], &old[..1 << 20]].concat();
    let (old, new) = (tree([("big", old)]), tree([("big", new)]));
    let with = |threads| {
        let mut options = Options::default();
        (options.level, options.threads) = (1, threads);
        let mut patch = Vec::new();
        make(&old, &new, &mut patch, &options, &mut |_| {}).unwrap();
        patch
    };
    let alone = with(1);
    let info = info(&mut &alone[..]).unwrap();
    assert!(info.blocks == 3 || info.walks == 1);
    assert!(alone == with(2) && alone == with(5));
}

#[test]
fn progress_is_told_from_start_to_end() {
    let (old, new) = (tree([("a", noise(1, 9_000))]), tree([("a", noise(2, 9_000))]));
    let mut seen = Vec::new();
    make(&old, &new, &mut Vec::new(), &Options::default(), &mut |progress| seen.push(progress))
        .unwrap();
    let both = old.manifest().bundle_length() + new.manifest().bundle_length();
    for (phase, total) in [(Phase::Read, both), (Phase::Compress, 9_000)] {
        let of: Vec<_> = seen.iter().filter(|progress| progress.phase == phase).collect();
        assert!(of.is_sorted_by_key(|progress| progress.done));
        assert!(of.last().is_some_and(|last| (last.done, last.total) == (total, total)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn applying_a_delta_to_the_old_tree_gives_the_new_one(
        (old, new) in two_trees(),
        level in prop_oneof![Just(1), Just(19)],
    ) {
        let patch = delta(&old, &new, level);
        let (result, stream) = applied(&old, &patch);
        let (digest, expected) = (new.manifest().digest(), packed(&new));
        let result = result.unwrap();
        prop_assert_eq!((result.manifest, result.length), (digest, expected.len() as u64));
        prop_assert_eq!(stream, expected);
        prop_assert_eq!(result.kept + result.fresh, new.manifest().files());
        let info = info(&mut &patch[..]).unwrap();
        prop_assert_eq!((info.base, info.result), (old.manifest().digest(), digest));
        prop_assert_eq!(info.length, patch.len() as u64);
    }

    #[test]
    fn the_same_trees_give_the_same_delta((old, new) in two_trees()) {
        prop_assert_eq!(delta(&old, &new, 19), delta(&old, &new, 19));
    }

}

/// What becomes of an old file.
#[derive(Clone, Debug)]
enum Change {
    Keep,
    Remove,
    Move(String),
    Copy(String),
    Edit(sample::Index, Vec<u8>),
    MoveAndEdit(String, sample::Index, Vec<u8>),
}

fn two_trees() -> impl Strategy<Value = (MemoryTree, MemoryTree)> {
    let old = collection::btree_map(any_path(), any_content(), 0..10);
    let added = collection::btree_map(any_path(), any_content(), 0..3);
    let changes = collection::vec(any_change(), 10);
    (old, added, changes).prop_filter_map("clashing paths", |(old, added, changes)| {
        let mut new = added;
        for ((path, bytes), change) in old.iter().zip(changes) {
            let edit = |at: sample::Index, part: &[u8]| {
                let at = at.index(bytes.len() + 1);
                [&bytes[..at], part, &bytes[at..]].concat()
            };
            match change {
                Change::Remove => None,
                Change::Keep => new.insert(path.clone(), bytes.clone()),
                Change::Move(to) => new.insert(to, bytes.clone()),
                Change::Edit(at, part) => new.insert(path.clone(), edit(at, &part)),
                Change::MoveAndEdit(to, at, part) => new.insert(to, edit(at, &part)),
                Change::Copy(to) => {
                    new.insert(to, bytes.clone());
                    new.insert(path.clone(), bytes.clone())
                }
            };
        }
        Some((with_link(&old)?, with_link(&new)?))
    })
}

/// Modes and links are part of a tree too: they follow from the contents here.
fn with_link(files: &BTreeMap<String, Vec<u8>>) -> Option<MemoryTree> {
    let item =
        |bytes: &Vec<u8>| Item::File { executable: bytes.len() % 2 == 1, bytes: bytes.clone() };
    let first = files.keys().next().map(|path| ("zz", Item::Link { target: path.clone() }));
    let files = files.iter().map(|(path, bytes)| (path.as_str(), item(bytes)));
    MemoryTree::new(files.chain(first)).ok()
}

fn any_change() -> impl Strategy<Value = Change> {
    let (at, part) = (any::<sample::Index>(), collection::vec(any::<u8>(), 0..30));
    prop_oneof![
        Just(Change::Keep),
        Just(Change::Remove),
        any_path().prop_map(Change::Move),
        any_path().prop_map(Change::Copy),
        (at.clone(), part.clone()).prop_map(|(at, part)| Change::Edit(at, part)),
        (any_path(), at, part).prop_map(|(to, at, part)| Change::MoveAndEdit(to, at, part)),
    ]
}

fn any_path() -> impl Strategy<Value = String> {
    "[a-d]{1,2}(/[a-d]{1,2}){0,2}"
}

fn any_content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        collection::vec(any::<u8>(), 1..20),
        (any::<u64>(), 1_usize..20_000).prop_map(|(seed, length)| noise(seed, length)),
        (any::<u8>(), 1_usize..20_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}
