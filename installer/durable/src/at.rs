//! Names below a directory, walked without following links.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::dir::Dir;
use crate::error::{Error, Step};
use crate::platform;

/// The directory that holds a name, and the name's last segment.
pub(crate) struct At<'a> {
    base: &'a Dir,
    parent: Option<Dir>,
    pub(crate) name: &'a OsStr,
}

impl<'a> At<'a> {
    /// Walks all segments but the last.
    pub(crate) fn find(base: &'a Dir, name: &'a Path) -> Result<At<'a>, Error> {
        Self::find_near(base, name, None)
    }

    /// As [`At::find`]; need not walk if the directory is `near`, which was found below `base`.
    pub(crate) fn find_near(
        base: &'a Dir,
        name: &'a Path,
        near: Option<Dir>,
    ) -> Result<At<'a>, Error> {
        let path = base.path().join(name);
        let mut segments = segments(&path, name)?;
        let last = segments.pop();
        let name = last.ok_or_else(|| Error::new(Step::Open, &path, invalid()))?;
        let parent: PathBuf = segments.iter().collect();
        let parent = match near {
            _ if segments.is_empty() => None,
            Some(near) if near.path() == base.path().join(&parent) => Some(near),
            _ => Some(base.subdir(parent)?),
        };
        Ok(At { base, parent, name })
    }

    pub(crate) fn dir(&self) -> &Dir {
        self.parent.as_ref().unwrap_or(self.base)
    }

    pub(crate) fn name(&self) -> &'a OsStr {
        self.name
    }

    /// The directory, unless it is where the walk began.
    pub(crate) fn into_parent(self) -> Option<Dir> {
        self.parent
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir().path().join(self.name)
    }
}

/// The segments of a relative name: at least one, all plain.
pub(crate) fn segments<'a>(path: &Path, name: &'a Path) -> Result<Vec<&'a OsStr>, Error> {
    let segments: Option<Vec<&OsStr>> = name
        .components()
        .map(|component| match component {
            Component::Normal(segment) if platform::is_name(segment) => Some(segment),
            _ => None,
        })
        .collect();
    match segments {
        Some(segments) if !segments.is_empty() => Ok(segments),
        _ => Err(Error::new(Step::Open, path, invalid())),
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidInput.into()
}
