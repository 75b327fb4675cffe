//! The repository as a client sees it: `exuvia-core`'s own refresh, over files in memory.

use std::collections::BTreeMap;

use exuvia_core::{
    Answer, Channel, Floors, Limits, Machine, Platform, Refresh, Releases, Start, Target, Time,
    Trusted, Want,
};

use crate::repository::{TIMESTAMP, path};
use crate::{Error, ROLLOUT, Repository};

/// What a client that trusts a root finds in a repository.
#[derive(Debug)]
pub struct Listing {
    /// Version of the root it ends with.
    pub root_version: u64,
    /// When the timestamp ends: after that, clients stop.
    pub timestamp_expires: Time,
    /// Everything that is listed, with length and digest.
    pub targets: Vec<Target>,
}

/// Reads a repository as a client that trusts `root` and knows nothing else, and follows the
/// delegation to every channel and platform.
///
/// # Errors
/// [`Error::Refused`] when a client would refuse the metadata, [`Error::Ignored`] when it would
/// pass over something that is listed.
pub fn verify(repository: &Repository, root: &[u8], now: Time) -> Result<Listing, Error> {
    let mut client = Client { repository, store: BTreeMap::new() };
    let mut trusted = client.refresh(root, None, now)?;
    let (root_version, timestamp_expires) = (trusted.root_version(), trusted.timestamp_expires());
    let mut targets = Vec::new();
    for (channel, platform) in repository.platforms() {
        let (next, found) = client.list(trusted, &channel, &platform)?;
        trusted = next;
        targets.extend(found);
    }
    if repository.has_rollout() {
        let (_, found) = client.search(trusted, ROLLOUT)?;
        targets.extend(found);
    }
    Ok(Listing { root_version, timestamp_expires, targets })
}

/// Reads a repository as a client that holds all of its state `before`: nothing may go down.
///
/// # Errors
/// As [`verify`].
pub fn verify_step(before: &Repository, after: &Repository, now: Time) -> Result<(), Error> {
    let mut client = Client { repository: after, store: before.as_store() };
    let stored = before.newest_root()?;
    let mut trusted = client.refresh(before.first_root()?, Some(stored), now)?;
    for (channel, platform) in after.platforms() {
        (trusted, _) = client.list(trusted, &channel, &platform)?;
    }
    Ok(())
}

/// Judges a change before it is handed out: as a client that comes fresh from the first root, and
/// as one that holds the state before.
pub(crate) fn accepts(before: &Repository, after: &Repository, now: Time) -> Result<(), Error> {
    verify(after, after.first_root()?, now)?;
    if before.files.contains_key(TIMESTAMP) {
        verify_step(before, after, now)?;
    }
    Ok(())
}

/// A client whose metadata store and network are maps.
struct Client<'a> {
    repository: &'a Repository,
    store: BTreeMap<String, Vec<u8>>,
}

impl Client<'_> {
    fn refresh(
        &mut self,
        embedded: &[u8],
        stored: Option<&[u8]>,
        now: Time,
    ) -> Result<Trusted, Error> {
        let (floors, limits) = (Floors::default(), Limits::default());
        let start = Start { embedded, stored, floors, now, limits };
        let mut refresh = Refresh::new(start).map_err(Error::Refused)?;
        self.drive(&mut refresh)?;
        refresh.finish().map_err(Error::Refused)
    }

    fn list(
        &mut self,
        trusted: Trusted,
        channel: &Channel,
        platform: &Platform,
    ) -> Result<(Trusted, Vec<Target>), Error> {
        let (trusted, found) = self.search(trusted, &format!("{channel}/{platform}"))?;
        let releases = Releases::read(found.clone(), self.repository.app(), channel, platform);
        match releases.ignored().first() {
            Some(ignored) => Err(Error::Ignored { path: ignored.path.clone() }),
            None => Ok((trusted, found)),
        }
    }

    fn search(
        &mut self,
        trusted: Trusted,
        directory: &str,
    ) -> Result<(Trusted, Vec<Target>), Error> {
        let mut search = trusted.list(directory);
        self.drive(&mut search)?;
        search.finish().map_err(Error::Refused)
    }

    fn drive(&mut self, machine: &mut impl Machine) -> Result<(), Error> {
        loop {
            let found;
            let answer = match machine.wants() {
                Want::Nothing => return Ok(()),
                Want::Load { name } => {
                    found = self.store.get(name).cloned();
                    found.as_deref().map_or(Answer::Missing, Answer::Bytes)
                }
                Want::Fetch { name, limit, .. } => {
                    let file = self.repository.files().get(&format!("metadata/{name}"));
                    let file = file.filter(|bytes| bytes.len() as u64 <= limit);
                    file.map_or(Answer::Missing, |bytes| Answer::Bytes(bytes))
                }
                Want::Save { name, bytes } => {
                    self.store.insert(name.to_owned(), bytes.to_owned());
                    Answer::Done
                }
                Want::SaveFloors { .. } => Answer::Done,
            };
            machine.accept(answer).map_err(Error::Refused)?;
        }
    }
}

impl Repository {
    /// The paths of [`Repository::reachable`] in the order in which a place that holds `there` may be
    /// brought up to date. New roots come last where clients of the old one accept everything else:
    /// then nobody is refused in between, also when keys are exchanged.
    pub fn publication(&self, there: Option<&Repository>, now: Time) -> Vec<String> {
        let mut paths = self.reachable();
        let Some(there) = there else { return paths };
        let new: Vec<String> =
            (there.root.version + 1..=self.root.version).map(|v| path("root", v)).collect();
        let mut meanwhile = self.clone();
        meanwhile.files.retain(|path, _| !new.contains(path));
        meanwhile.root = there.root.clone();
        if !new.is_empty() && accepts(there, &meanwhile, now).is_ok() {
            paths.retain(|path| !new.contains(path));
            paths.extend(new);
        }
        paths
    }

    /// The newest root, byte for byte.
    ///
    /// # Errors
    /// It is missing.
    pub fn newest_root(&self) -> Result<&[u8], Error> {
        let path = path("root", self.root.version);
        let root = self.files.get(&path).map(Vec::as_slice);
        root.ok_or(Error::Missing { path })
    }

    /// What a client keeps that has read this state, under the names of its store.
    fn as_store(&self) -> BTreeMap<String, Vec<u8>> {
        let snapshot = ("snapshot", self.snapshot.version);
        let targets = ("targets", self.targets.version);
        let roles = self.roles.iter().map(|(name, role)| (name.as_str(), role.version));
        let versioned = [snapshot, targets].into_iter().chain(roles);
        let mut store: BTreeMap<String, Vec<u8>> = versioned
            .filter_map(|(role, version)| {
                Some((format!("{role}.json"), self.files.get(&path(role, version))?.clone()))
            })
            .collect();
        if let Some(bytes) = self.files.get(TIMESTAMP) {
            store.insert("timestamp.json".to_owned(), bytes.clone());
        }
        store
    }
}
