//! Trees on this machine's disk: what is released, and what a delta starts from.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use exuvia_bundle::{Digest, Entry, Hasher, Manifest, Node, ReadAt, RelPath, Sink, Tree};
use exuvia_durable::{FileWriter, Staging};

use crate::platform;
use crate::{Error, keyfile};

/// A folder, or a single file as a tree of one.
#[derive(Debug)]
pub(crate) struct DiskTree {
    root: Root,
    manifest: Manifest,
}

#[derive(Debug)]
enum Root {
    Folder(PathBuf),
    /// The one file, whatever its name in the manifest.
    File(PathBuf),
}

impl DiskTree {
    /// Reads a folder: every file is hashed once.
    pub(crate) fn scan(folder: &Path) -> Result<Self, Error> {
        let mut entries = Vec::new();
        scan_folder(folder, "", &mut entries)?;
        let manifest = Manifest::new(entries).map_err(|source| Error::bundle(folder, source))?;
        Ok(Self { root: Root::Folder(folder.to_owned()), manifest })
    }

    /// A single file, under a name of the caller's choice.
    pub(crate) fn single(file: &Path, name: &str, executable: bool) -> Result<Self, Error> {
        let metadata = fs::metadata(file).map_err(Error::io(file))?;
        refuse_special(file, &metadata)?;
        let path = rel_path(file, name)?;
        let node = file_node(file, metadata.len(), executable)?;
        let manifest = Manifest::new(vec![Entry { path, node }])
            .map_err(|source| Error::bundle(file, source))?;
        Ok(Self { root: Root::File(file.to_owned()), manifest })
    }

    /// A single file with the mode that it has.
    pub(crate) fn single_as_is(file: &Path, name: &str) -> Result<Self, Error> {
        let metadata = fs::metadata(file).map_err(Error::io(file))?;
        Self::single(file, name, platform::mode(&metadata).executable)
    }

    /// A folder that was unpacked from a bundle with this manifest.
    pub(crate) fn unpacked(folder: PathBuf, manifest: Manifest) -> Self {
        Self { root: Root::Folder(folder), manifest }
    }

    /// The same tree with a file marked as executable, whatever its mode on this disk.
    pub(crate) fn with_executable(mut self, main: &RelPath) -> Result<Self, Error> {
        let mark = |entry: &Entry| match entry.node.clone() {
            Node::File { length, sha256, .. } if entry.path == *main => {
                let node = Node::File { executable: true, length, sha256 };
                Entry { path: entry.path.clone(), node }
            }
            node => Entry { path: entry.path.clone(), node },
        };
        let entries = self.manifest.entries().iter().map(mark).collect();
        self.manifest =
            Manifest::new(entries).map_err(|source| Error::bundle(self.path(), source))?;
        Ok(self)
    }

    fn path(&self) -> &Path {
        match &self.root {
            Root::Folder(path) | Root::File(path) => path,
        }
    }
}

impl Tree for DiskTree {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>> {
        let file = match &self.root {
            Root::Folder(folder) => File::open(folder.join(path.as_str()))?,
            Root::File(file) => File::open(file)?,
        };
        let length = file.metadata()?.len();
        Ok(Box::new(DiskFile { file, length }))
    }
}

struct DiskFile {
    file: File,
    length: u64,
}

impl ReadAt for DiskFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        platform::read_at(&self.file, offset, buf)
    }
}

/// Unpacks into a new folder.
pub(crate) struct FolderSink {
    staging: Staging,
    file: Option<FileWriter>,
}

impl FolderSink {
    pub(crate) fn new(staging: Staging) -> Self {
        Self { staging, file: None }
    }

    /// The folder, for who wants it flushed.
    pub(crate) fn into_staging(self) -> Staging {
        self.staging
    }
}

impl Sink for FolderSink {
    fn begin(&mut self, _: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn dir(&mut self, path: &RelPath) -> io::Result<()> {
        self.staging.dir(path.as_str()).map_err(io::Error::other)
    }

    fn file(&mut self, path: &RelPath, executable: bool, _: u64) -> io::Result<()> {
        let file = self.staging.file(path.as_str(), executable).map_err(io::Error::other)?;
        self.file = Some(file);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn end_file(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(file) => self.staging.end(file).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    fn link(&mut self, path: &RelPath, target: &str) -> io::Result<()> {
        self.staging.link(path.as_str(), target).map_err(io::Error::other)
    }
}

/// Writes the one file of a bundle of one file.
pub(crate) struct FileSink<W>(pub(crate) W);

impl<W: io::Write> Sink for FileSink<W> {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        match manifest.entries() {
            [Entry { node: Node::File { .. }, .. }] => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it gives a folder, not a file")),
        }
    }

    fn dir(&mut self, _: &RelPath) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &RelPath, _: bool, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn end_file(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn link(&mut self, _: &RelPath, _: &str) -> io::Result<()> {
        Ok(())
    }
}

fn scan_folder(folder: &Path, prefix: &str, entries: &mut Vec<Entry>) -> Result<(), Error> {
    for item in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = item.map_err(Error::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::NameNotText { path: path.clone() })?;
        let inside = format!("{prefix}{name}");
        let metadata = fs::symlink_metadata(&path).map_err(Error::io(&path))?;
        let kind = metadata.file_type();
        let node = if kind.is_dir() {
            scan_folder(&path, &format!("{inside}/"), entries)?;
            Node::Dir
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(Error::io(&path))?;
            let target =
                target.to_str().ok_or_else(|| Error::NameNotText { path: path.clone() })?;
            Node::Link { target: target.to_owned() }
        } else if kind.is_file() {
            scanned_file(&path, &metadata)?
        } else {
            return Err(Error::NoPlainFile { path });
        };
        entries.push(Entry { path: rel_path(&path, &inside)?, node });
    }
    Ok(())
}

/// A file of a folder. A publisher's key that slipped into it would be given to the world.
fn scanned_file(path: &Path, metadata: &fs::Metadata) -> Result<Node, Error> {
    const LARGEST_KEY_FILE: u64 = 4096;
    refuse_special(path, metadata)?;
    let executable = platform::mode(metadata).executable;
    if metadata.len() > LARGEST_KEY_FILE {
        return file_node(path, metadata.len(), executable);
    }
    let bytes = fs::read(path).map_err(Error::io(path))?;
    if keyfile::public(&bytes).is_ok() {
        return Err(Error::KeyInside { path: path.to_owned() });
    }
    Ok(Node::File { executable, length: bytes.len() as u64, sha256: Digest::of(&bytes) })
}

/// A file of about `expected` bytes: most are small, and a large buffer for each of thousands costs
/// more than reading them.
fn file_node(path: &Path, expected: u64, executable: bool) -> Result<Node, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let (mut hasher, mut length) = (Hasher::new(), 0);
    let mut buffer = vec![0; expected.clamp(1, 256 << 10) as usize];
    loop {
        match file.read(&mut buffer).map_err(Error::io(path))? {
            0 => return Ok(Node::File { executable, length, sha256: hasher.finish() }),
            read => {
                hasher.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}

fn refuse_special(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    match platform::special(path, metadata).map_err(Error::io(path))? {
        Some(special) => Err(Error::Special { path: path.to_owned(), special }),
        None => Ok(()),
    }
}

fn rel_path(on_disk: &Path, inside: &str) -> Result<RelPath, Error> {
    RelPath::new(inside).map_err(|source| Error::Name { path: on_disk.to_owned(), source })
}
