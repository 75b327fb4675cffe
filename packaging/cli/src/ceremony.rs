//! Changes that may need keys of other people: made at once, or written down as a proposal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use exuvia_core::keys::KeyId;
use exuvia_core::{Digest, Time};
use exuvia_durable::Dir;
use exuvia_repo::{Error as Repo, Keyring, Proposal, Repository, Standing, owner};
use serde::Serialize;

use crate::folder::{CONFIG, SETTINGS};
use crate::keychain::{Keychain, Known};
use crate::keyfile::Passphrase;
use crate::{Error, Folder, Publisher};

/// What became of a change.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is made.
    Done {
        /// The roles that were signed, besides snapshot and timestamp.
        roles: Vec<String>,
    },
    /// It waits for signatures.
    Proposed {
        /// The file to carry to those who must sign.
        file: PathBuf,
        /// What is awaited.
        awaits: Vec<Awaited>,
    },
}

/// Signatures that a role still needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Awaited {
    /// The role.
    pub role: String,
    /// How many more.
    pub missing: u64,
    /// The keys that may give them.
    pub keys: Vec<String>,
}

/// A proposal, in words.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Names the content, whoever has signed it.
    pub proposal: Digest,
    /// The application.
    pub app: String,
    /// When it was made.
    pub created: Time,
    /// Digest of the first root of the repository that it is for; none if it founds one.
    pub first_root: Option<Digest>,
    /// Whether it was compared with an own copy of the repository, or its `exuvia.json`.
    pub compared: bool,
    /// What becomes of each role.
    pub roles: Vec<ShownRole>,
    /// Signatures that are still needed.
    pub awaits: Vec<Awaited>,
}

/// What becomes of a role, and who has signed that.
#[derive(Debug, Clone, Serialize)]
pub struct ShownRole {
    /// The role.
    pub role: String,
    /// Its version now; 0 if it is new.
    pub from: u64,
    /// Its next version.
    pub to: u64,
    /// What changes, one line each.
    pub changes: Vec<String>,
    /// Keys that have signed.
    pub signed: Vec<String>,
}

impl Publisher {
    /// Signs a change with the keys at hand. If these are enough it is made; otherwise it becomes a
    /// file in `proposals/`.
    pub(crate) fn settle(
        &mut self,
        mut proposal: Proposal,
        repository: &Repository,
    ) -> Result<Outcome, Error> {
        let keyring = self.keyring_for(&proposal, repository)?;
        proposal.sign(repository, &keyring)?;
        match proposal.finish(repository, &keyring, self.now()) {
            Ok((after, changes)) => {
                self.folder.write(&changes)?;
                self.finished(repository, &after)?;
                Ok(Outcome::Done { roles: owners(&proposal).map(str::to_owned).collect() })
            }
            Err(Repo::MissingKeys { .. }) => self.put_down(&proposal, repository),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Puts the signatures of several copies together, with those that came earlier, and makes the
    /// change once they are enough.
    ///
    /// # Errors
    /// The files do not propose the same; the proposal is stale; signatures or the keys of
    /// snapshot and timestamp are missing; a client would refuse the result.
    pub fn finish(&mut self, files: &[PathBuf]) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository_or_none()?;
        let mut all = files.iter().map(|file| read(file));
        let mut proposal = all.next().ok_or(Error::NoProposal)??;
        for copy in all {
            proposal.absorb(copy?)?;
        }
        let earlier = self.folder.path().join(PROPOSALS).join(file_name(&proposal));
        if earlier.exists() {
            proposal.absorb(read(&earlier)?)?;
        }
        let outcome = self.settle(proposal, &repository)?;
        if let Outcome::Done { .. } = outcome {
            for file in files.iter().chain([&earlier]) {
                // What is done is done, whether or not its paper can be thrown away.
                let _ = std::fs::remove_file(file);
            }
        }
        Ok(outcome)
    }

    /// Proposes new versions of roles that near their end.
    ///
    /// # Errors
    /// An unknown role; local failures.
    pub fn renew(&mut self, roles: &[String]) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let repository = self.folder.repository()?;
        let proposal = repository.propose_renewal(roles, self.now())?;
        self.settle(proposal, &repository)
    }

    /// Opens what is at hand of the keys that a proposal wants, and those that finish it.
    fn keyring_for(&self, proposal: &Proposal, before: &Repository) -> Result<Keyring, Error> {
        let mut ids: BTreeSet<KeyId> = BTreeSet::new();
        for Standing { awaited, .. } in proposal.standing(before)? {
            ids.extend(awaited);
        }
        let after = proposal.preview(before)?;
        // The old keys sign as well, so that clients of the old root can follow.
        let targets = proposal.roles().find(|role| *role == "targets");
        for role in ["snapshot", "timestamp"].into_iter().chain(targets) {
            for state in [before, &after] {
                ids.extend(state.authority(role)?.keyids.iter().cloned());
            }
        }
        let keychain = self.folder.keychain()?;
        let mut keyring = Keyring::new();
        for id in ids {
            let known = keychain.by_id(&id);
            if let Some(signer) = known.map(|known| known.open(|| self.passphrase())).transpose()? {
                signer.into_iter().for_each(|signer| keyring.add_boxed(signer));
            }
        }
        Ok(keyring)
    }

    fn put_down(&self, proposal: &Proposal, before: &Repository) -> Result<Outcome, Error> {
        let dir = self.folder.dir.subdir_or_create(PROPOSALS)?;
        let name = file_name(proposal);
        dir.write(&name, &proposal.encode())?;
        let awaits = awaited(proposal, before, &self.folder.keychain()?)?;
        Ok(Outcome::Proposed { file: dir.path().join(name), awaits })
    }

    /// What follows a finished change: the settings name the keys as the metadata does, and what the
    /// application embeds has the signatures of the first root.
    fn finished(&mut self, before: &Repository, after: &Repository) -> Result<(), Error> {
        let keychain = self.folder.keychain()?;
        for custody in after.custody()? {
            let names = custody.keys.keys().filter_map(|id| Some(keychain.by_id(id)?.name.clone()));
            self.folder.settings.keys.insert(custody.role, names.collect());
        }
        if before.is_empty() {
            self.folder.config.root = after.first_root()?.to_owned();
            self.folder.dir.write(CONFIG, self.folder.config.to_json().as_bytes())?;
        }
        Ok(self.folder.dir.write(SETTINGS, &self.folder.settings.encode())?)
    }
}

/// Who looks at a proposal, and with what.
pub(crate) struct Signer<'a> {
    /// An own copy of the publisher's folder.
    pub(crate) folder: Option<&'a Folder>,
    /// The root that is known from an `exuvia.json`.
    pub(crate) root: Option<&'a [u8]>,
}

impl Signer<'_> {
    /// The state that the proposal is for: the own copy, or what it carries along, which is followed
    /// from the root that is known.
    fn before(&self, proposal: &Proposal) -> Result<Repository, Error> {
        if let Some(folder) = self.folder {
            return folder.repository_or_none();
        }
        let before = proposal.before()?;
        if !before.is_empty() {
            let root = self.root.map_or_else(|| before.first_root(), Ok)?;
            exuvia_repo::verify(&before, root, proposal.created())?;
        }
        Ok(before)
    }

    fn keychain(&self) -> Result<Keychain, Error> {
        self.folder.map(Folder::keychain).transpose().map(Option::unwrap_or_default)
    }

    /// The proposal in words.
    pub(crate) fn show(&self, proposal: &Proposal) -> Result<Shown, Error> {
        let (before, keychain) = (self.before(proposal)?, self.keychain()?);
        let standing = proposal.standing(&before)?;
        let signed = |role: &str| {
            let of = standing.iter().filter(|standing| standing.role == role);
            let names: BTreeSet<String> =
                of.flat_map(|of| of.signed.iter().map(|id| keychain.name_of(id))).collect();
            names.into_iter().collect()
        };
        let words = proposal.words(&before)?;
        let roles = words.into_iter().map(|words| ShownRole {
            signed: signed(&words.role),
            changes: words.changes.iter().map(ToString::to_string).collect(),
            role: words.role,
            from: words.from,
            to: words.to,
        });
        Ok(Shown {
            proposal: proposal.digest(),
            app: proposal.app().to_string(),
            created: proposal.created(),
            first_root: (!before.is_empty())
                .then(|| before.first_root().map(Digest::of))
                .transpose()?,
            compared: self.folder.is_some() || self.root.is_some(),
            roles: roles.collect(),
            awaits: awaited(proposal, &before, &keychain)?,
        })
    }

    /// Signs with some keys, and tells which signed what.
    pub(crate) fn sign(
        &self,
        proposal: &mut Proposal,
        keys: &[Known],
        passphrase: &dyn Fn() -> Result<Passphrase, Error>,
    ) -> Result<Vec<(String, String)>, Error> {
        let before = self.before(proposal)?;
        let (mut keyring, asked) = (Keyring::new(), std::cell::OnceCell::new());
        let wanted: BTreeSet<KeyId> =
            proposal.standing(&before)?.into_iter().flat_map(|of| of.awaited).collect();
        for known in keys.iter().filter(|known| wanted.contains(&known.id())) {
            let open = known.open(|| crate::publisher::once(&asked, passphrase))?;
            open.into_iter().for_each(|signer| keyring.add_boxed(signer));
        }
        let signed = proposal.sign(&before, &keyring)?;
        let name = |id: &KeyId| keys.iter().find(|known| known.id() == *id).map(|k| k.name.clone());
        Ok(signed.iter().map(|(role, id)| (role.clone(), name(id).unwrap_or_default())).collect())
    }
}

/// The name in `proposals/` of what has this content, whoever has signed it.
fn file_name(proposal: &Proposal) -> String {
    let roles: Vec<&str> = owners(proposal).collect();
    let digest = proposal.digest().to_string();
    format!("{}-{}.json", roles.join("+"), digest.get(..8).unwrap_or_default())
}

/// The roles of a proposal; bins stand under the role that they are of.
fn owners(proposal: &Proposal) -> impl Iterator<Item = &str> {
    let mut seen = BTreeSet::new();
    proposal.roles().map(owner).filter(move |role| seen.insert(*role))
}

/// What a proposal still waits for.
fn awaited(
    proposal: &Proposal,
    before: &Repository,
    keychain: &Keychain,
) -> Result<Vec<Awaited>, Error> {
    let unmet = proposal.standing(before)?.into_iter().filter(|standing| !standing.is_met());
    let awaited = unmet.map(|standing| Awaited {
        missing: standing.threshold - standing.signed.len() as u64,
        keys: standing.awaited.iter().map(|id| keychain.name_of(id)).collect(),
        role: owner(&standing.role).to_owned(),
    });
    let mut all: Vec<Awaited> = Vec::new();
    for one in awaited {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}

/// Reads a proposal's file.
pub(crate) fn read(path: &Path) -> Result<Proposal, Error> {
    let length = std::fs::metadata(path).map_err(Error::io(path))?.len();
    if length > LARGEST {
        return Err(Error::TooLarge { path: path.to_owned(), limit: LARGEST });
    }
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    Ok(Proposal::parse(&bytes)?)
}

/// Replaces a proposal's file.
pub(crate) fn write(path: &Path, proposal: &Proposal) -> Result<(), Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = path.file_name().ok_or_else(|| Error::NoSuchPath { path: path.to_owned() })?;
    Ok(Dir::open(parent.unwrap_or(Path::new(".")))?.write(name, &proposal.encode())?)
}

const PROPOSALS: &str = "proposals";
const LARGEST: u64 = 64 * 1024 * 1024;
