//! Keys at rest (docs/formats.md §9): an Ed25519 seed, sealed by a passphrase.
//!
//! The passphrase goes through Argon2id with the cost that the file itself states, so the cost may
//! rise without a new format. The public half is authenticated along with the seed: nobody can make
//! a file pass for the key of another role.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use exuvia_repo::LocalKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::hex;

/// What a passphrase costs to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, 8 to 4,194,304.
    pub memory_kib: u32,
    /// Passes over that memory, 1 to 1,000.
    pub passes: u32,
}

impl Default for Cost {
    /// 19 MiB and 2 passes, the least that OWASP advises for Argon2id.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }
}

/// A passphrase, wiped when dropped.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the passphrase as typed.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Whether nothing was typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same text.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Why a key file cannot be written or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Not the JSON of docs/formats.md §9.
    #[error("it is not a key file")]
    Malformed,
    /// Written by a newer version.
    #[error("it is a key file of version {0}, newer than this program")]
    Newer(u64),
    /// Another way of stretching the passphrase.
    #[error("it wants the unknown key derivation `{0}`")]
    UnknownKdf(String),
    /// Memory or passes out of bounds, so that opening it would exhaust this machine.
    #[error("it states a cost out of bounds")]
    Cost,
    /// The passphrase is another one, or the file was changed.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// It is not the key that the public half beside it says.
    #[error("it is another key than the public half says")]
    OtherKey,
    /// The system has no randomness to give.
    #[error("the system gave no random numbers")]
    NoRandomness,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    exuvia_key: u64,
    public: String,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

/// A new random key, sealed.
pub(crate) struct NewKey {
    pub(crate) key: LocalKey,
    /// The content of its file.
    pub(crate) file: Vec<u8>,
}

/// Makes a key and the file that keeps it.
pub(crate) fn generate(passphrase: &Passphrase, cost: Cost) -> Result<NewKey, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|_| KeyFileError::NoRandomness)?;
    let file = seal(&seed, passphrase, cost)?;
    Ok(NewKey { key: LocalKey::from_seed(&seed), file })
}

/// Opens a key file.
pub(crate) fn open(file: &[u8], passphrase: &Passphrase) -> Result<LocalKey, KeyFileError> {
    let sealed = parse(file)?;
    let public: [u8; 32] = field(&sealed.public)?;
    let salt: [u8; 16] = field(&sealed.salt)?;
    let nonce: [u8; 24] = field(&sealed.nonce)?;
    let content = hex::decode(&sealed.sealed).ok_or(KeyFileError::Malformed)?;
    let cost = Cost { memory_kib: sealed.memory_kib, passes: sealed.passes };
    let seed = cipher(passphrase, &salt, cost)?
        .decrypt(&XNonce::from(nonce), Payload { msg: &content, aad: &public })
        .map(Zeroizing::new)
        .map_err(|_| KeyFileError::WrongPassphrase)?;
    let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| KeyFileError::Malformed)?;
    Ok(LocalKey::from_seed(seed))
}

/// The public half that a key file states, without opening it.
pub(crate) fn public(file: &[u8]) -> Result<[u8; 32], KeyFileError> {
    field(&parse(file)?.public)
}

fn seal(seed: &[u8; 32], passphrase: &Passphrase, cost: Cost) -> Result<Vec<u8>, KeyFileError> {
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|_| KeyFileError::NoRandomness)?;
    let (salt, nonce) = random.split_at(16);
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| KeyFileError::Malformed)?;
    let public = LocalKey::from_seed(seed).public_bytes();
    let content = cipher(passphrase, salt, cost)?
        .encrypt(&XNonce::from(nonce), Payload { msg: seed, aad: &public })
        .map_err(|_| KeyFileError::Malformed)?;
    let sealed = Sealed {
        exuvia_key: 1,
        public: hex::encode(&public),
        kdf: "argon2id".to_owned(),
        memory_kib: cost.memory_kib,
        passes: cost.passes,
        salt: hex::encode(salt),
        nonce: hex::encode(&nonce),
        sealed: hex::encode(&content),
    };
    let mut file = serde_json::to_vec(&sealed).map_err(|_| KeyFileError::Malformed)?;
    file.push(b'\n');
    Ok(file)
}

fn parse(file: &[u8]) -> Result<Sealed, KeyFileError> {
    #[derive(Deserialize)]
    struct Head {
        exuvia_key: u64,
    }
    // The version first: a newer file may well have other fields.
    let head: Head = serde_json::from_slice(file).map_err(|_| KeyFileError::Malformed)?;
    if head.exuvia_key != 1 {
        return Err(KeyFileError::Newer(head.exuvia_key));
    }
    let sealed: Sealed = serde_json::from_slice(file).map_err(|_| KeyFileError::Malformed)?;
    if sealed.kdf != "argon2id" {
        return Err(KeyFileError::UnknownKdf(sealed.kdf));
    }
    Ok(sealed)
}

fn cipher(
    passphrase: &Passphrase,
    salt: &[u8],
    cost: Cost,
) -> Result<XChaCha20Poly1305, KeyFileError> {
    if cost.memory_kib > 4_194_304 || cost.passes > 1_000 {
        return Err(KeyFileError::Cost);
    }
    let params =
        Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(|_| KeyFileError::Cost)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.0.as_bytes(), salt, key.as_mut())
        .map_err(|_| KeyFileError::Cost)?;
    Ok(XChaCha20Poly1305::new(&Key::from(*key)))
}

fn field<const N: usize>(text: &str) -> Result<[u8; N], KeyFileError> {
    let bytes = hex::decode(text).ok_or(KeyFileError::Malformed)?;
    bytes.try_into().map_err(|_| KeyFileError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    fn pass(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }

    fn sealed() -> (LocalKey, String) {
        let new = generate(&pass("right"), CHEAP).unwrap();
        (new.key, String::from_utf8(new.file).unwrap())
    }

    #[test]
    fn a_key_comes_back_with_its_passphrase() {
        let (key, file) = sealed();
        let opened = open(file.as_bytes(), &pass("right")).unwrap();
        assert_eq!(opened.public_bytes(), key.public_bytes());
        assert_eq!(public(file.as_bytes()).unwrap(), key.public_bytes());
    }

    #[test]
    fn the_seed_does_not_stand_in_the_file() {
        let seed = [0x5a; 32];
        let file = seal(&seed, &pass("right"), CHEAP).unwrap();
        assert!(!String::from_utf8(file).unwrap().contains(&"5a".repeat(16)));
    }

    #[test]
    fn another_passphrase_is_refused() {
        let (_, file) = sealed();
        let refused = open(file.as_bytes(), &pass("wrong")).unwrap_err();
        assert_eq!(refused, KeyFileError::WrongPassphrase);
    }

    #[test]
    fn any_changed_digit_is_refused() {
        let (_, file) = sealed();
        for name in ["public", "salt", "nonce", "sealed"] {
            let at = file.find(&format!("\"{name}\":\"")).unwrap() + name.len() + 4;
            let mut bytes = file.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let refused = open(&bytes, &pass("right")).unwrap_err();
            assert_eq!(refused, KeyFileError::WrongPassphrase, "{name}");
        }
    }

    #[test]
    fn the_public_half_of_another_key_is_refused() {
        let (other, _) = sealed();
        let (key, file) = sealed();
        let file =
            file.replace(&hex::encode(&key.public_bytes()), &hex::encode(&other.public_bytes()));
        assert_eq!(
            open(file.as_bytes(), &pass("right")).unwrap_err(),
            KeyFileError::WrongPassphrase
        );
    }

    #[test]
    fn the_cost_comes_from_the_file_and_is_bounded() {
        let (_, file) = sealed();
        let dear = file.replace("\"passes\":1", "\"passes\":2");
        assert_eq!(
            open(dear.as_bytes(), &pass("right")).unwrap_err(),
            KeyFileError::WrongPassphrase
        );
        let absurd = file.replace("\"memory_kib\":8", "\"memory_kib\":4294967295");
        assert_eq!(open(absurd.as_bytes(), &pass("right")).unwrap_err(), KeyFileError::Cost);
    }

    #[test]
    fn a_newer_file_is_told_from_a_damaged_one() {
        let newer = br#"{"exuvia_key":2,"token":"pkcs11:"}"#;
        assert_eq!(open(newer, &pass("right")).unwrap_err(), KeyFileError::Newer(2));
        assert_eq!(open(b"{}", &pass("right")).unwrap_err(), KeyFileError::Malformed);
    }
}
