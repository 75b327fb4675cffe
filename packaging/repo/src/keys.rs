//! Who signs: the seam to keys in memory, to tokens and to key services.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use exuvia_core::keys::{KeyId, PublicKey, Signature};

use crate::Error;

/// Something that can sign for one public key.
pub trait Signer: Send + Sync {
    /// The public half, as it stands in the metadata.
    fn public(&self) -> PublicKey;

    /// The id that signatures name, [`PublicKey::id`] of the public half.
    fn id(&self) -> KeyId {
        self.public().id()
    }

    /// Signs the bytes of a role (the canonical form of its `signed` object).
    ///
    /// # Errors
    /// A token or service that does not answer as it should.
    fn sign(&self, bytes: &[u8]) -> Result<Signature, SignerError>;
}

/// Why a signer gave no signature: whatever its token or service says.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SignerError(pub Box<dyn std::error::Error + Send + Sync>);

/// An Ed25519 key held in memory. Its secret half is wiped when it is dropped and never printed.
pub struct LocalKey {
    secret: SigningKey,
    id: KeyId,
}

impl LocalKey {
    /// The key that grows from a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(seed);
        let id = PublicKey::ed25519(secret.verifying_key().as_bytes()).id();
        Self { secret, id }
    }

    /// The 32 bytes of the public key.
    pub fn public_bytes(&self) -> [u8; 32] {
        self.secret.verifying_key().to_bytes()
    }
}

impl Signer for LocalKey {
    fn public(&self) -> PublicKey {
        PublicKey::ed25519(self.secret.verifying_key().as_bytes())
    }

    fn id(&self) -> KeyId {
        self.id.clone()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, SignerError> {
        Ok(Signature::new(self.id.clone(), &self.secret.sign(bytes).to_bytes()))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalKey").field(&self.id).finish()
    }
}

/// The signers at hand. Which of them speak for a role is read from the metadata, by key id, so a
/// key cannot be used for a role that it was not delegated.
#[derive(Default)]
pub struct Keyring(BTreeMap<KeyId, Box<dyn Signer>>);

impl Keyring {
    /// A keyring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a signer; a second one for the same key replaces the first.
    pub fn add(&mut self, signer: impl Signer + 'static) {
        self.add_boxed(Box::new(signer));
    }

    /// As [`Keyring::add`], for a signer of any kind.
    pub fn add_boxed(&mut self, signer: Box<dyn Signer>) {
        self.0.insert(signer.id(), signer);
    }

    /// The keyring with one more signer.
    #[must_use]
    pub fn with(mut self, signer: impl Signer + 'static) -> Self {
        self.add(signer);
        self
    }

    /// The signers at hand whose ids are among `keyids`, each once.
    pub(crate) fn among<'a>(
        &'a self,
        keyids: impl IntoIterator<Item = &'a KeyId>,
    ) -> Vec<&'a dyn Signer> {
        let mut found: BTreeMap<&KeyId, &dyn Signer> = BTreeMap::new();
        for id in keyids {
            if let Some(signer) = self.0.get(id) {
                found.insert(id, signer.as_ref());
            }
        }
        found.into_values().collect()
    }

    /// A signature that was seen to be right: a token that signs with another key than it says
    /// would only be noticed by clients.
    pub(crate) fn sign_with(
        &self,
        signer: &dyn Signer,
        role: &str,
        bytes: &[u8],
    ) -> Result<Signature, Error> {
        let (key, role) = (signer.id(), role.to_owned());
        let failed = |source| Error::Signer { role: role.clone(), key: key.clone(), source };
        let signature = signer.sign(bytes).map_err(failed)?;
        match signer.public().verify(bytes, &signature.sig) {
            Ok(()) => Ok(signature),
            Err(wrong) => Err(failed(SignerError(Box::new(wrong)))),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
