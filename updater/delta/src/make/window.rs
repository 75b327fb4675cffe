//! Finding the parts of a large old file that a piece of the new one resembles most.
//!
//! Both are scanned with a rolling hash of 64 bytes; where its top bits are zero there is an
//! *anchor*. The same content gives the same anchors wherever it stands, so the cells of the old
//! file that hold the most of the piece's anchors are the ones to refer to.

use std::{cmp::Reverse, collections::HashMap};

use exuvia_bundle::Tree;

use super::{pieces::Piece, rolling::scan};
use crate::Error;

/// One anchor in about 4 KiB.
const ANCHOR: u64 = !0 << 52;
/// What is referred to or not as a whole.
const CELL: u64 = 512 << 10;

/// Where each anchor stands in an old file; `None` for one that stands in several places.
pub(super) struct Anchors(HashMap<u64, Option<u64>>);

impl Anchors {
    pub(super) fn of(tree: &dyn Tree, file: Piece) -> Result<Self, Error> {
        let mut places = HashMap::new();
        scan(tree, file, ANCHOR, &mut |hash, offset| {
            places.entry(hash).and_modify(|place| *place = None).or_insert(Some(offset));
        })?;
        Ok(Self(places))
    }
}

/// The parts of `base`, together at most `size` bytes, for `piece` of the file it is the base of.
pub(super) fn choose(
    anchors: &Anchors,
    new: &dyn Tree,
    piece: Piece,
    base: Piece,
    size: u64,
) -> Result<Vec<Piece>, Error> {
    let mut hits: Vec<u64> = vec![0; base.count.div_ceil(CELL) as usize];
    scan(new, piece, ANCHOR, &mut |hash, _| {
        if let Some(Some(place)) = anchors.0.get(&hash) {
            hits[(place / CELL) as usize] += 1;
        }
    })?;
    // Cells without an anchor are worth the more the nearer they are to the same offset.
    let middle = (piece.offset + piece.count / 2) / CELL;
    let mut cells: Vec<u64> = (0..hits.len() as u64).collect();
    cells.sort_by_key(|&cell| (Reverse(hits[cell as usize]), cell.abs_diff(middle)));
    cells.truncate((size / CELL) as usize);
    cells.sort_unstable();
    Ok(cells
        .chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| Some((run.first()? * CELL, (run.last()? + 1) * CELL)))
        .map(|(start, end)| Piece { offset: start, count: end.min(base.count) - start, ..base })
        .collect())
}
