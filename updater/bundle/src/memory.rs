//! A tree in memory, for tests and small things.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use crate::{Digest, Entry, Error, Manifest, Node, ReadAt, RelPath, Sink, Tree};

/// A tree in memory: made of [`Item`]s, or filled by an [`Unpacker`](crate::Unpacker) as its sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTree {
    manifest: Manifest,
    files: BTreeMap<RelPath, Vec<u8>>,
    filling: Option<(RelPath, Vec<u8>)>,
}

/// What stands at a path of a [`MemoryTree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A directory.
    Dir,
    /// A file.
    File {
        /// Whether it may be started.
        executable: bool,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// A symbolic link.
    Link {
        /// As stored in the link.
        target: String,
    },
}

impl MemoryTree {
    /// A tree of these items. Directories above them are added.
    ///
    /// # Errors
    /// The first rule of §4 that is broken.
    pub fn new<'a>(items: impl IntoIterator<Item = (&'a str, Item)>) -> Result<Self, Error> {
        let (mut entries, mut files) = (Vec::new(), BTreeMap::new());
        let (mut dirs, mut parents) = (BTreeSet::new(), BTreeSet::new());
        for (path, item) in items {
            let path = RelPath::new(path)?;
            for (end, _) in path.as_str().match_indices('/') {
                parents.insert(RelPath::new(&path.as_str()[..end])?);
            }
            let node = match item {
                Item::Dir => {
                    dirs.insert(path.clone());
                    Node::Dir
                }
                Item::File { executable, bytes } => {
                    let (length, sha256) = (bytes.len() as u64, Digest::of(&bytes));
                    files.insert(path.clone(), bytes);
                    Node::File { executable, length, sha256 }
                }
                Item::Link { target } => Node::Link { target },
            };
            entries.push(Entry { path, node });
        }
        let missing = parents.difference(&dirs).cloned();
        entries.extend(missing.map(|path| Entry { path, node: Node::Dir }));
        Ok(Self { manifest: Manifest::new(entries)?, files, filling: None })
    }

    /// The content of the file at `path`.
    pub fn bytes(&self, path: &RelPath) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }
}

impl Tree for MemoryTree {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>> {
        let bytes = self.bytes(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes))
    }
}

impl Sink for MemoryTree {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        *self = Self { manifest: manifest.clone(), ..Self::default() };
        Ok(())
    }

    fn dir(&mut self, _: &RelPath) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, path: &RelPath, _executable: bool, _length: u64) -> io::Result<()> {
        self.filling = Some((path.clone(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((_, content)) = &mut self.filling {
            content.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.files.extend(self.filling.take());
        Ok(())
    }

    fn link(&mut self, _: &RelPath, _target: &str) -> io::Result<()> {
        Ok(())
    }
}
