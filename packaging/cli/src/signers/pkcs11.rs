//! Keys in PKCS #11 tokens: Ed25519, and ECDSA on P-256.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Fault, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use exuvia_core::Digest;
use exuvia_core::keys::{KeyValue, PublicKey, Signature};
use exuvia_repo::{Signer, SignerError};
use serde_json::Map;

use super::Token;
use crate::Error;

/// A key in a token. A session is opened for each signature, so that a token that was taken out and
/// put back in goes on working.
pub(super) struct TokenSigner {
    token: Token,
    public: PublicKey,
    pin: String,
}

impl TokenSigner {
    pub(super) fn open(token: &Token, public: PublicKey) -> Result<Self, Error> {
        let signer = Self { token: token.clone(), public, pin: crate::commands::pin()? };
        // A wrong PIN and a missing key are told before anything is signed.
        signer.session().and_then(|session| signer.key(&session)).map_err(failed(token))?;
        Ok(signer)
    }

    fn session(&self) -> Result<Session, Problem> {
        let session = session(&self.token)?;
        match session.login(UserType::User, Some(&AuthPin::new(self.pin.clone().into()))) {
            Ok(()) | Err(Fault::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(fault) => Err(fault.into()),
        }
    }

    fn key(&self, session: &Session) -> Result<ObjectHandle, Problem> {
        object(session, ObjectClass::PRIVATE_KEY, &self.token.label)
    }

    fn try_sign(&self, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        let session = self.session()?;
        let key = self.key(&session)?;
        if self.public.keytype == ED25519 {
            let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
            return Ok(session.sign(&pure, key, bytes)?);
        }
        let raw = session.sign(&Mechanism::Ecdsa, key, Digest::of(bytes).as_bytes())?;
        der_signature(&raw).ok_or(Problem::NoSignature)
    }
}

impl Signer for TokenSigner {
    fn public(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, SignerError> {
        let signature = self.try_sign(bytes).map_err(|problem| SignerError(Box::new(problem)))?;
        Ok(Signature::new(self.id(), &signature))
    }
}

/// Reads the public key of a pair.
pub(super) fn public_of(token: &Token) -> Result<PublicKey, Error> {
    read_public(token).map_err(failed(token))
}

fn read_public(token: &Token) -> Result<PublicKey, Problem> {
    let session = session(token)?;
    let key = object(&session, ObjectClass::PUBLIC_KEY, &token.label)?;
    let (mut kind, mut point) = (None, Vec::new());
    for attribute in
        session.get_attributes(key, &[AttributeType::KeyType, AttributeType::EcPoint])?
    {
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            Attribute::EcPoint(found) => point = found,
            _ => {}
        }
    }
    // The point stands in a DER octet string: tag, length, content.
    let point = match point[..] {
        [0x04, length, ref rest @ ..] if usize::from(length) == rest.len() => rest,
        _ => &point[..],
    };
    match (kind, point) {
        (Some(KeyType::EC_EDWARDS), point) => {
            let point: &[u8; 32] = point.try_into().map_err(|_| Problem::Kind)?;
            Ok(PublicKey::ed25519(point))
        }
        (Some(KeyType::EC), [0x04, rest @ ..]) if rest.len() == 64 => Ok(p256(point)),
        _ => Err(Problem::Kind),
    }
}

fn session(token: &Token) -> Result<Session, Problem> {
    let library = library(&token.module)?;
    for slot in library.get_slots_with_token()? {
        if library.get_token_info(slot)?.label() == token.token {
            return Ok(library.open_ro_session(slot)?);
        }
    }
    Err(Problem::NoToken)
}

fn object(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, Problem> {
    let template = [Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())];
    match session.find_objects(&template)?[..] {
        [one] => Ok(one),
        [] => Err(Problem::NoKey { label: label.to_owned() }),
        _ => Err(Problem::ManyKeys { label: label.to_owned() }),
    }
}

/// A library may be initialised once in a process.
fn library(module: &PathBuf) -> Result<Pkcs11, Problem> {
    static LOADED: OnceLock<Mutex<BTreeMap<PathBuf, Pkcs11>>> = OnceLock::new();
    let loaded = LOADED.get_or_init(Mutex::default);
    let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = loaded.get(module) {
        return Ok(library.clone());
    }
    let library = Pkcs11::new(module)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    loaded.insert(module.clone(), library.clone());
    Ok(library)
}

/// The metadata form of a key on P-256: PEM of its SubjectPublicKeyInfo.
fn p256(point: &[u8]) -> PublicKey {
    // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of the point }
    const HEAD: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let text = base64(&[&HEAD, point].concat());
    let (first, second) = text.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n");
    PublicKey {
        keytype: "ecdsa".to_owned(),
        scheme: "ecdsa-sha2-nistp256".to_owned(),
        keyval: KeyValue { public: pem, extra: Map::new() },
        extra: Map::new(),
    }
}

/// Tokens give r and s side by side; metadata has them as a DER sequence of two integers.
fn der_signature(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.len() != 64 {
        return None;
    }
    let integer = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        let mut content = bytes[start..].to_vec();
        if content[0] & 0x80 != 0 {
            content.insert(0, 0);
        }
        let mut der = vec![0x02, u8::try_from(content.len()).unwrap_or_default()];
        der.extend(content);
        der
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let mut der = vec![0x30, u8::try_from(body.len()).ok()?];
    der.extend(body);
    Some(der)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// Why a token did not sign.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("no such token is there")]
    NoToken,
    #[error("it has no key `{label}`")]
    NoKey { label: String },
    #[error("it has several keys `{label}`")]
    ManyKeys { label: String },
    #[error("the key is neither Ed25519 nor on P-256")]
    Kind,
    #[error("it gave something else than a signature")]
    NoSignature,
}

fn failed(token: &Token) -> impl FnOnce(Problem) -> Error + '_ {
    move |problem| Error::Token { token: token.token.clone(), what: problem.to_string() }
}

const ED25519: &str = "ed25519";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn integers_of_a_signature_are_minimal_and_positive() {
        let mut raw = [0; 64];
        raw[31] = 0x7f;
        raw[32] = 0x80;
        let der = der_signature(&raw).unwrap();
        assert_eq!(der[..5], [0x30, 0x26, 0x02, 0x01, 0x7f]);
        assert_eq!(der[5..9], [0x02, 0x21, 0x00, 0x80]);
        assert_eq!(der_signature(&raw[1..]), None);
    }
}
