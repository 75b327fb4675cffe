//! A tiny publisher for tests: deterministic keys, and metadata signed with them.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::keys::{PublicKey, Signature};

/// An Ed25519 key made of a number.
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::ed25519(self.0.verifying_key().as_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature::new(self.public().id(), &self.0.sign(message).to_bytes())
    }
}
