//! Who signs: the seam to keys in memory, and later to tokens and key services.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use exuvia_core::keys::{KeyId, PublicKey, Signature};

/// Something that can sign for one public key.
pub trait Signer: Send + Sync {
    /// The public half, as it stands in the metadata.
    fn public(&self) -> PublicKey;

    /// The id that signatures name, [`PublicKey::id`] of the public half.
    fn id(&self) -> KeyId {
        self.public().id()
    }

    /// Signs the bytes of a role (the canonical form of its `signed` object).
    fn sign(&self, bytes: &[u8]) -> Signature;
}

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

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::new(self.id.clone(), &self.secret.sign(bytes).to_bytes())
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
        self.0.insert(signer.id(), Box::new(signer));
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
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
