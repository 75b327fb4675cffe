//! The schemes, each an arm of the same three matches.

use super::{KeyError, PublicKey, ed25519};
use crate::hex;

/// A public key that was understood.
pub(crate) enum Verifier {
    /// Ed25519 (RFC 8032), strict.
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl Verifier {
    /// Understands a key.
    pub(crate) fn new(key: &PublicKey) -> Result<Self, KeyError> {
        match (key.keytype.as_str(), key.scheme.as_str()) {
            ("ed25519", "ed25519") => ed25519::key(&key.keyval.public).map(Self::Ed25519),
            _ => Err(KeyError::UnknownScheme {
                keytype: key.keytype.clone(),
                scheme: key.scheme.clone(),
            }),
        }
    }

    /// Checks a signature in hex.
    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> Result<(), KeyError> {
        let signature = hex::decode(signature).ok_or(KeyError::MalformedSignature)?;
        match self {
            Self::Ed25519(key) => ed25519::verify(key, message, &signature),
        }
    }

    /// What makes two keys the same key, however they are named or written down.
    pub(crate) fn material(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Ed25519(key) => ("ed25519", key.to_bytes().to_vec()),
        }
    }
}
