//! Bytes on their way to being a payload (formats §8).
//!
//! A [`Part`] can only be written: it takes no more bytes than were signed, hashes them as they come,
//! and what it holds cannot be read until [`Part::finish`] has made it a [`Payload`]. It outlives the
//! process; whatever a resumed one holds is hashed again from its first byte.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exuvia_core::{Checker, Digest, Mismatch, Target};
use exuvia_durable::{Dir, Lock};

use crate::error::LocalError;

/// A file that is being received.
#[derive(Debug)]
pub(crate) struct Part {
    target: Target,
    digest: Digest,
    file: File,
    path: PathBuf,
    checker: Checker,
    received: u64,
    mixed: bool,
    in_pieces: bool,
    pardoned: bool,
    origin: Option<Origin>,
    /// Held until the last write, even one that outlives a dropped future.
    lock: Arc<Lock>,
}

/// The mirror that the bytes came from and what it calls that state of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) mirror: String,
    pub(crate) validator: String,
}

/// Why bytes were not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// More bytes than were signed, or others.
    Mismatch(Mismatch),
    /// The file could not be written.
    Local(LocalError),
}

impl Part {
    /// Opens the part of `target` in `dir` and hashes what it holds already.
    pub(crate) fn open(
        dir: &Path,
        target: &Target,
        digest: Digest,
        lock: Arc<Lock>,
    ) -> Result<Part, LocalError> {
        let path = dir.join(format!("{digest}.part"));
        let fail = |e| LocalError::Io { path: path.clone(), source: Arc::new(e) };
        std::fs::create_dir_all(dir).map_err(fail)?;
        let file =
            File::options().read(true).append(true).create(true).open(&path).map_err(fail)?;
        let mut part = Part {
            target: target.clone(),
            digest,
            file,
            checker: target.checker(),
            received: 0,
            mixed: false,
            in_pieces: false,
            pardoned: false,
            origin: None,
            lock,
            path: path.clone(),
        };
        if part.rehash().map_err(fail)? {
            part.mixed = part.received > 0;
            part.origin = part.read_origin();
        } else {
            part.restart()?;
        }
        Ok(part)
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Bytes held.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether bytes that are refused may be nobody's fault: they are from more than one reply, which
    /// may not fit together. Believed once, or a mirror that breaks off and lies is asked for ever; of
    /// pieces that were not broken off only where there is no other mirror to ask.
    pub(crate) fn pardon(&mut self, is_only_mirror: bool) -> bool {
        let may_be = self.mixed || (self.in_pieces && is_only_mirror);
        may_be && !std::mem::replace(&mut self.pardoned, true)
    }

    /// Whether bytes of more than one reply did not fit together.
    pub(crate) fn was_pardoned(&self) -> bool {
        self.pardoned
    }

    /// Whether every byte is there.
    pub(crate) fn is_full(&self) -> bool {
        self.received == self.target.length()
    }

    /// The validator to resume with at `mirror`.
    pub(crate) fn validator(&self, mirror: &str) -> Option<&str> {
        self.origin.as_ref().filter(|o| o.mirror == mirror).map(|o| o.validator.as_str())
    }

    /// Notes where the next bytes come from.
    pub(crate) fn begin(
        &mut self,
        origin: Option<Origin>,
        in_pieces: bool,
    ) -> Result<(), LocalError> {
        self.mixed |= self.received > 0;
        self.in_pieces |= in_pieces;
        if origin != self.origin {
            match &origin {
                Some(o) => {
                    std::fs::write(self.origin_path(), format!("{}\n{}\n", o.validator, o.mirror))
                        .map_err(|e| self.fail(e))?
                }
                None => self.forget_origin()?,
            }
            self.origin = origin;
        }
        Ok(())
    }

    /// Takes the next bytes; none beyond the signed length ever reaches the disk.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.checker.update(bytes).map_err(Refusal::Mismatch)?;
        self.file.write_all(bytes).map_err(|e| Refusal::Local(self.fail(e)))?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what is held.
    pub(crate) fn restart(&mut self) -> Result<(), LocalError> {
        self.file.set_len(0).map_err(|e| self.fail(e))?;
        self.checker = self.target.checker();
        (self.received, self.origin) = (0, None);
        (self.mixed, self.in_pieces) = (false, false);
        self.forget_origin()
    }

    /// Takes the next bytes; a full disk gets back what is held.
    pub(crate) fn append_or_give_back(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match self.append(bytes) {
            Err(Refusal::Local(full)) if full.is_disk_full() => {
                let needed = self.target.length().saturating_sub(self.received);
                // What cannot be given back now is at the next start.
                let _ = self.restart();
                let _ = std::fs::remove_file(&self.path);
                let path = self.path.parent().unwrap_or(&self.path).to_owned();
                let free = Dir::open(&path).and_then(|dir| dir.free_space()).unwrap_or_default();
                Err(Refusal::Local(LocalError::NoSpace { path, needed, free }))
            }
            done => done,
        }
    }

    /// The payload, if the length and every hash are the signed ones. The only way to make one.
    pub(crate) fn finish(self) -> Result<Payload, Box<(Part, Refusal)>> {
        match self.checker.clone().finish() {
            Ok(_) => {
                let _ = std::fs::remove_file(self.origin_path());
                Ok(Payload {
                    path: self.path,
                    length: self.received,
                    digest: self.digest,
                    _lock: self.lock,
                })
            }
            Err(mismatch) => Err(Box::new((self, Refusal::Mismatch(mismatch)))),
        }
    }

    /// Hashes what the file holds; `false` if it cannot be the beginning of the target.
    fn rehash(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; 256 * 1024];
        let mut file = File::open(&self.path)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(true);
            }
            if self.checker.update(&buffer[..read]).is_err() {
                return Ok(false);
            }
            self.received += read as u64;
        }
    }

    fn origin_path(&self) -> PathBuf {
        self.path.with_extension("etag")
    }

    fn read_origin(&self) -> Option<Origin> {
        let text = std::fs::read_to_string(self.origin_path()).ok()?;
        let (validator, mirror) = text.strip_suffix('\n')?.split_once('\n')?;
        Some(Origin { mirror: mirror.to_owned(), validator: validator.to_owned() })
    }

    fn forget_origin(&self) -> Result<(), LocalError> {
        match std::fs::remove_file(self.origin_path()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.fail(e)),
            _ => Ok(()),
        }
    }

    fn fail(&self, e: io::Error) -> LocalError {
        LocalError::Io { path: self.path.clone(), source: Arc::new(e) }
    }
}

/// Bytes that lie in `dir`, whole or in part.
pub(crate) fn held(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

/// Removes parts of what is wanted no more.
pub(crate) fn clear(dir: &Path, wanted: &BTreeSet<Digest>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digest = name.to_str().and_then(|name| name.split('.').next()?.parse().ok());
        if !digest.is_some_and(|digest| wanted.contains(&digest)) {
            // What cannot be removed costs room in a cache, nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Removes every part, and the folders that are empty then.
pub(crate) fn sweep(dir: &Path) {
    clear(dir, &BTreeSet::new());
    // That of the parts, of the installation, of the application, of Exuvia.
    for parent in dir.ancestors().take(4) {
        let _ = std::fs::remove_dir(parent);
    }
}

/// A received file: its length and every hash are the signed ones.
#[derive(Debug)]
pub(crate) struct Payload {
    path: PathBuf,
    length: u64,
    digest: Digest,
    _lock: Arc<Lock>,
}

impl Payload {
    /// Opens it for reading.
    pub(crate) fn open(&self) -> Result<File, LocalError> {
        File::open(&self.path)
            .map_err(|e| LocalError::Io { path: self.path.clone(), source: Arc::new(e) })
    }

    /// Its bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Its signed SHA-256.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// Removes it: it has served, or will not.
    pub(crate) fn discard(self) {
        // A left-over part costs room in a cache, nothing else.
        let _ = std::fs::remove_file(&self.path);
    }
}
