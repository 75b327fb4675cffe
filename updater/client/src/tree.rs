//! An installed version as a tree, the base that a delta is applied to.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use exuvia_bundle::{Digest, Hasher, Manifest, Node, ReadAt, Reader, RelPath, Tree};
use exuvia_durable::Dir;
use exuvia_helper::Install;

use crate::cancel::Watch;
use crate::error::{Error, LocalError};

/// The files of the installed release, by its manifest; other files beside them are not part of it.
#[derive(Debug)]
pub(crate) struct InstalledTree {
    root: Dir,
    /// The tree, relative to the root; the file itself for a single executable.
    base: PathBuf,
    single: bool,
    manifest: Manifest,
}

impl InstalledTree {
    /// The tree of the installed release, `None` if its manifest is lost: then only a full bundle
    /// can be installed.
    ///
    /// # Errors
    /// [`Error::Local`] when the installation cannot be read.
    pub(crate) fn open(install: &Install) -> Result<Option<InstalledTree>, Error> {
        let (layout, phase) = (install.layout(), install.status()?.phase);
        let release = phase.installed();
        let Some(manifest) = install.manifest(release.digest)? else { return Ok(None) };
        let (base, single) = (layout.tree(release, &phase), layout.is_single_file());
        let root = Dir::open(install.root_path())
            .map_err(|error| LocalError::from(exuvia_helper::Error::from(error)))?;
        Ok(Some(InstalledTree { root, base, single, manifest }))
    }

    /// A file that is not as it was installed, if there is one. Lengths are looked at first, which
    /// takes no time; then every file is read.
    ///
    /// # Errors
    /// [`LocalError::Cancelled`] when the run has ended.
    pub(crate) fn altered(&self, watch: &Watch) -> Result<Option<&RelPath>, LocalError> {
        let files = || {
            self.manifest.entries().iter().filter_map(|entry| match entry.node {
                Node::File { length, sha256, .. } => Some((&entry.path, length, sha256)),
                Node::Dir | Node::Link { .. } => None,
            })
        };
        let as_long = |path, length| self.open(path).is_ok_and(|file| file.len() == length);
        if let Some((path, ..)) = files().find(|(path, length, _)| !as_long(path, *length)) {
            return Ok(Some(path));
        }
        for (path, _, sha256) in files() {
            watch.check().map_err(|_| LocalError::Cancelled)?;
            if !self.hash(path).is_ok_and(|actual| actual == sha256) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn hash(&self, path: &RelPath) -> io::Result<Digest> {
        let file = self.open(path)?;
        let (mut reader, mut hasher) = (Reader::new(&*file), Hasher::new());
        let mut chunk = vec![0; 128 * 1024];
        loop {
            match reader.read(&mut chunk)? {
                0 => return Ok(hasher.finish()),
                read => hasher.update(&chunk[..read]),
            }
        }
    }
}

impl Tree for InstalledTree {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>> {
        let name = if self.single { self.base.clone() } else { self.base.join(path.as_str()) };
        let file = self.root.open_file(name).map_err(|error| error.source)?;
        let length = file.metadata()?.len();
        Ok(Box::new(Opened { file, length }))
    }
}

struct Opened {
    file: File,
    length: u64,
}

impl ReadAt for Opened {
    fn len(&self) -> u64 {
        self.length
    }

    /// Each reader holds an open file of its own, so moving its position disturbs nobody.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read(buf)
    }
}
