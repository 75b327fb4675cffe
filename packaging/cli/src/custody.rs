//! Which keys sign what, and changes to that.

use exuvia_core::Time;
use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_durable::Dir;
use exuvia_repo::{Error as Repo, KeyChange, Repository, Signer as _, owner};
use serde::Serialize;

use crate::ceremony::Outcome;
use crate::folder::KEYS;
use crate::keychain::{Keychain, Whereabouts, encode_public};
use crate::publisher::make_key;
use crate::signers::{Descriptor, Token};
use crate::{Error, Folder, Publisher};

/// A role, and who can sign it.
#[derive(Debug, Clone, Serialize)]
pub struct CustodyReport {
    /// The role.
    pub role: String,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Version of its metadata.
    pub version: u64,
    /// When its metadata ends.
    pub expires: Time,
    /// Whether it can be signed on this machine.
    pub signs_here: bool,
    /// Its keys.
    pub keys: Vec<KeyReport>,
}

/// A key of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyReport {
    /// Its name, if it is known by one.
    pub name: Option<String>,
    /// Its id in the metadata.
    pub id: String,
    /// Its kind, such as `ed25519`.
    pub kind: String,
    /// Where its secret is.
    pub whereabouts: Whereabouts,
}

/// Where a new key comes from.
#[derive(Debug, Clone, Default)]
pub enum NewKey {
    /// It is made here, and sealed with the passphrase.
    #[default]
    Fresh,
    /// Somebody else has it; this is its public half.
    Public(PublicKey),
    /// A command signs for it.
    Command(Vec<String>, PublicKey),
    /// It is in a token.
    Token(Token),
}

impl Folder {
    /// Every role with its keys.
    ///
    /// # Errors
    /// Metadata or a key file that cannot be read.
    pub fn custody(&self) -> Result<Vec<CustodyReport>, Error> {
        let keychain = self.keychain()?;
        let report = |role: exuvia_repo::Custody| {
            let keys: Vec<KeyReport> =
                role.keys.iter().map(|(id, key)| report(&keychain, id, key)).collect();
            let here = keys.iter().filter(|key| key.whereabouts != Whereabouts::Elsewhere).count();
            CustodyReport {
                signs_here: here as u64 >= role.threshold,
                role: role.role,
                threshold: role.threshold,
                version: role.version,
                expires: role.expires,
                keys,
            }
        };
        Ok(self.repository()?.custody()?.into_iter().map(report).collect())
    }

    pub(crate) fn keychain(&self) -> Result<Keychain, Error> {
        Keychain::read(&self.dir)
    }
}

fn report(keychain: &Keychain, id: &KeyId, key: &PublicKey) -> KeyReport {
    let known = keychain.by_id(id);
    KeyReport {
        name: known.map(|known| known.name.clone()),
        id: id.as_str().to_owned(),
        kind: key.scheme.clone(),
        whereabouts: known.map_or(Whereabouts::Elsewhere, |known| known.whereabouts),
    }
}

impl Publisher {
    /// Lets one more key sign for a role.
    ///
    /// # Errors
    /// An unknown role; a name or key that is there already; local failures.
    pub fn add_key(
        &mut self,
        role: &str,
        name: Option<&str>,
        new: &NewKey,
    ) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository()?;
        has_keys(&repository, role)?;
        let public = self.place_key(role, name, new)?;
        self.change(&repository, vec![(role.to_owned(), KeyChange::Add(public))])
    }

    /// Puts another key in the place of one.
    ///
    /// # Errors
    /// An unknown role or key; several keys of which none is named; local failures.
    pub fn rotate_key(
        &mut self,
        role: &str,
        old: Option<&str>,
        new: &NewKey,
    ) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository()?;
        let changes = self.exchange(&repository, role, old, new)?;
        self.change(&repository, changes)
    }

    /// As [`Publisher::rotate_key`], for a key that somebody else may have. What was signed with it
    /// counts no more. Where it could name other versions of what a channel lists, the keys of
    /// snapshot and timestamp go too, so that clients forget versions that were made up.
    ///
    /// # Errors
    /// As [`Publisher::rotate_key`].
    pub fn revoke_key(&mut self, role: &str, old: Option<&str>) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository()?;
        let mut changes = self.exchange(&repository, role, old, &NewKey::Fresh)?;
        if !["root", "snapshot", "timestamp"].contains(&role) {
            for online in ["snapshot", "timestamp"] {
                let ids = repository.authority(online)?.keyids.to_vec();
                for id in ids {
                    let public = self.place_key(online, None, &NewKey::Fresh)?;
                    changes.push((online.to_owned(), KeyChange::Add(public)));
                    changes.push((online.to_owned(), KeyChange::Remove(id)));
                }
            }
        }
        self.change(&repository, changes)
    }

    /// Takes a key away without another in its place.
    ///
    /// # Errors
    /// As [`Publisher::rotate_key`]; too few keys would be left.
    pub fn remove_key(&mut self, role: &str, old: &str) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository()?;
        let id = self.key_of(&repository, role, Some(old))?;
        self.change(&repository, vec![(role.to_owned(), KeyChange::Remove(id))])
    }

    /// Says how many keys of a role must sign.
    ///
    /// # Errors
    /// An unknown role; more than it has keys.
    pub fn set_threshold(&mut self, role: &str, threshold: u64) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository()?;
        self.change(&repository, vec![(role.to_owned(), KeyChange::Threshold(threshold))])
    }

    fn change(
        &mut self,
        repository: &Repository,
        changes: Vec<(String, KeyChange)>,
    ) -> Result<Outcome, Error> {
        let proposal = repository.propose_keys(&changes, self.now())?;
        self.settle(proposal, repository)
    }

    fn exchange(
        &self,
        repository: &Repository,
        role: &str,
        old: Option<&str>,
        new: &NewKey,
    ) -> Result<Vec<(String, KeyChange)>, Error> {
        has_keys(repository, role)?;
        let id = self.key_of(repository, role, old)?;
        let public = self.place_key(role, None, new)?;
        let role = role.to_owned();
        Ok(vec![(role.clone(), KeyChange::Add(public)), (role, KeyChange::Remove(id))])
    }

    /// The key of a role that is meant: by name, by the beginning of its id, or the only one.
    fn key_of(
        &self,
        repository: &Repository,
        role: &str,
        named: Option<&str>,
    ) -> Result<KeyId, Error> {
        let (ids, keychain) = (repository.authority(role)?.keyids, self.folder.keychain()?);
        let named_so = |id: &&KeyId| match named {
            Some(name) => {
                keychain.name_of(id) == name || (name.len() >= 8 && id.as_str().starts_with(name))
            }
            None => true,
        };
        match ids.iter().filter(named_so).collect::<Vec<_>>()[..] {
            [id] => Ok(id.clone()),
            _ => {
                let keys = ids.iter().map(|id| keychain.name_of(id)).collect();
                Err(Error::WhichKey { role: role.to_owned(), keys })
            }
        }
    }

    /// Writes down a new key under a name that is free.
    pub(crate) fn place_key(
        &self,
        role: &str,
        name: Option<&str>,
        new: &NewKey,
    ) -> Result<PublicKey, Error> {
        let keychain = self.folder.keychain()?;
        let name = name.map_or_else(|| keychain.free_name(role), str::to_owned);
        if keychain.by_name(&name).is_some() {
            return Err(Error::Exists { path: self.folder.path().join(KEYS).join(name) });
        }
        let dir = self.folder.dir.subdir_or_create(KEYS)?;
        match new {
            NewKey::Fresh => {
                Ok(make_key(&self.folder.dir, &name, self.passphrase()?, self.cost)?.public())
            }
            NewKey::Public(public) => put_public(&dir, &name, public),
            NewKey::Command(command, public) => {
                let descriptor = Descriptor::of_command(public.clone(), command.clone());
                dir.write(format!("{name}.signer"), &descriptor.encode())?;
                put_public(&dir, &name, public)
            }
            NewKey::Token(token) => {
                let descriptor = Descriptor::of_token(token.clone())?;
                dir.write(format!("{name}.signer"), &descriptor.encode())?;
                put_public(&dir, &name, &descriptor.public)
            }
        }
    }
}

/// Refuses, before a key is made, a role that has no keys of its own: bins have those of their channel.
fn has_keys(repository: &Repository, role: &str) -> Result<(), Error> {
    repository.authority(role)?;
    if owner(role) == role {
        return Ok(());
    }
    Err(Repo::UnknownRole { role: role.to_owned() }.into())
}

fn put_public(dir: &Dir, name: &str, public: &PublicKey) -> Result<PublicKey, Error> {
    dir.write(format!("{name}.pub"), &encode_public(public))?;
    Ok(public.clone())
}
