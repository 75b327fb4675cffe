//! Pointers: a name that leads to another one, and is moved in one step. A symbolic link where anybody
//! may make one; elsewhere a small file that names the target (formats §7).

use std::io;
use std::path::{Path, PathBuf};

use crate::at::segments;
use crate::dir::Dir;
use crate::error::{Error, Step};
use crate::platform::{POINTERS, Pointers};

impl Dir {
    /// Makes `name` lead to `target`, a path beneath this directory: a reader finds the old target or
    /// the new one. Durable on return.
    ///
    /// # Errors
    /// Local: something else stands there, or the directory may not be written.
    pub fn point(&self, name: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<(), Error> {
        match POINTERS {
            Pointers::Links => self.symlink_replace(name, target),
            Pointers::Files => self.write(name, &written(target.as_ref())),
        }
    }

    /// What a pointer leads to; `None` when nothing of that name exists.
    ///
    /// # Errors
    /// Local: it is no pointer.
    pub fn pointer(&self, name: impl AsRef<Path>) -> Result<Option<PathBuf>, Error> {
        match POINTERS {
            Pointers::Links => self.read_link(name),
            Pointers::Files => self.read_pointer(name.as_ref()),
        }
    }

    /// The path by which programs reach what `name` leads to: a link is followed by the system. What is
    /// no pointer stands for itself.
    pub fn reach(&self, name: impl AsRef<Path>) -> PathBuf {
        let name = name.as_ref();
        match POINTERS {
            Pointers::Links => self.path().join(name),
            Pointers::Files => {
                let target = self.read_pointer(name).ok().flatten();
                self.path().join(target.as_deref().unwrap_or(name))
            }
        }
    }

    fn read_pointer(&self, name: &Path) -> Result<Option<PathBuf>, Error> {
        let path = self.path().join(name);
        let Some(bytes) = self.read(name, LIMIT)? else { return Ok(None) };
        let Some(target) = target_of(&bytes) else {
            return Err(Error::new(Step::Read, &path, io::ErrorKind::InvalidData.into()));
        };
        // Or it could lead out of this directory.
        segments(&path, target).map(|_| Some(target.to_owned()))
    }
}

fn written(target: &Path) -> Vec<u8> {
    let target = target.as_os_str().as_encoded_bytes();
    [HEAD.as_bytes(), target, b"\n"].concat()
}

fn target_of(bytes: &[u8]) -> Option<&Path> {
    let text = std::str::from_utf8(bytes).ok()?;
    let target = text.strip_prefix(HEAD)?.strip_suffix('\n')?;
    (!target.contains('\n')).then(|| Path::new(target))
}

/// Version 1: the next line is the target, its segments parted by `/`.
const HEAD: &str = "exuvia-pointer 1\n";
const LIMIT: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_in_a_file_is_read_back_and_nothing_else_is_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        assert_eq!(dir.read_pointer("current".as_ref()).unwrap(), None);
        for target in ["versions/1.0.0", "versions/1.1.0-beta.1"] {
            dir.write("current", &written(target.as_ref())).unwrap();
            assert_eq!(dir.read_pointer("current".as_ref()).unwrap(), Some(target.into()));
        }
        let whole = "exuvia-pointer 1\nversions/1.0.0\n";
        for other in [
            "",
            "versions/1.0.0\n",
            &whole[..whole.len() - 1],
            &whole.replace('1', "2"),
            "exuvia-pointer 1\nversions/1.0.0\nmore\n",
            "exuvia-pointer 1\n\n",
            "exuvia-pointer 1\n../elsewhere\n",
            "exuvia-pointer 1\n/elsewhere\n",
        ] {
            dir.write("current", other.as_bytes()).unwrap();
            assert!(dir.read_pointer("current".as_ref()).is_err(), "{other:?}");
        }
    }
}
