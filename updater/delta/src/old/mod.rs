//! The old file as a source of bytes and references.

mod cache;

pub(crate) use cache::Cache;

use std::io;

use exuvia_bundle::ReadAt;

use crate::image::{self, Layout};
use crate::model::Old;
use crate::refs::{self, Cursor, Ref, Refs};
use crate::walk::signature;

/// What follows the old file begins at a multiple of this.
const PAGE: u64 = 4096;

/// The old file by position, with what is known of it. After its end come zeros up to the next
/// multiple of 4096, and from there what was foretold of the new file: sections that follow from
/// the old ones and the copy list.
pub(crate) struct Source<'a> {
    pub(crate) file: Cache<'a>,
    pub(crate) layout: Layout,
    pub(crate) refs: Refs,
    cursor: Cursor,
    /// Bytes that read as zeros, because the new file's are computed.
    blank: Vec<(u64, u64)>,
    foretold: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Reads the layout of a file and finds its references.
    ///
    /// # Errors
    /// Local: the file cannot be read.
    pub(crate) fn new(file: &'a dyn ReadAt) -> io::Result<Self> {
        let mut file = Cache::new(file);
        let layout = image::read(&mut file);
        let refs = refs::find(&mut file, &layout);
        file.check()?;
        let (blank, foretold) = (Vec::new(), Vec::new());
        Ok(Self { file, layout, refs, cursor: Cursor::default(), blank, foretold })
    }

    /// Has the hashes of its code signatures read as zeros.
    pub(crate) fn blank_signatures(&mut self) {
        self.blank = signature::ranges(&signature::find(&mut self.file));
    }

    /// The bytes that read as zeros.
    #[cfg(feature = "make")]
    pub(crate) fn blanks(&self) -> &[(u64, u64)] {
        &self.blank
    }

    /// Where foretold bytes begin.
    pub(crate) fn file_end(&self) -> u64 {
        self.file.len().next_multiple_of(PAGE)
    }

    /// Adds foretold bytes at the end.
    pub(crate) fn foretell(&mut self, bytes: Vec<u8>) {
        if self.foretold.is_empty() {
            self.foretold = bytes;
        } else {
            self.foretold.extend_from_slice(&bytes);
        }
    }

    /// Puts the foretold bytes in their place.
    #[cold]
    fn overlay(&self, position: u64, buf: &mut [u8]) {
        let start = self.file_end();
        let skip = start.saturating_sub(position).min(buf.len() as u64) as usize;
        let from = usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        let rest = self.foretold.get(from..).unwrap_or_default();
        let buf = &mut buf[skip..];
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
    }
}

impl Old for Source<'_> {
    fn len(&self) -> u64 {
        self.file_end() + self.foretold.len() as u64
    }

    #[inline]
    fn read(&mut self, position: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read(position, buf);
        let end = position.saturating_add(buf.len() as u64);
        if end > self.file.len() {
            self.overlay(position, buf);
        }
        for &(start, stop) in &self.blank {
            if start < end && stop > position {
                let from = start.saturating_sub(position) as usize;
                let to = (stop - position).min(buf.len() as u64) as usize;
                buf[from..to].fill(0);
            }
        }
        self.file.check()
    }

    #[inline]
    fn refs(&mut self, from: u64, to: u64, out: &mut Vec<Ref>) -> io::Result<()> {
        let place = (&mut self.file, &self.layout);
        self.refs.within(place, &mut self.cursor, (from, to), out);
        self.file.check()
    }
}
