//! Writing a tree, and the stream that it is.

use std::io::{self, Read, Write};
use std::mem;

use crate::{
    Digest, Entry, Error, Hasher, Manifest, Node, Reader, RelPath, Sink, Tree,
    header::{self, TRAILER},
    path::shorten,
};

const CHUNK: usize = 64 << 10;

/// Hands the tree that a manifest calls for to a [`Sink`], file by file in the manifest's order.
pub struct Writer<'m, S> {
    sink: S,
    rest: &'m [Entry],
    /// Where contents pass through, kept from file to file.
    chunk: Vec<u8>,
}

impl<'m, S: Sink> Writer<'m, S> {
    /// Begins with the manifest.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn new(mut sink: S, manifest: &'m Manifest) -> Result<Self, Error> {
        sink.begin(manifest).map_err(unwritten)?;
        Ok(Self { sink, rest: manifest.entries(), chunk: Vec::new() })
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
    /// [`Error::Write`] as the system has it. After an error what was written is of no use.
    pub fn file(&mut self, content: &mut dyn Read) -> Result<(), Error> {
        let mut chunk = mem::take(&mut self.chunk);
        chunk.resize(CHUNK, 0);
        let mut file = self.begin()?;
        loop {
            match content.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => file.put(&chunk[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Error::Read { path: shorten(file.path.as_str()), source });
                }
            }
        }
        file.finish()?;
        self.chunk = chunk;
        Ok(())
    }

    /// As [`Writer::file`], for content that is pushed in; [`FileWriter::finish`] ends it.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`], [`Error::Write`].
    pub fn begin(&mut self) -> Result<FileWriter<'_, 'm, S>, Error> {
        while let Some((Entry { path, node }, rest)) = self.rest.split_first() {
            self.rest = rest;
            if let Node::File { executable, length, sha256 } = *node {
                self.sink.file(path, executable, length).map_err(unwritten)?;
                let (left, hasher) = (length, Hasher::new());
                return Ok(FileWriter { sink: &mut self.sink, path, length, left, sha256, hasher });
            }
            self.other(path, node)?;
        }
        Err(Error::NoSuchFile)
    }

    /// Writes what comes after the last file, and hands the sink back.
    ///
    /// # Errors
    /// [`Error::Unwritten`] if files are missing; [`Error::Write`].
    pub fn finish(mut self) -> Result<S, Error> {
        if let Some(missing) = self.next_file() {
            return Err(Error::Unwritten { path: shorten(missing.path.as_str()) });
        }
        for Entry { path, node } in self.rest {
            self.other(path, node)?;
        }
        Ok(self.sink)
    }

    fn other(&mut self, path: &RelPath, node: &Node) -> Result<(), Error> {
        match node {
            Node::Link { target } => self.sink.link(path, target),
            _ => self.sink.dir(path),
        }
        .map_err(unwritten)
    }
}

/// Takes the content of one file. Without [`FileWriter::finish`] what was written is of no use.
pub struct FileWriter<'w, 'm, S> {
    sink: &'w mut S,
    path: &'m RelPath,
    length: u64,
    left: u64,
    sha256: Digest,
    hasher: Hasher,
}

impl<S: Sink> FileWriter<'_, '_, S> {
    /// Ends the file.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Content`]; [`Error::Write`].
    pub fn finish(self) -> Result<(), Error> {
        if self.left > 0 {
            return Err(self.wrong_length());
        }
        let actual = self.hasher.finish();
        if actual != self.sha256 {
            let path = shorten(self.path.as_str());
            return Err(Error::Content { path, expected: self.sha256, actual });
        }
        self.sink.end_file().map_err(unwritten)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| self.wrong_length())?;
        self.hasher.update(bytes);
        self.sink.data(bytes).map_err(unwritten)
    }

    fn wrong_length(&self) -> Error {
        Error::Length { path: shorten(self.path.as_str()), expected: self.length }
    }
}

/// Every error is an [`Error`] inside the `io::Error` ([`Error::from_io`]), the output's own too.
impl<S: Sink> Write for FileWriter<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unwritten(source: io::Error) -> Error {
    Error::Write { source }
}

/// The stream of a bundle, as a [`Sink`]: what a [`Writer`] hands it comes out as bytes.
pub struct Stream<W> {
    out: W,
    /// Bytes after the content of the file at hand.
    padding: usize,
}

impl<W: Write> Stream<W> {
    /// Begins with nothing.
    pub fn new(out: W) -> Self {
        Self { out, padding: 0 }
    }

    /// Writes the end of the bundle, flushes, and hands the output back.
    ///
    /// # Errors
    /// The output's own.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; TRAILER])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(&mut self, path: &RelPath, node: Node) -> io::Result<()> {
        self.out.write_all(&header::entry_header(&Entry { path: path.clone(), node }))
    }
}

impl<W: Write> Sink for Stream<W> {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        let bytes = manifest.encode();
        let length = bytes.len() as u64;
        self.out.write_all(&header::manifest_header(length))?;
        self.out.write_all(&bytes)?;
        self.out.write_all(&vec![0; header::padding(length)])
    }

    fn dir(&mut self, path: &RelPath) -> io::Result<()> {
        self.entry(path, Node::Dir)
    }

    fn file(&mut self, path: &RelPath, executable: bool, length: u64) -> io::Result<()> {
        self.padding = header::padding(length);
        // A header has no hash.
        let sha256 = Digest::from_bytes([0; 32]);
        self.entry(path, Node::File { executable, length, sha256 })
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.out.write_all(&[0; header::BLOCK][..self.padding])
    }

    fn link(&mut self, path: &RelPath, target: &str) -> io::Result<()> {
        self.entry(path, Node::Link { target: target.to_owned() })
    }
}

/// A bundle was written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of the stream: the version's name.
    pub digest: Digest,
    /// Bytes of the stream.
    pub length: u64,
}

/// Writes the bundle of a tree.
///
/// # Errors
/// As [`Writer::file`]: a tree that changed since its manifest was made is refused.
pub fn pack(tree: &dyn Tree, out: impl Write) -> Result<Written, Error> {
    let out = Hashing { out, hasher: Hasher::new(), length: 0 };
    let mut writer = Writer::new(Stream::new(out), tree.manifest())?;
    while let Some(entry) = writer.next_file() {
        let path = || shorten(entry.path.as_str());
        let file = tree.open(&entry.path).map_err(|source| Error::Read { path: path(), source })?;
        writer.file(&mut Reader::new(&*file))?;
    }
    let out = writer.finish()?.finish().map_err(unwritten)?;
    Ok(Written { digest: out.hasher.finish(), length: out.length })
}

/// Hashes and counts what goes through.
struct Hashing<W> {
    out: W,
    hasher: Hasher,
    length: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
