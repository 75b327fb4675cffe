//! Copies that do not pay.

use crate::map::Piece;

/// What things cost, in tenths of bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// A byte that is not copied.
    pub(crate) byte: i64,
    /// A byte of a copy that differs.
    pub(crate) wrong: i64,
    /// A copy from far away.
    pub(crate) far: i64,
}

impl Cost {
    /// For whole files.
    pub(crate) const FILE: Self = Self { byte: 24, wrong: 40, far: 380 };
    /// For sections that were foretold.
    pub(crate) const FORETOLD: Self = Self { byte: 25, wrong: 40, far: 380 };

    const NEXT: i64 = 100;
    const NEAR: i64 = 140;
    const MIDDLE: i64 = 220;

    /// A copy from `distance` bytes after where the last one ended; `goes_on` if it is where the last
    /// one would be now, carried on.
    fn entry(&self, distance: u64, goes_on: bool) -> i64 {
        match distance {
            _ if goes_on => Self::NEXT,
            0..64 => Self::NEAR,
            64..4096 => Self::MIDDLE,
            _ => self.far,
        }
    }
}

/// Leaves out the copies that cost more than they spare, and joins those that go on where the last
/// one stopped. `old` and `new` are the files as the copies were found on them.
pub(crate) fn prune(pieces: &[Piece], old: &[u8], new: &[u8], cost: Cost) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let last = kept.last().copied();
        let diagonal = piece.old.wrapping_sub(piece.new);
        let (end, goes_on) = last.map_or((0, piece.old == 0 && piece.new == 0), |last| {
            (last.old + last.length, last.old.wrapping_sub(last.new) == diagonal)
        });
        let mut price = cost.entry(piece.old.abs_diff(end), goes_on);
        if let (Some(last), Some(next)) = (last, pieces.get(index + 1)) {
            // Leaving a diagonal and coming back costs the way back too.
            let around = last.old.wrapping_sub(last.new);
            if next.old.wrapping_sub(next.new) == around && diagonal != around {
                price += cost.far / 2;
            }
        }
        if last.is_some() && gain(piece, old, new, cost) < price {
            continue;
        }
        match kept.last_mut() {
            Some(last) if goes_on && last.new + last.length == piece.new => {
                last.length += piece.length;
            }
            _ => kept.push(*piece),
        }
    }
    kept
}

/// What a copy spares.
fn gain(piece: &Piece, old: &[u8], new: &[u8], cost: Cost) -> i64 {
    let range = |start: u64| start as usize..(start + piece.length) as usize;
    let (old, new) = (&old[range(piece.old)], &new[range(piece.new)]);
    let right = old.iter().zip(new).filter(|(a, b)| a == b).count() as i64;
    let wrong = old.len() as i64 - right;
    right * cost.byte - wrong * cost.wrong
}
