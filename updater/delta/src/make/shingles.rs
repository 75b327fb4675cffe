//! Old files that share content with a new one, whatever their names.

use std::collections::{BTreeSet, HashMap};

use exuvia_bundle::Tree;

use super::{pieces::Piece, rolling::scan};
use crate::Error;

/// One place in 64 is looked at.
const MASK: u64 = !0 << 58;
/// The lowest so many hashes of a file stand for it.
const SKETCH: usize = 64;
/// So many in common are no accident.
const ENOUGH: usize = 3;

/// Sketches of old files, by their hashes.
pub(super) struct Shingles {
    by_hash: HashMap<u64, Vec<usize>>,
}

impl Shingles {
    /// Of these old files, with their lengths.
    pub(super) fn of(old: &dyn Tree, files: &[(u64, usize)]) -> Result<Self, Error> {
        let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
        for &(length, entry) in files {
            for hash in sketch(old, entry, length)? {
                by_hash.entry(hash).or_default().push(entry);
            }
        }
        Ok(Self { by_hash })
    }

    /// The old file that has the most in common with a new one, if it is more than an accident.
    pub(super) fn best(
        &self,
        new: &dyn Tree,
        entry: usize,
        length: u64,
    ) -> Result<Option<usize>, Error> {
        if self.by_hash.is_empty() {
            return Ok(None);
        }
        let mut common: HashMap<usize, usize> = HashMap::new();
        for hash in sketch(new, entry, length)? {
            // What many files have tells little, and would take long to count.
            let with = self.by_hash.get(&hash).filter(|with| with.len() <= SKETCH);
            for &entry in with.into_iter().flatten() {
                *common.entry(entry).or_default() += 1;
            }
        }
        let enough = common.into_iter().filter(|(_, count)| *count >= ENOUGH);
        Ok(enough.max_by_key(|&(entry, count)| (count, usize::MAX - entry)).map(|(entry, _)| entry))
    }
}

fn sketch(tree: &dyn Tree, entry: usize, length: u64) -> Result<BTreeSet<u64>, Error> {
    let mut lowest = BTreeSet::new();
    scan(tree, Piece { entry, offset: 0, count: length }, MASK, &mut |hash, _| {
        lowest.insert(hash);
        if lowest.len() > SKETCH {
            lowest.pop_last();
        }
    })?;
    Ok(lowest)
}
