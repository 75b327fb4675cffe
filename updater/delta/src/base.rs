//! Old files that new ones are made from.

use std::io::{self, Read};

use exuvia_bundle::{Digest, Hasher, ReadAt, Reader, RelPath, Tree};

use crate::Error;

/// An old file that serves as reference, and the hash that it should have.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) path: &'a RelPath,
    pub(crate) sha256: Digest,
}

impl Base<'_> {
    pub(crate) fn open<'t>(&self, old: &'t dyn Tree) -> Result<Box<dyn ReadAt + 't>, Error> {
        old.open(self.path).map_err(|source| unreadable(self.path, source))
    }

    /// Why it could not be read.
    pub(crate) fn unread(&self, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::BaseChanged { path: self.path.to_string() },
            _ => unreadable(self.path, source),
        }
    }

    /// Whether it is not what its manifest says.
    pub(crate) fn changed(&self, old: &dyn Tree) -> Option<Error> {
        match self.hash(old) {
            Ok(actual) if actual == self.sha256 => None,
            Ok(_) => Some(Error::BaseChanged { path: self.path.to_string() }),
            Err(error) => Some(error),
        }
    }

    fn hash(&self, old: &dyn Tree) -> Result<Digest, Error> {
        let file = self.open(old)?;
        let mut reader = Reader::new(&*file);
        let mut hasher = Hasher::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            match reader.read(&mut chunk).map_err(|source| unreadable(self.path, source))? {
                0 => return Ok(hasher.finish()),
                read => hasher.update(&chunk[..read]),
            }
        }
    }
}

pub(crate) fn unreadable(path: &RelPath, source: io::Error) -> Error {
    Error::Read { path: path.to_string(), source }
}
