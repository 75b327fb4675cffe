//! Publishing: payloads, then metadata, the timestamp last; every file whole or not there.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use exuvia_core::Time;
use exuvia_durable::Dir;
use exuvia_repo::{Payload, Repository};
use serde::Serialize;

use crate::folder::{Folder, holds, make_parents, read_metadata};
use crate::packing::Measured;
use crate::watch::{Task, Watch};
use crate::{Error, Publisher};

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PublishReport {
    /// Payloads that were copied.
    pub payloads: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Metadata files that were written.
    pub metadata: u64,
    /// Files that were there already.
    pub unchanged: u64,
}

impl PublishReport {
    /// Whether the destination had everything already.
    pub fn is_unchanged(&self) -> bool {
        self.payloads == 0 && self.metadata == 0
    }
}

impl Publisher {
    /// [`Folder::publish`] at this publisher's time.
    ///
    /// # Errors
    /// As [`Folder::publish`].
    pub fn publish(
        &self,
        destination: impl AsRef<Path>,
        watch: &dyn Watch,
    ) -> Result<PublishReport, Error> {
        self.folder.publish(destination.as_ref(), self.now(), watch)
    }
}

impl Folder {
    /// Copies what clients need into a folder that a host serves. Reads everything as a client
    /// before the first byte is written. Interrupted, it goes on where it was; clients see the old
    /// state until the last file, the timestamp, is replaced.
    ///
    /// # Errors
    /// Nothing is released; a client would refuse what is here; the destination holds another
    /// repository or a newer state; local failures.
    pub fn publish(
        &self,
        destination: &Path,
        now: Time,
        watch: &dyn Watch,
    ) -> Result<PublishReport, Error> {
        let _lock = self.lock()?;
        let listing = self.verify(now)?;
        if listing.targets.is_empty() {
            return Err(Error::NothingReleased);
        }
        let repository = self.repository()?;
        let to = Dir::open_or_create(destination)?;
        let there = self.check_destination(&to, &repository, now)?;
        sweep(&to, listing.targets.iter().map(|target| target.remote_path()))?;

        let mut report = PublishReport::default();
        let total = listing.targets.iter().map(|target| target.length()).sum();
        let mut done = 0;
        for target in &listing.targets {
            let remote = target.remote_path();
            let sha256 = target.sha256();
            let sha256 =
                sha256.ok_or_else(|| Error::Payload { path: self.path().join(&remote) })?;
            let payload = Payload { length: target.length(), sha256 };
            if holds(&to, &remote, payload)? {
                report.unchanged += 1;
            } else {
                copy(&self.dir, &to, &remote, payload)?;
                report.payloads += 1;
                report.bytes += payload.length;
            }
            done += payload.length;
            watch.progress(Task::Copy, done, total);
        }
        watch.end(Task::Copy);
        for path in repository.publication(there.as_ref(), now) {
            match write_metadata(&to, &path, &repository)? {
                true => report.metadata += 1,
                false => report.unchanged += 1,
            }
        }
        Ok(report)
    }

    /// Clients of what stands at the destination must be able to go on with what comes.
    fn check_destination(
        &self,
        to: &Dir,
        repository: &Repository,
        now: Time,
    ) -> Result<Option<Repository>, Error> {
        let path = to.path().to_owned();
        let real = |path: &Path| path.canonicalize().map_err(Error::io(path));
        if real(&path)?.starts_with(real(self.path())?) {
            return Err(Error::DestinationIsPrivate { path });
        }
        let files = read_metadata(to)?;
        let there = Repository::parse(self.settings.app.clone(), self.settings.expiry_days, files);
        // Nothing there yet, or the rest of a copy that never got as far as its timestamp.
        let Ok(there) = there else { return Ok(None) };
        if there.first_root()? != repository.first_root()? {
            return Err(Error::OtherRepository { path });
        }
        exuvia_repo::verify_step(&there, repository, now)
            .map_err(|source| Error::DestinationNewer { path, source: Box::new(source) })?;
        Ok(Some(there))
    }
}

/// Removes the half-written files of a copy that was killed. None is being written now: whoever
/// publishes this repository holds its lock.
fn sweep(to: &Dir, payloads: impl Iterator<Item = String>) -> Result<(), Error> {
    let mut folders = BTreeSet::from(["metadata".to_owned()]);
    folders.extend(payloads.filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned())));
    for folder in folders {
        if to.metadata(&folder)?.is_some() {
            to.subdir(&folder)?.sweep()?;
        }
    }
    Ok(())
}

/// Copies a payload: under its own name it is whole or not there. It is judged once more on its
/// way, since it may have changed after it was verified.
pub(crate) fn copy(from: &Dir, to: &Dir, path: &str, payload: Payload) -> Result<(), Error> {
    copy_as(from, path, to, path, payload)
}

/// As [`copy`], to another path.
pub(crate) fn copy_as(
    from: &Dir,
    path: &str,
    to: &Dir,
    new: &str,
    payload: Payload,
) -> Result<(), Error> {
    make_parents(to, new)?;
    let mut source = from.open_file(path)?;
    let mut copied = Measured::new(to.replace(new, false)?);
    io::copy(&mut source, &mut copied).map_err(Error::io(&to.path().join(new)))?;
    match copied.finish() {
        (replacement, measured) if measured == payload => Ok(replacement.commit()?),
        _ => Err(Error::Payload { path: from.path().join(path) }),
    }
}

pub(crate) fn write_metadata(to: &Dir, path: &str, repository: &Repository) -> Result<bool, Error> {
    let Some(bytes) = repository.files().get(path) else { return Ok(false) };
    let there = match to.metadata(path)? {
        Some(_) => to.read(path, bytes.len() as u64 + 1).ok().flatten(),
        None => None,
    };
    if there.as_ref() == Some(bytes) {
        return Ok(false);
    }
    make_parents(to, path)?;
    to.write(path, bytes)?;
    Ok(true)
}
