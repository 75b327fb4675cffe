//! Public keys and the signatures they verify.
//!
//! Key ids are names, taken as the delegating metadata declares them (TAP 12): what counts toward a
//! threshold is the key itself, so that one key under two names is still one signer.

mod ecdsa;
mod ed25519;
mod rsa_pss;
mod verifier;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub(crate) use self::verifier::Verifier;
use crate::{Digest, hex, json};

/// The name of a key within one metadata file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// A key id as it is declared.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A public key as metadata carries it (TUF §4.2.3). Unknown fields are kept, since the key id of
/// the specification covers them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// The family, such as `ed25519`.
    pub keytype: String,
    /// How signatures are made, such as `ed25519`.
    pub scheme: String,
    /// The key material.
    pub keyval: KeyValue,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The material of a public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyValue {
    /// Hex for Ed25519, PEM for others; empty for keys whose material is something else, such as a
    /// name. Those verify nothing here, but do not spoil the metadata that lists them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub public: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut extra = Map::deserialize(deserializer)?;
        let public = extra.get("public").and_then(Value::as_str).map(str::to_owned);
        if public.is_some() {
            extra.remove("public");
        }
        Ok(Self { public: public.unwrap_or_default(), extra })
    }
}

impl PublicKey {
    /// The metadata form of an Ed25519 key.
    pub fn ed25519(public: &[u8; 32]) -> Self {
        Self {
            keytype: "ed25519".to_owned(),
            scheme: "ed25519".to_owned(),
            keyval: KeyValue { public: hex::encode(public), extra: Map::new() },
            extra: Map::new(),
        }
    }

    /// The id that the specification gives the key: SHA-256 of its canonical form. Fields without a
    /// canonical form, which no parsed key has, count as they are written.
    pub fn id(&self) -> KeyId {
        let value = self.as_value();
        let form = json::canonical(&value).unwrap_or_else(|_| value.to_string().into_bytes());
        KeyId(Digest::of(&form).to_string())
    }

    fn as_value(&self) -> Value {
        let mut keyval = self.keyval.extra.clone();
        if !self.keyval.public.is_empty() {
            keyval.insert("public".to_owned(), Value::from(self.keyval.public.as_str()));
        }
        let mut key = self.extra.clone();
        key.insert("keytype".to_owned(), Value::from(self.keytype.as_str()));
        key.insert("scheme".to_owned(), Value::from(self.scheme.as_str()));
        key.insert("keyval".to_owned(), Value::Object(keyval));
        Value::Object(key)
    }

    /// Checks a signature, in hex, of `message`.
    ///
    /// # Errors
    /// The key is of an unknown kind or malformed, or the signature is not of this key.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), KeyError> {
        Verifier::new(self)?.verify(message, signature)
    }
}

/// A signature of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The key that signed.
    pub keyid: KeyId,
    /// The signature in hex; others' repositories have it empty for a signer who is still awaited.
    pub sig: String,
}

impl Signature {
    /// A signature made of its bytes.
    pub fn new(keyid: KeyId, signature: &[u8]) -> Self {
        Self { keyid, sig: hex::encode(signature) }
    }
}

/// Why a key does not vouch for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// A kind of key that this version cannot use.
    UnknownScheme {
        /// The key's family.
        keytype: String,
        /// The key's scheme.
        scheme: String,
    },
    /// The key material is not a key of its kind.
    MalformedKey,
    /// The signature is not of the form that its scheme has.
    MalformedSignature,
    /// The signature is not this key's signature of the message.
    WrongSignature,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScheme { keytype, scheme } => {
                write!(f, "keys of type {keytype:?} and scheme {scheme:?} are not supported")
            }
            Self::MalformedKey => f.write_str("the public key is malformed"),
            Self::MalformedSignature => f.write_str("the signature is malformed"),
            Self::WrongSignature => f.write_str("the signature is wrong"),
        }
    }
}

impl std::error::Error for KeyError {}
