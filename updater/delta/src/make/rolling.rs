//! A rolling hash of 64 bytes: the same content gives the same values wherever it stands.

use exuvia_bundle::Tree;

use super::pieces::{Piece, read_piece};
use crate::Error;

/// Tells hash and place of every 64 bytes of `piece` whose hash has no bit of `mask`.
pub(super) fn scan(
    tree: &dyn Tree,
    piece: Piece,
    mask: u64,
    found: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
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
            if hash & mask == 0 && place - piece.offset >= 64 {
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
