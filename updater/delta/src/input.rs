//! The bytes of a delta, counted and hashed as they are read.

use std::io::{self, Read};

use exuvia_bundle::{Digest, Hasher};

use crate::{Error, MAGIC};

pub(crate) struct Input<'a> {
    patch: &'a mut dyn Read,
    hasher: Hasher,
    offset: u64,
}

/// What a delta says first.
pub(crate) struct Header {
    pub(crate) base: Digest,
    pub(crate) result: Digest,
}

impl<'a> Input<'a> {
    pub(crate) fn new(patch: &'a mut dyn Read) -> Self {
        Self { patch, hasher: Hasher::new(), offset: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn header(&mut self) -> Result<Header, Error> {
        let mut magic = [0; 8];
        self.fill(&mut magic)?;
        if magic[..7] != MAGIC[..7] {
            return Err(Error::NotADelta);
        }
        if magic != *MAGIC {
            return Err(Error::Format { version: char::from(magic[7]) });
        }
        Ok(Header { base: self.digest()?, result: self.digest()? })
    }

    /// Fills `buf` or fails.
    pub(crate) fn fill(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.patch.read(&mut buf[filled..]) {
                Ok(0) => return Err(Error::Truncated { offset: self.offset + filled as u64 }),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Patch { source }),
            }
        }
        self.hasher.update(buf);
        self.offset += filled as u64;
        Ok(())
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        Ok(byte[0])
    }

    /// The next `length` bytes, to be read one piece at a time.
    pub(crate) fn part(&mut self, length: u64) -> Part<'_, 'a> {
        Part { input: self, left: length }
    }

    /// An unsigned LEB128 number in the fewest bytes possible.
    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let last = byte < 0x80;
            let lost = bits << shift >> shift != bits;
            let padded = last && bits == 0 && shift > 0;
            if lost || padded {
                break;
            }
            number |= bits << shift;
            if last {
                return Ok(number);
            }
        }
        Err(self.syntax())
    }

    /// The checksum and the end.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let actual = self.hasher.clone().finish();
        if self.digest()? != actual {
            return Err(Error::Checksum);
        }
        let offset = self.offset;
        match self.fill(&mut [0]) {
            Err(Error::Truncated { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(Error::Trailing { offset }),
        }
    }

    pub(crate) fn syntax(&self) -> Error {
        Error::Syntax { offset: self.offset }
    }

    fn digest(&mut self) -> Result<Digest, Error> {
        let mut bytes = [0; 32];
        self.fill(&mut bytes)?;
        Ok(Digest::from_bytes(bytes))
    }
}

/// A part of a delta that something else reads. Its errors are an [`Error`] inside.
pub(crate) struct Part<'i, 'a> {
    input: &'i mut Input<'a>,
    left: u64,
}

impl Part<'_, '_> {
    /// Bytes that nobody read.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Its bytes are not what they should be.
    pub(crate) fn damaged(&self) -> Error {
        Error::Frame { offset: self.input.offset }
    }
}

impl Read for Part<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        self.input.fill(&mut buf[..read]).map_err(io::Error::other)?;
        self.left -= read as u64;
        Ok(read)
    }
}
