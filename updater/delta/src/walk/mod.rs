//! One new file as a walk along one old file.

#[cfg(feature = "make")]
mod encode;
mod foretold;
mod header;
#[cfg(test)]
#[cfg(feature = "make")]
mod samples;
pub(crate) mod signature;
#[cfg(test)]
#[cfg(feature = "make")]
mod tests;
#[cfg(test)]
#[cfg(feature = "make")]
mod vectors;

use std::io::{self, BufReader, Read, Write};

use exuvia_bundle::ReadAt;

use self::header::Header;
use self::signature::Signer;
use crate::Bound;
use crate::map::{Map, Piece};
use crate::model::{self, Copy, Failure};
use crate::old::Source;

/// Bytes of the patch that are read at a time.
const BUFFER: usize = 16 << 10;

/// Most bytes that [`decode`] allocates: the model, 2 bytes for each reference in the old file, 40 for
/// each copy, the blocks of the old file, and foretold sections with what they are made from. For
/// usual files it is half of that.
pub(crate) const MEMORY: u64 = model::MEMORY + (44 << 20);

/// Why a walk gave nothing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The old file could not be read, or ends before it should (`UnexpectedEof`).
    Old(io::Error),
    /// The walk could not be read.
    Patch(io::Error),
    /// Whoever takes the new file refused it.
    Out(io::Error),
    /// The bytes depart from the format, or end early.
    Damaged,
    /// Something is larger than is taken.
    Limit { bound: Bound, value: u64, max: u64 },
}

impl Fault {
    /// Reading the patch failed; one that ends early is damaged.
    fn patch(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Damaged
        } else {
            Self::Patch(error)
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Old(error) => Self::Old(error),
            Failure::Patch(error) => Self::patch(error),
            Failure::Out(error) => Self::Out(error),
            Failure::Damaged => Self::Damaged,
        }
    }
}

/// Writes the new file of `length` bytes to `out`, as `patch` tells. Whether it is the right one is
/// for its hash to say.
pub(crate) fn decode(
    old: &dyn ReadAt,
    length: u64,
    patch: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Fault> {
    let mut patch = BufReader::with_capacity(BUFFER, patch);
    let header = Header::read(&mut patch, length)?;
    let mut source = Source::new(old).map_err(Fault::Old)?;
    if !header.signatures.is_empty() {
        source.blank_signatures();
    }
    let most = source.file_end() + header.foretold_length();
    let list = patch.by_ref().take(header.copies_length);
    let copies = model::decode_copies(list, header.copies as usize, most, length)?;
    let map = prepare(&mut source, &header, &copies)?;
    let out = Signer::new(out, &header.signatures);
    Ok(model::decode(patch, &mut source, &map, &header.layout, &copies, out)?)
}

/// The map that the copies imply, and what follows from it: foretold sections, which become part of
/// the source. The encoder does the same, with the list that it writes.
fn prepare(source: &mut Source<'_>, header: &Header, copies: &[Copy]) -> Result<Map, Fault> {
    let end = source.file.len();
    let mut new = 0;
    let pieces = copies.iter().filter_map(|copy| {
        let piece = Piece { old: copy.old, new, length: copy.length.into() };
        new += u64::from(copy.length) + u64::from(copy.extra);
        (copy.old < end).then_some(piece)
    });
    let map = Map::new(pieces, &source.layout, &header.layout);
    for foretold in &header.foretold {
        let bytes = foretold::foretell(*foretold, source, &map, &header.layout);
        source.foretell(bytes.map_err(Fault::Old)?);
    }
    Ok(map)
}

/// The walk from `old` to `new`; none if they are too large. `progress` gets thousandths.
#[cfg(feature = "make")]
pub(crate) fn encode(old: &[u8], new: &[u8], progress: &mut dyn FnMut(u64)) -> Option<Vec<u8>> {
    encode::encode(old, new, progress).ok().flatten()
}

/// Bytes that [`encode`] allocates beside the two files.
#[cfg(feature = "make")]
pub(crate) fn encode_memory(old: u64, new: u64) -> u64 {
    crate::align::memory(old, new).saturating_add(new).saturating_add(128 << 20)
}

/// Microseconds of processor that decoding takes, about.
#[cfg(feature = "make")]
pub(crate) fn decode_micros(patch: u64, length: u64) -> u64 {
    5_000 + patch * 5 / 3 + length / 200
}
