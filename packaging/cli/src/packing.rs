//! Bundles to and from files.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use exuvia_bundle::{Bundle, Hasher, Limits, Sink, Tree, Unpacker, Written, pack};
use exuvia_core::Digest;
use exuvia_durable::Dir;
use exuvia_repo::Payload;

use crate::Error;
use crate::watch::{Task, Watch};

/// Writes the compressed bundle of a tree as a new, flushed file.
pub(crate) fn compress(
    tree: &dyn Tree,
    dir: &Dir,
    name: &str,
    level: i32,
    watch: &dyn Watch,
) -> Result<(Written, Payload), Error> {
    let path = dir.path().join(name);
    let file = Measured::new(BufWriter::new(dir.create_file(name, false)?));
    let (written, file) = compress_into(tree, file, &path, level, watch)?;
    let (buffered, payload) = file.finish();
    let file = buffered.into_inner().map_err(|error| Error::io(&path)(error.into_error()))?;
    file.finish()?;
    Ok((written, payload))
}

/// Writes the compressed bundle of a tree; `path` is for messages.
pub(crate) fn compress_into<W: Write>(
    tree: &dyn Tree,
    out: W,
    path: &Path,
    level: i32,
    watch: &dyn Watch,
) -> Result<(Written, W), Error> {
    let total = tree.manifest().bundle_length();
    let mut encoder = zstd::Encoder::new(out, level).map_err(Error::io(path))?;
    if level > WINDOW_FITS {
        encoder.window_log(WINDOW_LOG).map_err(Error::io(path))?;
    }
    encoder.set_pledged_src_size(Some(total)).map_err(Error::io(path))?;
    encoder.include_checksum(true).map_err(Error::io(path))?;
    let mut counted = Counted { inner: encoder, done: 0, total, watch };
    let written = pack(tree, &mut counted).map_err(|source| Error::bundle(path, source));
    watch.end(Task::Compress);
    let out = counted.inner.finish().map_err(Error::io(path))?;
    Ok((written?, out))
}

/// The largest window that updaters allocate: 32 MiB (formats §4).
const WINDOW_LOG: u32 = 25;
/// Levels up to this one choose a window of at most 8 MiB by themselves.
const WINDOW_FITS: i32 = 19;

/// The digest and length that the bundle of a tree has, without writing it.
pub(crate) fn measure(tree: &dyn Tree, path: &Path) -> Result<Written, Error> {
    pack(tree, io::sink()).map_err(|source| Error::bundle(path, source))
}

/// Unpacks a bundle, compressed or not, as its first bytes tell.
pub(crate) fn unpack<S: Sink>(
    path: &Path,
    mut source: impl Read,
    sink: S,
) -> Result<Bundle<S>, Error> {
    let mut head = Vec::new();
    source.by_ref().take(4).read_to_end(&mut head).map_err(Error::io(path))?;
    let compressed = head == ZSTD_MAGIC;
    let mut stream = io::Cursor::new(head).chain(source);
    let mut unpacker = Unpacker::new(sink, Limits::default());
    let copied = if compressed {
        let mut decoder = zstd::Decoder::new(stream).map_err(Error::io(path))?;
        decoder.window_log_max(WINDOW_LOG).map_err(Error::io(path))?;
        io::copy(&mut decoder, &mut unpacker)
    } else {
        io::copy(&mut stream, &mut unpacker)
    };
    copied.map_err(|error| match exuvia_bundle::Error::from_io(error) {
        Ok(refused) => Error::bundle(path, refused),
        Err(source) => Error::Io { path: path.to_owned(), source },
    })?;
    unpacker.finish().map_err(|source| Error::bundle(path, source))
}

/// Measures what is written through it: length and digest.
pub(crate) struct Measured<W> {
    inner: W,
    hasher: Hasher,
    length: u64,
}

impl<W: Write> Measured<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new(), length: 0 }
    }

    pub(crate) fn finish(self) -> (W, Payload) {
        let sha256 = Digest::from_bytes(*self.hasher.finish().as_bytes());
        (self.inner, Payload { length: self.length, sha256 })
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Tells a watcher how much went through.
struct Counted<'a, W> {
    inner: W,
    done: u64,
    total: u64,
    watch: &'a dyn Watch,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.done += written as u64;
        self.watch.progress(Task::Compress, self.done, self.total);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[cfg(test)]
mod tests {
    use exuvia_bundle::{Item, MemoryTree};

    use super::*;

    #[test]
    fn no_level_asks_for_a_larger_window_than_updaters_allocate() {
        let bytes = vec![0; 40 << 20];
        let tree = MemoryTree::new([("a", Item::File { executable: true, bytes })]).unwrap();
        for level in [1, 22] {
            let (path, watch) = (Path::new("a"), crate::watch::Unwatched);
            let (_, packed) = compress_into(&tree, Vec::new(), path, level, &watch).unwrap();
            let mut decoder = zstd::Decoder::new(&packed[..]).unwrap();
            decoder.window_log_max(WINDOW_LOG).unwrap();
            io::copy(&mut decoder, &mut io::sink()).unwrap();
        }
    }
}
