//! The entropy-coded part of a walk: the copy list, and the body that follows it.
//!
//! Every decision is foretold by what came in several contexts before. A context keeps histories
//! of bits ([`history`]); what came after such a history is a probability that learns
//! ([`mixer::Counter`]); a mixer weighs the probabilities of all contexts and learns from the
//! outcome ([`mixer::Mixer`]); the arithmetic coder spends no more than the decision was surprising
//! ([`coder`]). Encoder and decoder run the same code ([`coder::Coder`]).
//!
//! # Rules
//! - Integers only, all arithmetic defined, tables computed by the compiler: the same bytes on
//!   every machine, from every build.
//! - No input is refused here but one that ends early or late, and a copy list out of bounds:
//!   whatever else the bytes are, they decode to something of the right length.
//! - Memory is fixed: [`MEMORY`] at most, however large the files are.

mod body;
mod coder;
mod copies;
mod decision;
mod history;
mod mixer;
mod symbol;
mod tables;
#[cfg(test)]
mod tests;

use std::io;

use crate::refs::Ref;

#[cfg(feature = "make")]
pub(crate) use body::encode;
pub(crate) use body::{Failure, decode};
#[cfg(feature = "make")]
pub(crate) use copies::encode as encode_copies;
pub(crate) use copies::{Copy, decode as decode_copies};

/// Most bytes that the model takes.
pub(crate) const MEMORY: u64 =
    if body::MEMORY > copies::MEMORY { body::MEMORY } else { copies::MEMORY };

/// The old file, followed by what the decoder knows of the new one beforehand.
pub(crate) trait Old {
    /// Bytes of it.
    fn len(&self) -> u64;

    /// Fills `buf` from `position` on; past the end with zeros.
    ///
    /// # Errors
    /// Local: the file cannot be read.
    fn read(&mut self, position: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Appends all references that begin in `from..to`, in ascending order.
    ///
    /// # Errors
    /// Local: the file cannot be read.
    fn refs(&mut self, from: u64, to: u64, out: &mut Vec<Ref>) -> io::Result<()>;
}

/// Mixes two numbers into one.
#[inline]
fn hash(a: u32, b: u32) -> u32 {
    let h = (a ^ b.wrapping_mul(0x9E37_79B1)).wrapping_mul(0x85EB_CA6B);
    h ^ h >> 15
}

/// Where a context is in a table: the upper bits, and a check below them.
#[inline]
fn spread(context: u32, salt: u32) -> u32 {
    (context ^ salt.wrapping_mul(0x9E37_79B1)).wrapping_mul(0x2545_F491)
}

/// How many bits a number has: its magnitude.
#[inline]
fn magnitude(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}
