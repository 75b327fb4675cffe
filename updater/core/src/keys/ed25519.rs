//! Ed25519 in its strict form: no weak keys, one signature per message.

use ed25519_dalek::{Signature, VerifyingKey};

use super::KeyError;
use crate::hex;

/// The key behind 32 bytes of hex.
pub(super) fn key(public: &str) -> Result<VerifyingKey, KeyError> {
    let bytes = hex::decode(public).ok_or(KeyError::MalformedKey)?;
    let bytes = bytes.try_into().map_err(|_| KeyError::MalformedKey)?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::MalformedKey)
}

/// Checks a signature of 64 bytes.
pub(super) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    let signature = Signature::from_slice(signature).map_err(|_| KeyError::MalformedSignature)?;
    key.verify_strict(message, &signature).map_err(|_| KeyError::WrongSignature)
}
