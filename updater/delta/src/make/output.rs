//! The bytes of a delta, counted and hashed as they are written.

use std::io::Write;

use exuvia_bundle::Hasher;

use crate::Error;

pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
    length: u64,
}

impl<'a> Output<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, hasher: Hasher::new(), length: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| Error::Write { source })
    }

    pub(super) fn number(&mut self, mut number: u64) -> Result<(), Error> {
        while number >= 0x80 {
            self.put(&[(number & 0x7f) as u8 | 0x80])?;
            number >>= 7;
        }
        self.put(&[number as u8])
    }

    pub(super) fn frame(&mut self, frame: &[u8]) -> Result<(), Error> {
        self.number(frame.len() as u64)?;
        self.put(frame)
    }

    /// Writes the checksum, and says how long everything is.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        let checksum = self.hasher.clone().finish();
        self.put(checksum.as_bytes())?;
        self.out.flush().map_err(|source| Error::Write { source })?;
        Ok(self.length)
    }
}
