//! Making a walk.

use std::borrow::Cow;
use std::io;

use super::foretold::{self, Foretold};
use super::header::{Header, MAX_COPIES};
use super::{Fault, prepare, signature};
use crate::align::{Side, align, align_foretold};
use crate::map::{Map, Piece};
use crate::model::{self, Copy};
use crate::old::{Cache, Source};

/// Longer files are not taken.
const MAX_LENGTH: usize = i32::MAX as usize - 1;

/// The walk from `old` to `new`; none if they are too large.
pub(super) fn encode(
    old: &[u8],
    new: &[u8],
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Vec<u8>>, Fault> {
    if old.len().max(new.len()) > MAX_LENGTH {
        return Ok(None);
    }
    let signatures = signature::verified(new, &mut Cache::new(&new));
    let mut truth = Cow::Borrowed(new);
    for (start, end) in signature::ranges(&signatures) {
        truth.to_mut()[start as usize..end as usize].fill(0);
    }
    let truth: &[u8] = &truth;
    let mut before = Side { bytes: old, source: Source::new(&old).map_err(Fault::Old)? };
    let mut after = Side { bytes: truth, source: Source::new(&truth).map_err(Fault::Old)? };
    if !signatures.is_empty() {
        before.source.blank_signatures();
    }
    let mut header = Header { signatures, ..Header::default() };
    let found = align(&mut before, &mut after, &mut |done| progress(done * 7 / 10));
    let mut pieces = found.map_err(Fault::Old)?;
    header.foretold = foretell(&mut before, &after, &mut pieces).map_err(Fault::Old)?;
    thin(&mut pieces);
    header.layout = after.source.layout;
    let copies = copies(&pieces, new.len() as u64);
    header.copies = copies.len() as u64;
    let list = model::encode_copies(&copies);
    header.copies_length = list.len() as u64;
    // From here on as the decoder does it, from what it will have.
    let mut walk = header.write();
    let header = Header::read(&mut &walk[..], new.len() as u64)?;
    let map = prepare(&mut before.source, &header, &copies)?;
    let body = model::encode(&mut before.source, &map, &header.layout, &copies, truth)?;
    walk.extend_from_slice(&list);
    walk.extend_from_slice(&body);
    progress(1000);
    Ok(Some(walk))
}

/// Replaces the copies of sections that can be foretold by copies of what is foretold, and says
/// which these are.
fn foretell(
    old: &mut Side<'_>,
    new: &Side<'_>,
    pieces: &mut Vec<Piece>,
) -> io::Result<Vec<Foretold>> {
    let layout = &new.source.layout;
    let map = Map::new(pieces.iter().copied(), &old.source.layout, layout);
    let candidates = foretold::candidates(layout, &old.source.layout);
    let mut place = old.source.file_end();
    for candidate in &candidates {
        let bytes = foretold::foretell(*candidate, &mut old.source, &map, layout)?;
        let section = &layout.sections[candidate.section];
        let real = &new.bytes[section.offset as usize..section.end() as usize];
        let mut better = align_foretold(&bytes, real)?;
        for piece in &mut better {
            piece.old += place;
            piece.new += section.offset;
        }
        splice(pieces, section.offset, section.end(), better);
        place += bytes.len() as u64;
    }
    Ok(candidates)
}

/// Puts other pieces in the place of those, or parts of those, that lie in `start..end`.
fn splice(pieces: &mut Vec<Piece>, start: u64, end: u64, better: Vec<Piece>) {
    let mut kept = better;
    for piece in pieces.iter() {
        let before = start.saturating_sub(piece.new).min(piece.length);
        let skip = end.saturating_sub(piece.new).min(piece.length);
        let after =
            Piece { old: piece.old + skip, new: piece.new + skip, length: piece.length - skip };
        kept.push(Piece { length: before, ..*piece });
        kept.push(after);
    }
    kept.retain(|piece| piece.length > 0);
    kept.sort_unstable_by_key(|piece| piece.new);
    *pieces = kept;
}

/// Drops the shortest pieces as long as there are more than a list may have.
fn thin(pieces: &mut Vec<Piece>) {
    let mut shortest = 16;
    while pieces.len() as u64 >= MAX_COPIES {
        shortest *= 2;
        pieces.retain(|piece| piece.length >= shortest);
    }
}

/// The copy list of pieces that give a file of `length` bytes.
fn copies(pieces: &[Piece], length: u64) -> Vec<Copy> {
    let mut copies = Vec::with_capacity(pieces.len() + 1);
    let first = pieces.first().map_or(length, |piece| piece.new);
    if first > 0 {
        copies.push(Copy { old: 0, length: 0, extra: first as u32 });
    }
    for (index, piece) in pieces.iter().enumerate() {
        let next = pieces.get(index + 1).map_or(length, |next| next.new);
        let extra = next - piece.new - piece.length;
        copies.push(Copy { old: piece.old, length: piece.length as u32, extra: extra as u32 });
    }
    copies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spliced_pieces_are_cut_at_both_ends() {
        let piece = |old, new, length| Piece { old, new, length };
        let mut pieces = vec![piece(5, 0, 10), piece(100, 20, 100), piece(300, 130, 5)];
        splice(&mut pieces, 50, 60, vec![piece(1000, 52, 3)]);
        let expected = [
            piece(5, 0, 10),
            piece(100, 20, 30),
            piece(1000, 52, 3),
            piece(140, 60, 60),
            piece(300, 130, 5),
        ];
        assert_eq!(pieces, expected);
        let list = copies(&pieces, 140);
        let total: u32 = list.iter().map(|copy| copy.length + copy.extra).sum();
        assert_eq!(total, 140);
        assert_eq!(list[0], Copy { old: 5, length: 10, extra: 10 });
        assert_eq!(copies(&[], 7), [Copy { old: 0, length: 0, extra: 7 }]);
    }
}
