//! The old file by position, through a few blocks in memory.

use std::io;

use exuvia_bundle::ReadAt;

/// Bytes of a block, without its margins.
const BLOCK: usize = 16 << 10;
/// Bytes of the neighbours that a block holds at either end, so that what is looked at around a
/// position is in one piece.
const MARGIN: usize = 64;
/// Blocks in memory, as sets of ways: 4 MiB. A block has its set, and there the place of the one that
/// was not used for longest.
const SETS: usize = 64;
const WAYS: usize = 4;
const NONE: u64 = u64::MAX;

/// Reads a file through blocks. Bytes past its end are zeros. The first failure of the file below
/// is kept, and everything reads as zeros from then on, so that scanners need not ask at each byte:
/// whoever uses what they found calls [`Cache::check`] first.
pub(crate) struct Cache<'a> {
    file: &'a dyn ReadAt,
    length: u64,
    error: Option<io::Error>,
    slots: Box<[Slot]>,
    /// The slot last used.
    last: usize,
    clock: u64,
}

#[derive(Clone)]
struct Slot {
    block: u64,
    used: u64,
    /// Empty until it is used.
    bytes: Vec<u8>,
}

impl<'a> Cache<'a> {
    pub(crate) fn new(file: &'a dyn ReadAt) -> Self {
        let slot = Slot { block: NONE, used: 0, bytes: Vec::new() };
        let slots = vec![slot; SETS * WAYS].into();
        Self { file, length: file.len(), error: None, slots, last: 0, clock: 0 }
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// The first failure since the last call.
    ///
    /// # Errors
    /// Local: the system's reason.
    pub(crate) fn check(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// The bytes around `position`, and where in them it is: at least 64 bytes lie on either side.
    #[inline]
    pub(crate) fn around(&mut self, position: u64) -> (&[u8], usize) {
        let block = position / BLOCK as u64;
        if self.slots[self.last].block != block {
            self.last = self.slot(block);
        }
        (&self.slots[self.last].bytes, MARGIN + (position % BLOCK as u64) as usize)
    }

    /// Fills `buf` from `position` on.
    pub(crate) fn read(&mut self, mut position: u64, mut buf: &mut [u8]) {
        while !buf.is_empty() {
            let (bytes, at) = self.around(position);
            let here = &bytes[at..BLOCK + 2 * MARGIN];
            let count = here.len().min(buf.len());
            let (now, later) = buf.split_at_mut(count);
            now.copy_from_slice(&here[..count]);
            buf = later;
            position = position.saturating_add(count as u64);
        }
    }

    pub(crate) fn u8(&mut self, position: u64) -> u8 {
        self.array::<1>(position)[0]
    }

    pub(crate) fn u16(&mut self, position: u64) -> u64 {
        u16::from_le_bytes(self.array(position)).into()
    }

    pub(crate) fn u32(&mut self, position: u64) -> u64 {
        u32::from_le_bytes(self.array(position)).into()
    }

    pub(crate) fn u64(&mut self, position: u64) -> u64 {
        u64::from_le_bytes(self.array(position))
    }

    pub(crate) fn be32(&mut self, position: u64) -> u64 {
        u32::from_be_bytes(self.array(position)).into()
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, position: u64) -> [u8; N] {
        const { assert!(N <= MARGIN) };
        let (bytes, at) = self.around(position);
        let mut array = [0; N];
        array.copy_from_slice(&bytes[at..at + N]);
        array
    }

    /// The slot that holds `block`, read if it was not there.
    fn slot(&mut self, block: u64) -> usize {
        self.clock += 1;
        let first = (block % SETS as u64) as usize * WAYS;
        let ways = first..first + WAYS;
        let index = match ways.clone().find(|&way| self.slots[way].block == block) {
            Some(found) => found,
            None => {
                let oldest = ways.min_by_key(|&way| self.slots[way].used).unwrap_or(first);
                self.load(block, oldest);
                oldest
            }
        };
        self.slots[index].used = self.clock;
        index
    }

    fn load(&mut self, block: u64, index: usize) {
        let Slot { block: holds, bytes, .. } = &mut self.slots[index];
        *holds = block;
        bytes.resize(BLOCK + 2 * MARGIN, 0);
        let start = block.saturating_mul(BLOCK as u64);
        let (from, into) = match start.checked_sub(MARGIN as u64) {
            Some(from) => (from, 0),
            None => (0, MARGIN),
        };
        let there = self.length.saturating_sub(from);
        let (before, room) = bytes.split_at_mut(into);
        let count = usize::try_from(there).unwrap_or(usize::MAX).min(room.len());
        let (room, after) = room.split_at_mut(count);
        before.fill(0);
        after.fill(0);
        if self.error.is_none() {
            self.error = self.file.read_exact_at(from, room).err();
        }
        if self.error.is_some() {
            bytes.fill(0);
        }
    }
}
