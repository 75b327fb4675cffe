//! Finding the part of a large old file that a piece of the new one resembles most.
//!
//! Both are scanned with a rolling hash of 64 bytes; where its top bits are zero there is an
//! *anchor*. The same content gives the same anchors wherever it stands, so the window that holds
//! the most of the piece's anchors is the one to refer to.

use std::collections::HashMap;

use exuvia_bundle::Tree;

use super::plan::{Piece, read_piece};
use crate::Error;

/// One anchor in about 4 KiB.
const ANCHOR: u64 = !0 << 52;

/// Where each anchor stands in an old file; `None` for one that stands in several places.
pub(super) struct Anchors(HashMap<u64, Option<u64>>);

impl Anchors {
    pub(super) fn of(tree: &dyn Tree, file: Piece) -> Result<Self, Error> {
        let mut places = HashMap::new();
        scan(tree, file, &mut |hash, offset| {
            places.entry(hash).and_modify(|place| *place = None).or_insert(Some(offset));
        })?;
        Ok(Self(places))
    }
}

/// The window of `size` bytes in `base` for `piece`, whose file it is the base of.
pub(super) fn choose(
    anchors: &Anchors,
    new: &dyn Tree,
    piece: Piece,
    base: Piece,
    size: u64,
) -> Result<Piece, Error> {
    let mut places = Vec::new();
    scan(new, piece, &mut |hash, _| places.extend(anchors.0.get(&hash).copied().flatten()))?;
    places.sort_unstable();
    let last = base.count.saturating_sub(size);
    // Without any anchor: around the same offset.
    let middle = (piece.offset + piece.count / 2).saturating_sub(size / 2);
    let (mut best, mut most, mut end) = (middle, 0, 0);
    for (start, &place) in places.iter().enumerate() {
        while places.get(end).is_some_and(|&other| other - place < size) {
            end += 1;
        }
        if end - start > most {
            most = end - start;
            // What the anchors span, in the middle of the window.
            let span = places[end - 1] - place;
            best = place.saturating_sub((size - span) / 2);
        }
    }
    Ok(Piece { offset: best.min(last), count: size.min(base.count), ..base })
}

fn scan(tree: &dyn Tree, piece: Piece, found: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    const CHUNK: u64 = 1 << 20;
    let gear = gear();
    let end = piece.offset + piece.count;
    let mut chunk = vec![0; CHUNK as usize];
    let (mut hash, mut offset) = (0_u64, piece.offset);
    while offset < end {
        let count = CHUNK.min(end - offset);
        let bytes = &mut chunk[..count as usize];
        read_piece(tree, &Piece { offset, count, ..piece }, bytes)?;
        for (at, &byte) in bytes.iter().enumerate() {
            hash = (hash << 1).wrapping_add(gear[usize::from(byte)]);
            let place = offset + at as u64;
            if hash & ANCHOR == 0 && place - piece.offset >= 64 {
                found(hash, place);
            }
        }
        offset += count;
    }
    Ok(())
}

/// A random number for each byte value (splitmix64), the same in every build.
fn gear() -> [u64; 256] {
    let mut state = 0_u64;
    std::array::from_fn(|_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
