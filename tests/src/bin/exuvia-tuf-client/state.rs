//! What is kept between runs: metadata under plain names, and out of sight, in `.exuvia/`, the root
//! that was trusted first and the floors.

use std::path::Path;

use exuvia_core::Floors;
use exuvia_durable::Dir;

use crate::Error;

const LIMIT: u64 = 8 << 20;

/// A metadata directory.
#[derive(Debug)]
pub(crate) struct State {
    metadata: Dir,
    private: Dir,
}

impl State {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let metadata = Dir::open_or_create(path)?;
        let private = metadata.subdir_or_create(".exuvia")?;
        Ok(Self { metadata, private })
    }

    /// Trusts a root, whatever it is: the first refresh will judge it.
    pub(crate) fn init(&self, root: &[u8]) -> Result<(), Error> {
        self.private.write("root", root)?;
        Ok(self.metadata.write("root.json", root)?)
    }

    pub(crate) fn initial_root(&self) -> Result<Vec<u8>, Error> {
        Ok(self.private.read("root", LIMIT)?.ok_or("no root is trusted yet: init first")?)
    }

    /// A metadata file, if it is there and readable.
    pub(crate) fn load(&self, name: &str) -> Option<Vec<u8>> {
        self.metadata.read(name, LIMIT).ok().flatten()
    }

    pub(crate) fn save(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.metadata.write(name, bytes)?)
    }

    pub(crate) fn floors(&self) -> Result<Floors, Error> {
        let read = |name| self.private.read(name, LIMIT).ok().flatten();
        let (a, b) = (read("floors.a"), read("floors.b"));
        Ok(exuvia_plan::floors::read(a.as_deref(), b.as_deref())?.floors)
    }

    pub(crate) fn save_floors(&self, floors: &Floors) -> Result<(), Error> {
        let bytes = exuvia_plan::floors::write(floors);
        self.private.write("floors.a", &bytes)?;
        Ok(self.private.write("floors.b", &bytes)?)
    }
}
