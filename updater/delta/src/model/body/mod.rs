//! The body of a walk: one pass over the copy list that gives the new file in order.
//!
//! Each copy goes in stretches of about a kibibyte: a flag says that all of one is as foretold. Only
//! if not, it goes in blocks of 32 bytes, again with a flag each, and only in a block that is not
//! as foretold there is a flag for every reference and every other byte. What was foretold wrong is
//! said, and learnt from. After a copy come its extra bytes.

mod blocks;
mod bytes;
mod fields;
mod insert;
mod known;
mod matches;
mod output;
mod place;
mod pointer;
mod targets;
mod window;
mod words;
mod x86;

use std::io::{self, Read, Write};

use super::Old;
#[cfg(any(test, feature = "make"))]
use super::coder::Encoder;
use super::coder::{Coder, Decoder};
use super::copies::Copy;
use crate::image::Layout;
use crate::map::Map;

use blocks::Blocks;
use bytes::Bytes;
use fields::Fields;
use insert::Inserts;
use known::Known;
use output::Output;
use place::Place;
use targets::{Learnt, Targets};
use window::Window;

/// Bytes of memory that the body takes; windows and buffers take less than the last addend.
pub(super) const MEMORY: u64 = Blocks::MEMORY
    + Bytes::MEMORY
    + Fields::MEMORY
    + Targets::MEMORY
    + Inserts::MEMORY
    + Learnt::MEMORY
    + output::MEMORY
    + (1 << 16);

/// Why a walk ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The old file cannot be read.
    Old(io::Error),
    /// The patch cannot be read.
    Patch(io::Error),
    /// The new file cannot be written.
    Out(io::Error),
    /// The patch is too short, too long or senseless.
    Damaged,
}

impl Failure {
    /// What [`Decoder::finish`] says.
    pub(super) fn patch(error: Option<io::Error>) -> Self {
        error.map_or(Self::Damaged, Self::Patch)
    }
}

/// Writes the body: what turns the copies into `new`, which they must have the length of.
///
/// # Errors
/// The old file cannot be read.
#[cfg(any(test, feature = "make"))]
pub(crate) fn encode<O: Old>(
    old: &mut O,
    map: &Map,
    layout: &Layout,
    copies: &[Copy],
    new: &[u8],
) -> Result<Vec<u8>, Failure> {
    let known = Known::new(old, map, Place::new(layout));
    let mut walk = Walk::new(Encoder::new(), known, Some(new), io::sink());
    walk.run(copies)?;
    Ok(walk.coder.finish())
}

/// Reads the body, and writes the new file to `out`. All of `input` belongs to it.
///
/// # Errors
/// Every [`Failure`].
pub(crate) fn decode<O: Old>(
    input: impl Read,
    old: &mut O,
    map: &Map,
    layout: &Layout,
    copies: &[Copy],
    out: impl Write,
) -> Result<(), Failure> {
    let known = Known::new(old, map, Place::new(layout));
    let mut walk = Walk::new(Decoder::new(input), known, None, out);
    match walk.run(copies) {
        // A patch that ended early perhaps could not be read.
        Ok(()) | Err(Failure::Damaged) => walk.coder.finish().map_err(Failure::patch)?,
        Err(failure) => return Err(failure),
    }
    walk.out.finish().map_err(Failure::Out)
}

/// A walk under way.
struct Walk<'a, C, O, W> {
    coder: C,
    known: Known<'a, O>,
    /// The new file, if it is there already.
    truth: Option<&'a [u8]>,
    out: Output<W>,
    window: Window,
    blocks: Blocks,
    fields: Fields,
    bytes: Bytes,
    targets: Targets,
    inserts: Inserts,
    /// What was foretold wrong in this block so far.
    misses: u32,
}

impl<'a, C: Coder, O: Old, W: Write> Walk<'a, C, O, W> {
    fn new(coder: C, known: Known<'a, O>, truth: Option<&'a [u8]>, out: W) -> Self {
        Self {
            coder,
            known,
            truth,
            out: Output::new(out),
            window: Window::new(),
            blocks: Blocks::new(),
            fields: Fields::new(),
            bytes: Bytes::new(),
            targets: Targets::new(),
            inserts: Inserts::new(),
            misses: 0,
        }
    }

    fn run(&mut self, copies: &[Copy]) -> Result<(), Failure> {
        let following = copies.iter().skip(1).map(|copy| copy.old).chain([0]);
        for (copy, next) in copies.iter().zip(following) {
            self.copy(copy)?;
            self.insert(copy, next)?;
        }
        self.check()
    }

    /// Lets output go, and stops if there is no use in going on.
    fn check(&mut self) -> Result<(), Failure> {
        self.out.trim().map_err(Failure::Out)?;
        self.known.check().map_err(Failure::Old)?;
        if self.coder.broken() { Err(Failure::Damaged) } else { Ok(()) }
    }

    /// Whether the truth goes on with `foretold`, as far as an encoder knows.
    #[inline]
    fn truth_is(truth: Option<&[u8]>, position: u64, foretold: &[u8]) -> bool {
        truth_at(truth, position).is_some_and(|truth| truth.starts_with(foretold))
    }

    /// The next byte of the truth, as far as an encoder knows.
    #[inline]
    fn truth_byte(&self) -> u8 {
        let truth = truth_at(self.truth, self.out.position());
        truth.and_then(|truth| truth.first()).copied().unwrap_or(0)
    }

    /// The next word of the truth, as far as an encoder knows.
    #[inline]
    fn truth_word(&self) -> u32 {
        let truth = truth_at(self.truth, self.out.position());
        let word = truth.and_then(|truth| truth.first_chunk());
        word.map_or(0, |word| u32::from_le_bytes(*word))
    }
}

#[inline]
fn truth_at(truth: Option<&[u8]>, position: u64) -> Option<&[u8]> {
    truth?.get(usize::try_from(position).ok()?..)
}
