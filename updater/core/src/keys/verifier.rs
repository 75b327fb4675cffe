//! The schemes, each an arm of the same three matches.

use rsa::traits::PublicKeyParts as _;

use super::{KeyError, PublicKey, ecdsa, ed25519, rsa_pss};
use crate::hex;

/// A public key that was understood.
pub(crate) enum Verifier {
    /// Ed25519 (RFC 8032), strict.
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA over P-256 with SHA-256.
    Ecdsa(p256::ecdsa::VerifyingKey),
    /// RSASSA-PSS with SHA-256.
    RsaPss(rsa::PublicKey),
}

impl Verifier {
    /// Understands a key.
    pub(crate) fn new(key: &PublicKey) -> Result<Self, KeyError> {
        let public = &key.keyval.public;
        match (key.keytype.as_str(), key.scheme.as_str()) {
            ("ed25519", "ed25519") => ed25519::key(public).map(Self::Ed25519),
            // The key type is the scheme's name in repositories from before specification 1.0.28.
            ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
                ecdsa::key(public).map(Self::Ecdsa)
            }
            ("rsa", "rsassa-pss-sha256") => rsa_pss::key(public).map(Self::RsaPss),
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
            Self::Ecdsa(key) => ecdsa::verify(key, message, &signature),
            Self::RsaPss(key) => rsa_pss::verify(key, message, &signature),
        }
    }

    /// What makes two keys the same key, however they are named or written down.
    pub(crate) fn material(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Ed25519(key) => ("ed25519", key.to_bytes().to_vec()),
            Self::Ecdsa(key) => ("ecdsa", key.to_sec1_point(true).as_bytes().to_vec()),
            // Whoever holds the factors of the modulus holds the key, whatever its exponent.
            Self::RsaPss(key) => ("rsa", key.n_bytes().to_vec()),
        }
    }
}
