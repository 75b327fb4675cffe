//! Writing a bundle.

use std::io::{self, Read, Write};

use crate::{
    Digest, Entry, Error, Hasher, Manifest, Node, Reader, RelPath, Tree,
    header::{self, TRAILER},
    path::shorten,
};

const CHUNK: usize = 64 << 10;

/// Writes the bundle that a manifest calls for, file by file in the manifest's order.
pub struct Writer<'m, W> {
    out: W,
    hasher: Hasher,
    length: u64,
    rest: &'m [Entry],
    /// Whether contents are compared with their hashes.
    checks: bool,
}

/// A bundle was written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of the stream: the version's name.
    pub digest: Digest,
    /// Bytes of the stream.
    pub length: u64,
}

impl<'m, W: Write> Writer<'m, W> {
    /// Writes the manifest and gets ready for the first file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn new(out: W, manifest: &'m Manifest) -> Result<Self, Error> {
        let mut writer =
            Self { out, hasher: Hasher::new(), length: 0, rest: manifest.entries(), checks: true };
        let bytes = manifest.encode();
        let length = bytes.len() as u64;
        writer.put(&header::manifest_header(length))?;
        writer.put(&bytes)?;
        writer.put(&vec![0; header::padding(length)])?;
        Ok(writer)
    }

    /// The entry of the file that [`Writer::file`] takes next.
    pub fn next_file(&self) -> Option<&'m Entry> {
        self.rest.iter().find(|entry| matches!(entry.node, Node::File { .. }))
    }

    /// Writes the next file of the manifest, and the directories and links before it. The content
    /// must have the length and the hash that the manifest states.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Content`], [`Error::NoSuchFile`]; [`Error::Read`] and
    /// [`Error::Write`] as the system has it. After an error the stream is of no use.
    pub fn file(&mut self, content: &mut dyn Read) -> Result<(), Error> {
        let mut file = self.begin()?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match content.read(&mut chunk) {
                Ok(0) => return file.finish(),
                Ok(read) => file.put(&chunk[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Error::Read { path: shorten(file.path.as_str()), source });
                }
            }
        }
    }

    /// As [`Writer::file`], for content that is pushed in; [`FileWriter::finish`] ends it.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Write`].
    pub fn begin(&mut self) -> Result<FileWriter<'_, 'm, W>, Error> {
        while let Some((entry, rest)) = self.rest.split_first() {
            self.rest = rest;
            self.put(&header::entry_header(entry))?;
            if let Node::File { length, sha256, .. } = entry.node {
                let (path, hasher) = (&entry.path, self.checks.then(Hasher::new));
                return Ok(FileWriter { writer: self, path, length, left: length, sha256, hasher });
            }
        }
        Err(Error::NoSuchFile)
    }

    /// Writes what comes after the last file, and flushes.
    ///
    /// # Errors
    /// [`Error::Unwritten`] if files are missing; [`Error::Write`].
    pub fn finish(mut self) -> Result<Written, Error> {
        if let Some(missing) = self.next_file() {
            return Err(Error::Unwritten { path: shorten(missing.path.as_str()) });
        }
        for entry in self.rest {
            self.put(&header::entry_header(entry))?;
        }
        self.put(&[0; TRAILER])?;
        self.out.flush().map_err(|source| Error::Write { source })?;
        Ok(Written { digest: self.hasher.finish(), length: self.length })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| Error::Write { source })
    }
}

/// Takes the content of one file. Without [`FileWriter::finish`] the stream is of no use.
pub struct FileWriter<'w, 'm, W> {
    writer: &'w mut Writer<'m, W>,
    path: &'m RelPath,
    length: u64,
    left: u64,
    sha256: Digest,
    hasher: Option<Hasher>,
}

impl<W: Write> FileWriter<'_, '_, W> {
    /// Ends the file.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Content`]; [`Error::Write`].
    pub fn finish(self) -> Result<(), Error> {
        if self.left > 0 {
            return Err(self.wrong_length());
        }
        if let Some(actual) = self.hasher.map(Hasher::finish)
            && actual != self.sha256
        {
            let path = shorten(self.path.as_str());
            return Err(Error::Content { path, expected: self.sha256, actual });
        }
        self.writer.put(&vec![0; header::padding(self.length)])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| self.wrong_length())?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        self.writer.put(bytes)
    }

    fn wrong_length(&self) -> Error {
        Error::Length { path: shorten(self.path.as_str()), expected: self.length }
    }
}

/// Every error is an [`Error`] inside the `io::Error` ([`Error::from_io`]), the output's own too.
impl<W: Write> Write for FileWriter<'_, '_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the bundle of a tree.
///
/// # Errors
/// As [`Writer::file`]: a tree that changed since its manifest was made is refused.
pub fn pack(tree: &dyn Tree, out: impl Write) -> Result<Written, Error> {
    write(tree, Writer::new(out, tree.manifest())?)
}

/// The digest and length of the bundle of a tree whose manifest was made just now: contents are not
/// hashed once more by themselves. One that changed in between gives another digest.
///
/// # Errors
/// As [`pack`], without [`Error::Content`].
pub fn measure(tree: &dyn Tree) -> Result<Written, Error> {
    let mut writer = Writer::new(io::sink(), tree.manifest())?;
    writer.checks = false;
    write(tree, writer)
}

fn write(tree: &dyn Tree, mut writer: Writer<'_, impl Write>) -> Result<Written, Error> {
    while let Some(entry) = writer.next_file() {
        let path = || shorten(entry.path.as_str());
        let file = tree.open(&entry.path).map_err(|source| Error::Read { path: path(), source })?;
        writer.file(&mut Reader::new(&*file))?;
    }
    writer.finish()
}
