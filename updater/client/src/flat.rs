//! A version in the middle of a chain of deltas: never installed, only read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use exuvia_bundle::{Manifest, Node, ReadAt, RelPath, Sink, Tree};

/// The contents of the version's files one after the other in one scratch file, so that no path of a
/// version that is never installed reaches the file system.
pub(crate) struct FlatTree {
    manifest: Manifest,
    file: File,
    path: PathBuf,
    end: u64,
    /// Where each file begins, in the manifest's order of files.
    starts: Vec<(RelPath, u64)>,
}

impl FlatTree {
    /// Begins an empty tree in a new scratch file at `path`.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        let manifest = Manifest::default();
        Ok(FlatTree { manifest, file, path: path.to_owned(), end: 0, starts: Vec::new() })
    }
}

impl Drop for FlatTree {
    fn drop(&mut self) {
        // Scratch: what is left behind is truncated by the next one.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Sink for FlatTree {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        self.manifest = manifest.clone();
        Ok(())
    }

    fn dir(&mut self, _: &RelPath) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, path: &RelPath, _executable: bool, _length: u64) -> io::Result<()> {
        self.starts.push((path.clone(), self.end));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.end += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn end_file(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn link(&mut self, _: &RelPath, _target: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Tree for FlatTree {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>> {
        // Entries, and so the starts, are sorted by path.
        let found = self.starts.binary_search_by(|(known, _)| known.cmp(path));
        match (found, self.manifest.get(path)) {
            (Ok(at), Some(Node::File { length, .. })) => {
                let (file, start) = (&self.file, self.starts[at].1);
                Ok(Box::new(Section { file, start, length: *length }))
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Part of a file. Every read seeks first, so that sections may share a handle.
struct Section<'a> {
    file: &'a File,
    start: u64,
    length: u64,
}

impl ReadAt for Section<'_> {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file;
        let left = self.length.saturating_sub(offset);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        file.seek(SeekFrom::Start(self.start.saturating_add(offset)))?;
        file.read(&mut buf[..wanted])
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use exuvia_bundle::{Item, Limits, MemoryTree, Reader, Unpacker, pack};

    use super::*;

    fn tree() -> MemoryTree {
        let file = |bytes: &[u8]| Item::File { executable: false, bytes: bytes.to_vec() };
        MemoryTree::new([("a", file(b"first")), ("b/c", file(b"")), ("b.d", file(b"second"))])
            .unwrap()
    }

    fn contents(tree: &dyn Tree, path: &str) -> Vec<u8> {
        let file = tree.open(&RelPath::new(path).unwrap()).unwrap();
        let mut bytes = Vec::new();
        Reader::new(&*file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_flat_tree_gives_back_each_file_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scratch");
        let mut stream = Vec::new();
        pack(&tree(), &mut stream).unwrap();
        let mut unpacker = Unpacker::new(FlatTree::create(&path).unwrap(), Limits::default());
        unpacker.write_all(&stream).unwrap();
        let flat = unpacker.finish().unwrap().into_sink();
        assert_eq!(flat.manifest(), tree().manifest());
        for (name, bytes) in [("a", &b"first"[..]), ("b/c", b""), ("b.d", b"second")] {
            assert_eq!(contents(&flat, name), bytes, "{name}");
        }
        drop(flat);
        assert!(!path.exists());
    }
}
