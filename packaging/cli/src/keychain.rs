//! The keys that a publisher's folder knows, and the signers that they open as.
//!
//! `keys/NAME.pub` is a public key; beside it `NAME.key` is its sealed secret, or `NAME.signer`
//! says which token or command signs for it (docs/formats.md §9). A key without either is
//! elsewhere, unless the environment variable `EXUVIA_KEY_NAME` holds its key file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use exuvia_core::keys::{KeyId, PublicKey};
use exuvia_durable::Dir;
use exuvia_repo::{LocalKey, Signer};
use serde::Serialize;

use crate::Error;
use crate::folder::{KEYS, SMALL};
use crate::keyfile::{self, KeyFileError, Passphrase};
use crate::signers::{self, Descriptor};

/// Where the secret half of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whereabouts {
    /// In a sealed file of the folder.
    Here,
    /// In an environment variable.
    Environment,
    /// In a token.
    Token,
    /// Behind a command.
    Command,
    /// Not on this machine.
    Elsewhere,
}

/// A key that is known by name.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) public: PublicKey,
    pub(crate) whereabouts: Whereabouts,
    holder: Holder,
}

#[derive(Debug, Clone)]
enum Holder {
    Sealed { path: PathBuf, file: Vec<u8> },
    Described(Descriptor),
    Nobody,
}

impl Known {
    pub(crate) fn id(&self) -> KeyId {
        self.public.id()
    }

    /// The signer; none when the key is elsewhere.
    pub(crate) fn open<'a>(
        &self,
        passphrase: impl FnOnce() -> Result<&'a Passphrase, Error>,
    ) -> Result<Option<Box<dyn Signer>>, Error> {
        match &self.holder {
            Holder::Nobody => Ok(None),
            Holder::Described(descriptor) => signers::open(descriptor, &self.name).map(Some),
            Holder::Sealed { path, file } => {
                let key: LocalKey = keyfile::open(file, passphrase()?)
                    .map_err(|source| Error::Key { path: path.clone(), source })?;
                Ok(Some(Box::new(key)))
            }
        }
    }

    /// The key at a path outside of any publisher's folder: `NAME.key` or `NAME.signer`.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("key").to_owned();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("signer") => Self::described(name, path, &bytes),
            _ => Self::sealed(name, path.to_owned(), bytes, Whereabouts::Here),
        }
    }

    fn sealed(
        name: String,
        path: PathBuf,
        file: Vec<u8>,
        whereabouts: Whereabouts,
    ) -> Result<Self, Error> {
        let public =
            keyfile::public(&file).map_err(|source| Error::Key { path: path.clone(), source })?;
        let public = PublicKey::ed25519(&public);
        Ok(Self { name, public, whereabouts, holder: Holder::Sealed { path, file } })
    }

    fn described(name: String, path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let descriptor = Descriptor::parse(bytes)
            .map_err(|source| Error::SignerFile { path: path.to_owned(), source })?;
        let (public, whereabouts) = (descriptor.public.clone(), descriptor.whereabouts());
        Ok(Self { name, public, whereabouts, holder: Holder::Described(descriptor) })
    }
}

/// Every key that a folder knows, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keychain(BTreeMap<String, Known>);

impl Keychain {
    /// Reads `keys/`. Nothing is opened.
    pub(crate) fn read(dir: &Dir) -> Result<Self, Error> {
        let mut all = BTreeMap::new();
        let keys = match dir.subdir(KEYS) {
            Ok(keys) => keys,
            Err(error) if error.kind() == exuvia_durable::Kind::NotFound => return Ok(Self(all)),
            Err(error) => return Err(error.into()),
        };
        let mut names: Vec<(String, String)> = Vec::new();
        for entry in keys.entries()? {
            let split = entry.name.to_str().and_then(|name| name.rsplit_once('.'));
            if let Some((stem, extension)) = split {
                names.push((stem.to_owned(), extension.to_owned()));
            }
        }
        // What can sign counts more than what is only known.
        names.sort_by_key(|(_, extension)| extension != "pub");
        for (stem, extension) in names {
            let file = format!("{stem}.{extension}");
            let path = keys.path().join(&file);
            let Some(bytes) = keys.read(&file, SMALL)? else { continue };
            let known = match extension.as_str() {
                "key" => Known::sealed(stem.clone(), path, bytes, Whereabouts::Here)?,
                "signer" => Known::described(stem.clone(), &path, &bytes)?,
                "pub" => public(&stem, &path, &bytes)?,
                _ => continue,
            };
            all.insert(stem, known);
        }
        Ok(Self(all))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Known> {
        self.0.get(name)
    }

    pub(crate) fn by_id(&self, id: &KeyId) -> Option<&Known> {
        self.0.values().find(|known| known.id() == *id)
    }

    /// How people call a key: by its name, else by the beginning of its id.
    pub(crate) fn name_of(&self, id: &KeyId) -> String {
        self.by_id(id).map_or_else(|| format!("{id:.16}…"), |known| known.name.clone())
    }

    /// A name that is still free: the role's, or the role's with the next number.
    pub(crate) fn free_name(&self, role: &str) -> String {
        let free = |name: &String| !self.0.contains_key(name);
        let numbered = (2..).map(|number| format!("{role}-{number}"));
        std::iter::once(role.to_owned()).chain(numbered).find(free).unwrap_or_default()
    }
}

/// A key that is known by its public half; its secret may stand in the environment.
fn public(name: &str, path: &Path, bytes: &[u8]) -> Result<Known, Error> {
    let malformed = || Error::Key { path: path.to_owned(), source: KeyFileError::Malformed };
    let public: PublicKey = serde_json::from_slice(bytes).map_err(|_| malformed())?;
    let variable = variable(name);
    if let Ok(file) = std::env::var(&variable) {
        let path = PathBuf::from(format!("${variable}"));
        let known = Known::sealed(
            name.to_owned(),
            path.clone(),
            file.into_bytes(),
            Whereabouts::Environment,
        )?;
        if known.public != public {
            return Err(Error::Key { path, source: KeyFileError::OtherKey });
        }
        return Ok(known);
    }
    let (name, whereabouts) = (name.to_owned(), Whereabouts::Elsewhere);
    Ok(Known { name, public, whereabouts, holder: Holder::Nobody })
}

/// The environment variable that may hold a key's file.
pub(crate) fn variable(name: &str) -> String {
    format!("EXUVIA_KEY_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The file of a public key.
pub(crate) fn encode_public(public: &PublicKey) -> Vec<u8> {
    // Plain text fields always have a JSON form.
    let mut bytes = serde_json::to_vec(public).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
