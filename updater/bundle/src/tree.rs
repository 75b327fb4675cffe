//! A tree whose files can be read, wherever it is kept.

use std::io::{self, Read};

use crate::{Manifest, RelPath};

/// A tree of files: an installed version, a folder to release, or one in memory.
pub trait Tree {
    /// What belongs to it. Files beside it are not part of the tree.
    fn manifest(&self) -> &Manifest;

    /// Opens a file of the manifest.
    ///
    /// # Errors
    /// Local: it is not there or cannot be read.
    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>>;
}

/// A file that is read by position, so that several readers may share it.
pub trait ReadAt {
    /// Bytes of the file.
    fn len(&self) -> u64;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads bytes from `offset` on into `buf` and says how many; 0 at or after the end.
    ///
    /// # Errors
    /// Local: the system's reason.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    /// Local: the system's reason, `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match self.read_at(offset, buf) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    offset += read as u64;
                    buf = buf.get_mut(read..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(start..).unwrap_or_default();
        let read = rest.len().min(buf.len());
        buf[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

/// Reads a [`ReadAt`] from its start to its end.
pub struct Reader<'a> {
    file: &'a dyn ReadAt,
    offset: u64,
}

impl<'a> Reader<'a> {
    /// Begins at the start.
    pub fn new(file: &'a dyn ReadAt) -> Self {
        Self { file, offset: 0 }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.offset, buf)?;
        self.offset += read as u64;
        Ok(read)
    }
}
