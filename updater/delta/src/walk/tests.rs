//! Whole walks, on bytes and on small executables.

use std::{cell::Cell, io};

use exuvia_bundle::ReadAt;
use proptest::prelude::*;

use super::samples::{elf, macho, pe, universal};
use super::{Fault, decode, encode};

fn walk(old: &[u8], new: &[u8]) -> Vec<u8> {
    encode(old, new, &mut |_| {}).unwrap()
}

fn apply(old: &[u8], length: usize, mut patch: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    decode(&old, length as u64, &mut patch, &mut out)?;
    Ok(out)
}

/// The walk's length, after it has proven right.
fn cost(old: &[u8], new: &[u8]) -> usize {
    let patch = walk(old, new);
    assert!(apply(old, new.len(), &patch).unwrap() == new, "not the same bytes");
    patch.len()
}

/// A program's functions, and those of its next version: one is new, one is gone.
fn versions() -> (Vec<u32>, Vec<u32>) {
    let old: Vec<u32> = (0..200).collect();
    let mut new = old.clone();
    new.insert(40, 1000);
    new.remove(150);
    (old, new)
}

type Sample = (&'static str, Vec<u8>, Vec<u8>);

fn samples() -> Vec<Sample> {
    let (old, new) = versions();
    vec![
        ("ELF, x86-64", elf(&old, false), elf(&new, false)),
        ("ELF, AArch64", elf(&old, true), elf(&new, true)),
        ("PE, x86-64", pe(&old, false), pe(&new, false)),
        ("PE, AArch64", pe(&old, true), pe(&new, true)),
        ("Mach-O, x86-64", macho(&old, false), macho(&new, false)),
        ("Mach-O, AArch64", macho(&old, true), macho(&new, true)),
        ("universal", universal(&old), universal(&new)),
    ]
}

#[test]
fn moved_functions_cost_little_where_the_format_is_known() {
    for (name, old, new) in samples() {
        let known = cost(&old, &new);
        let (mut plain_old, mut plain_new) = (old.clone(), new.clone());
        plain_old[..4].copy_from_slice(b"none");
        plain_new[..4].copy_from_slice(b"none");
        let plain = cost(&plain_old, &plain_new);
        assert!(known * 3 < plain * 2, "{name}: {known} bytes with references, {plain} without");
    }
}

#[test]
fn from_nothing_and_to_nothing() {
    let file = elf(&[1, 2, 3], false);
    assert!(cost(&[], &file) < file.len());
    assert!(cost(&file, &[]) < 64);
    assert!(cost(&[], &[]) < 64);
    assert!(cost(b"a", b"b") < 64);
}

/// A file on a disk that fails from one read on.
struct Failing<'a> {
    bytes: &'a [u8],
    good: Cell<usize>,
}

impl ReadAt for Failing<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.good.get().checked_sub(1).ok_or_else(|| io::Error::other("worn out"))?;
        self.good.set(left);
        self.bytes.read_at(offset, buf)
    }
}

#[test]
fn an_old_file_that_fails_midway_is_said_to() {
    let numbers: Vec<u32> = (0..10_000).collect();
    let (old, mut new) = (elf(&numbers, false), elf(&numbers[5..], false));
    new.rotate_left(40_000);
    let patch = walk(&old, &new);
    let mut good = 0;
    loop {
        let (file, mut out) = (Failing { bytes: &old, good: Cell::new(good) }, Vec::new());
        match decode(&file, new.len() as u64, &mut &patch[..], &mut out) {
            Ok(()) if out == new => break,
            Err(Fault::Old(error)) => assert_eq!(error.to_string(), "worn out"),
            other => panic!("after {good} reads: {other:?}"),
        }
        good += 1;
    }
    assert!(good > 20, "{good} reads are few");
}

#[test]
fn a_file_of_another_format_or_machine_is_no_trouble() {
    let samples = samples();
    for pair in samples.windows(2) {
        cost(&pair[0].1, &pair[1].2);
    }
}

#[test]
fn the_same_files_give_the_same_walk() {
    for (_, old, new) in samples() {
        assert!(walk(&old, &new) == walk(&old, &new));
    }
}

#[test]
fn a_signature_that_is_wrong_is_carried_as_it_is() {
    let (old, new) = versions();
    let (old, mut new) = (macho(&old, true), macho(&new, true));
    let last = new.len() - 1;
    new[last] ^= 1;
    cost(&old, &new);
}

#[test]
fn a_walk_cut_short_is_refused_at_every_byte() {
    let (old, new) = versions();
    let (old, new) = (pe(&old, false), pe(&new, false));
    let patch = walk(&old, &new);
    for length in 0..patch.len() {
        let result = apply(&old, new.len(), &patch[..length]);
        assert!(matches!(result, Err(Fault::Damaged)), "{length} of {}", patch.len());
    }
}

#[test]
fn damaged_walks_and_other_old_files_are_survived() {
    for (_, old, new) in samples() {
        let patch = walk(&old, &new);
        for index in (0..patch.len()).step_by(1 + patch.len() / 60) {
            let mut damaged = patch.clone();
            damaged[index] ^= 1 << (index % 8);
            let out = apply(&old, new.len(), &damaged);
            assert!(out.is_err() || out.is_ok_and(|out| out.len() == new.len()));
        }
        for index in (0..old.len().min(600)).step_by(9) {
            let mut other = old.clone();
            other[index] ^= 0xff;
            let out = apply(&other, new.len(), &patch);
            assert!(out.is_err() || out.is_ok_and(|out| out.len() == new.len()));
        }
        let out = apply(&old[..old.len() / 2], new.len(), &patch);
        assert!(out.is_err() || out.is_ok_and(|out| out.len() == new.len()));
    }
}

/// A sample whose bytes are changed here and there.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let change = (0usize..1200, any::<u8>());
    (0usize..7, prop::collection::vec(change, 0..24)).prop_map(|(index, changes)| {
        let mut file = samples().swap_remove(index).1;
        for (place, value) in changes {
            if let Some(byte) = file.get_mut(place) {
                *byte = value;
            }
        }
        file
    })
}

/// Pieces of bytes, in some order.
fn mosaic() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let bytes = prop::collection::vec(any::<u8>(), 0..3000);
    let part =
        (any::<prop::sample::Index>(), 0usize..900, prop::collection::vec(any::<u8>(), 0..9));
    (bytes, prop::collection::vec(part, 0..9)).prop_map(|(old, parts)| {
        let mut new = Vec::new();
        for (start, length, insert) in parts {
            if !old.is_empty() {
                let start = start.index(old.len());
                new.extend_from_slice(&old[start..old.len().min(start + length)]);
            }
            new.extend(insert);
        }
        (old, new)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_come_back((old, new) in mosaic()) {
        cost(&old, &new);
        cost(&new, &old);
    }

    #[test]
    fn odd_executables_come_back(old in hostile(), new in hostile()) {
        cost(&old, &new);
    }

    #[test]
    fn senseless_walks_are_refused_or_give_as_much_as_was_asked(
        old in hostile(),
        patch in prop::collection::vec(any::<u8>(), 0..400),
        length in 0usize..5000,
    ) {
        if let Ok(out) = apply(&old, length, &patch) {
            prop_assert_eq!(out.len(), length);
        }
    }
}
