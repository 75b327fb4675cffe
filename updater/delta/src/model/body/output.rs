//! The new file as it comes: its last mebibyte is at hand, the rest has gone out.

use std::io::{self, Write};

/// Bytes that are kept for matches.
pub(super) const HISTORY: usize = 1 << 20;

/// Output and its recent past.
pub(super) struct Output<W> {
    sink: W,
    bytes: Vec<u8>,
    /// Position of the first of `bytes`.
    base: u64,
}

/// Bytes of memory that output takes.
pub(super) const MEMORY: u64 = CAPACITY as u64;

/// History, as much again that has not gone out, and what comes between two looks at it.
const CAPACITY: usize = 2 * HISTORY + (1 << 16);

impl<W: Write> Output<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, bytes: Vec::with_capacity(CAPACITY), base: 0 }
    }

    /// Bytes that came so far.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The `n`-th last byte (from 1), or 0 before the beginning.
    #[inline]
    pub(super) fn back(&self, n: usize) -> u32 {
        self.bytes.get(self.bytes.len().wrapping_sub(n)).copied().unwrap_or(0).into()
    }

    /// The last four bytes as a little-endian number.
    #[inline]
    pub(super) fn word(&self) -> u32 {
        self.word_back(4)
    }

    /// The four bytes from the `n`-th last on as a little-endian number; 0 if there are fewer.
    #[inline]
    pub(super) fn word_back(&self, n: usize) -> u32 {
        let from = self.bytes.len().wrapping_sub(n);
        self.bytes.get(from..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
    }

    /// The byte at `position`, if it is still at hand.
    #[inline]
    pub(super) fn at(&self, position: u64) -> Option<u8> {
        self.bytes.get(usize::try_from(position.checked_sub(self.base)?).ok()?).copied()
    }

    /// The word at `position`, if it is still at hand.
    #[inline]
    pub(super) fn word_at(&self, position: u64) -> Option<u32> {
        let from = usize::try_from(position.checked_sub(self.base)?).ok()?;
        Some(u32::from_le_bytes(*self.bytes.get(from..)?.first_chunk()?))
    }

    /// Lets go of what is too long ago.
    #[inline]
    pub(super) fn trim(&mut self) -> io::Result<()> {
        if self.bytes.len() <= 2 * HISTORY {
            return Ok(());
        }
        let old = self.bytes.len() - HISTORY;
        self.sink.write_all(&self.bytes[..old])?;
        self.bytes.drain(..old);
        self.base += old as u64;
        Ok(())
    }

    /// Lets go of the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.sink.write_all(&self.bytes)
    }
}
