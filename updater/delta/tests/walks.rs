//! Deltas whose files are walked, wherever that saves a byte.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{applied, noise, packed, tree};
use exuvia_bundle::{Digest, Entry, Manifest, MemoryTree, Node, RelPath};
use exuvia_delta::{Error, Options, info, make, memory_wanted};
use proptest::{collection, prelude::*, sample};

/// For a line so slow that only bytes count.
fn walked(old: &MemoryTree, new: &MemoryTree, threads: usize) -> Vec<u8> {
    let mut options = Options::default();
    (options.line, options.threads, options.level) = (0, threads, 3);
    let mut patch = Vec::new();
    make(old, new, &mut patch, &options, &mut |_| {}).unwrap();
    patch
}

/// Two versions of a program of sorts: instructions that call each other, text between them.
fn program(length: usize, shift: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 16);
    let mut state = 12345_u32;
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state >> 29 {
            0 => bytes.extend(b"a piece of text"),
            1..4 => {
                let target = (state >> 8) % length as u32 + shift;
                bytes.push(0xe8);
                bytes.extend(target.wrapping_sub(bytes.len() as u32).to_le_bytes());
            }
            _ => bytes.extend((state >> 4).to_le_bytes()),
        }
    }
    bytes.truncate(length);
    bytes
}

fn pair() -> (MemoryTree, MemoryTree) {
    let (old, new) = (program(20_000, 0), program(21_000, 48));
    let mut added = old[..9_000].to_vec();
    added.splice(2_000..2_040, new[500..700].iter().copied());
    let text: Vec<u8> =
        (0..400).flat_map(|at| format!("{at} of {}\n", at * at).into_bytes()).collect();
    let old = tree([
        ("bin/app", old),
        ("gone", noise(1, 300)),
        ("kept", noise(2, 300)),
        ("text", text.clone()),
    ]);
    let text = String::from_utf8(text).unwrap().replace("7 of", "seven of").into_bytes();
    let new =
        tree([("bin/app", new), ("bin/helper", added), ("kept", noise(2, 300)), ("text", text)]);
    (old, new)
}

/// The same bytes on every platform and in every profile, or installed programs disagree with
/// publishers. A change of the format changes this; so may a change of the maker, which is none.
#[test]
fn the_delta_of_a_generated_pair_is_known_byte_for_byte() {
    let (old, new) = pair();
    let patch = walked(&old, &new, 1);
    assert!(info(&mut &patch[..]).unwrap().walks >= 2);
    assert_eq!(Digest::of(&patch).to_string(), VECTOR, "{} bytes", patch.len());
    assert_eq!(applied(&old, &patch).1, packed(&new));
}

const VECTOR: &str = "a28bf321b66327e41dabeb386f24f1debd9c66151aea58010bbe7100d0cace05";

#[test]
fn the_number_of_threads_makes_no_difference() {
    let (old, new) = pair();
    let alone = walked(&old, &new, 1);
    assert!(alone == walked(&old, &new, 2) && alone == walked(&old, &new, 5));
}

#[test]
fn every_truncation_is_refused() {
    let (old, new) = small();
    let patch = walked(&old, &new, 1);
    assert_eq!(info(&mut &patch[..]).unwrap().walks, 1);
    for length in 0..patch.len() {
        let refused = applied(&old, &patch[..length]).0.unwrap_err();
        assert!(matches!(refused, Error::Truncated { .. }), "{length}: {refused:?}");
    }
}

#[test]
fn changed_bytes_are_refused_even_under_a_right_checksum() {
    let (old, new) = small();
    let patch = walked(&old, &new, 1);
    for at in (0..patch.len() - 32).step_by(5) {
        let mut damaged = patch.clone();
        damaged[at] ^= 0x10;
        let body = damaged.len() - 32;
        let checksum = Digest::of(&damaged[..body]);
        damaged[body..].copy_from_slice(checksum.as_bytes());
        if let (Ok(_), stream) = applied(&old, &damaged) {
            assert!(stream == packed(&new), "byte {at}");
        }
    }
}

#[test]
fn a_base_that_was_changed_is_named() {
    let (old, new) = small();
    let patch = walked(&old, &new, 1);
    let damaged = common::Damaged { tree: &old, path: "app", damage: |bytes| bytes[100] ^= 1 };
    let limits = exuvia_delta::Limits::default();
    let mut out = MemoryTree::default();
    let result = exuvia_delta::apply(&damaged, &mut &patch[..], &limits, &mut out);
    assert!(matches!(&result, Err(Error::BaseChanged { path }) if path == "app"), "{result:?}");
}

fn small() -> (MemoryTree, MemoryTree) {
    (tree([("app", program(4_000, 0))]), tree([("app", program(4_300, 16))]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn applying_a_walk_gives_the_new_file(
        length in 0_usize..30_000,
        kind in 0..3,
        edits in collection::vec((any::<sample::Index>(), 0_usize..200, collection::vec(any::<u8>(), 0..50)), 0..8),
    ) {
        let old = match kind {
            0 => noise(length as u64, length),
            1 => program(length, 0),
            _ => vec![length as u8; length],
        };
        let mut new = old.clone();
        for (at, removed, added) in edits {
            let at = at.index(new.len() + 1);
            new.splice(at..(at + removed).min(new.len()), added);
        }
        let (old, new) = (tree([("app", old)]), tree([("app", new)]));
        let patch = walked(&old, &new, 2);
        prop_assert_eq!(&patch, &walked(&old, &new, 1));
        let (result, stream) = applied(&old, &patch);
        prop_assert!(result.is_ok());
        prop_assert!(stream == packed(&new));
    }
}

/// Or a program whose folder is called after its version is packed, for want of memory.
#[test]
fn a_file_that_moved_wants_the_memory_of_one_that_stayed() {
    let program = |path: &str, content: &str| {
        let sha256 = Digest::of(content.as_bytes());
        let node = Node::File { executable: true, length: 100 << 20, sha256 };
        Manifest::new(vec![Entry { path: RelPath::new(path).unwrap(), node }]).unwrap()
    };
    let stayed = memory_wanted(&program("app", "old"), &program("app", "new"));
    for name in ["app-1.1", "another"] {
        assert_eq!(memory_wanted(&program("app-1.0", "old"), &program(name, "new")), stayed);
    }
    assert!(memory_wanted(&program("app", "old"), &program("app", "old")) < stayed);
}
