//! The code signature of Mach-O files: hashes of all pages before it. They follow from the bytes, so
//! both files carry zeros in their place, and the decoder computes them while pages stream by.

use std::io::{self, Write};

use exuvia_bundle::Hasher;

use crate::image::macho;
use crate::old::Cache;

/// Bytes of a hash.
const HASH: u64 = 32;
/// Most pages of a file.
const MAX_PAGES: u64 = 1 << 17;

/// Where hashes of pages are, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    /// The first byte of the first page.
    pub(super) start: u64,
    /// The end of the last page, which may be short.
    pub(super) limit: u64,
    /// The size of a page is 2 to the power of this.
    pub(super) page_bits: u32,
    /// Where the hashes begin.
    pub(super) at: u64,
}

impl Slots {
    fn count(&self) -> u64 {
        self.limit.saturating_sub(self.start).div_ceil(1 << self.page_bits)
    }

    /// The end of the hashes.
    fn end(&self) -> u64 {
        self.at.saturating_add(self.count() * HASH)
    }

    /// Where the next one may begin, if this one begins at `free` or later, its hashes follow its
    /// pages, and all of it is in a file of `length` bytes.
    pub(super) fn check(&self, free: u64, length: u64) -> Option<u64> {
        let order = free <= self.start && self.start < self.limit && self.limit <= self.at;
        let sane = (10..=24).contains(&self.page_bits) && self.limit <= length;
        let fits = order && sane && self.count() <= MAX_PAGES && self.end() <= length;
        fits.then(|| self.end())
    }
}

/// The signatures of a file, in the order in which they stand.
pub(crate) fn find(file: &mut Cache<'_>) -> Vec<Slots> {
    let length = file.len();
    let mut free = 0;
    let mut found = Vec::new();
    for (start, at) in macho::signatures(file) {
        if let Some(slots) = directory(file, start, at)
            && let Some(end) = slots.check(free, length)
        {
            free = end;
            found.push(slots);
        }
    }
    found
}

/// The SHA-256 code directory of the signature at `at`.
fn directory(file: &mut Cache<'_>, start: u64, at: u64) -> Option<Slots> {
    const SIGNATURE: u64 = 0xfade_0cc0;
    const DIRECTORY: u64 = 0xfade_0c02;
    /// A hash of 32 bytes, of type SHA-256.
    const SHA_256: [u8; 2] = [32, 2];
    if file.be32(at) != SIGNATURE {
        return None;
    }
    for index in 0..file.be32(at + 8).min(16) {
        let blob = at + file.be32(at + 16 + index * 8);
        let kind: [u8; 2] = file.array(blob + 36);
        if file.be32(blob) != DIRECTORY || kind != SHA_256 {
            continue;
        }
        let slots = Slots {
            start,
            limit: start + file.be32(blob + 32),
            page_bits: file.u8(blob + 39).into(),
            at: blob + file.be32(blob + 16),
        };
        return (slots.page_bits < 32 && slots.count() == file.be32(blob + 28)).then_some(slots);
    }
    None
}

/// The bytes that the hashes of a file take.
pub(crate) fn ranges(slots: &[Slots]) -> Vec<(u64, u64)> {
    slots.iter().map(|slots| (slots.at, slots.end())).collect()
}

/// Writes on what it is given, with the hashes of the pages in their places.
pub(super) struct Signer<'a> {
    out: &'a mut dyn Write,
    slots: &'a [Slots],
    position: u64,
    page: Hasher,
    hashes: Vec<u8>,
}

impl<'a> Signer<'a> {
    pub(super) fn new(out: &'a mut dyn Write, slots: &'a [Slots]) -> Self {
        Self { out, slots, position: 0, page: Hasher::new(), hashes: Vec::new() }
    }

    /// Takes some of `bytes`, as far as they are treated alike, and says how many.
    fn some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(slots) = self.slots.first() else {
            self.out.write_all(bytes)?;
            return Ok(bytes.len());
        };
        let here = self.position;
        let until = |end: u64| usize::try_from(end - here).unwrap_or(usize::MAX).min(bytes.len());
        if here < slots.start {
            let count = until(slots.start);
            self.out.write_all(&bytes[..count])?;
            return Ok(count);
        }
        if here < slots.limit {
            let size = 1u64 << slots.page_bits;
            let page_end = slots.start + ((here - slots.start) / size + 1) * size;
            let end = page_end.min(slots.limit);
            let count = until(end);
            self.page.update(&bytes[..count]);
            if here + count as u64 == end {
                let hash = std::mem::replace(&mut self.page, Hasher::new()).finish();
                self.hashes.extend_from_slice(hash.as_bytes());
            }
            self.out.write_all(&bytes[..count])?;
            return Ok(count);
        }
        if here < slots.at {
            let count = until(slots.at);
            self.out.write_all(&bytes[..count])?;
            return Ok(count);
        }
        let count = until(slots.end());
        let done = (here - slots.at) as usize;
        let hashes = self.hashes.get(done..done + count).unwrap_or_default();
        self.out.write_all(hashes)?;
        if here + count as u64 == slots.end() {
            self.slots = &self.slots[1..];
            self.hashes.clear();
        }
        Ok(count)
    }
}

impl Write for Signer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let count = self.some(&bytes[done..])?;
            self.position += count as u64;
            done += count;
        }
        Ok(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The signatures of a new file whose hashes are all right: only these may be computed.
#[cfg(feature = "make")]
pub(super) fn verified(new: &[u8], file: &mut Cache<'_>) -> Vec<Slots> {
    let right = |slots: &Slots| {
        let size = 1 << slots.page_bits;
        let range = |start: u64, end: u64| new.get(start as usize..end as usize);
        let pages = range(slots.start, slots.limit).unwrap_or_default().chunks(size);
        let hashes = range(slots.at, slots.end()).unwrap_or_default().chunks(HASH as usize);
        pages.zip(hashes).all(|(page, hash)| {
            let mut hasher = Hasher::new();
            hasher.update(page);
            hasher.finish().as_bytes() == hash
        })
    };
    find(file).into_iter().filter(right).collect()
}
