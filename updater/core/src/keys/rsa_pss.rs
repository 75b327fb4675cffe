//! RSA-PSS with SHA-256. Only the public operation is used, which has no secrets to leak by timing.

use rsa::PublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;

use super::KeyError;

/// The fewest bits of a modulus: shorter ones were factored or soon will be.
const MIN_BITS: u32 = 2_048;

/// The key in a PEM text, `PUBLIC KEY` or `RSA PUBLIC KEY`.
pub(super) fn key(public: &str) -> Result<PublicKey, KeyError> {
    let pem = public.trim();
    let key = PublicKey::from_public_key_pem(pem)
        .ok()
        .or_else(|| PublicKey::from_pkcs1_pem(pem).ok())
        .ok_or(KeyError::MalformedKey)?;
    if key.n().bit_width() < MIN_BITS {
        return Err(KeyError::MalformedKey);
    }
    Ok(key)
}

/// Checks a signature. The salt may be as long as the signer liked: as long as the digest, or as
/// long as the modulus allows, as the reference implementation once made it.
pub(super) fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    let signature = Signature::try_from(signature).map_err(|_| KeyError::MalformedSignature)?;
    VerifyingKey::<Sha256>::new_with_auto_salt_len(key.clone())
        .verify(message, &signature)
        .map_err(|_| KeyError::WrongSignature)
}
