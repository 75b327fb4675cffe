//! ECDSA over NIST P-256 with SHA-256: DER signatures, as other publishers make them.

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;

use super::KeyError;
use crate::hex;

/// The key in a PEM text, or behind the hex of a SEC1 point as the first repositories wrote it.
pub(super) fn key(public: &str) -> Result<VerifyingKey, KeyError> {
    match hex::decode(public) {
        Some(point) => VerifyingKey::from_sec1_bytes(&point).ok(),
        None => VerifyingKey::from_public_key_pem(public.trim()).ok(),
    }
    .ok_or(KeyError::MalformedKey)
}

/// Checks a signature. Of the two values of `s` that are right either will do: signers differ.
pub(super) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    let signature = Signature::from_der(signature).map_err(|_| KeyError::MalformedSignature)?;
    key.verify(message, &signature).map_err(|_| KeyError::WrongSignature)
}
