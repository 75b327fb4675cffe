//! Signers whose secret is not in a file: a command, a token (docs/formats.md §9).

mod command;
#[cfg(feature = "pkcs11")]
mod pkcs11;

use std::path::PathBuf;

use exuvia_core::keys::PublicKey;
use exuvia_repo::Signer;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::keychain::Whereabouts;

/// Who signs for a key: `keys/NAME.signer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Descriptor {
    exuvia_signer: u64,
    pub(crate) public: PublicKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pkcs11: Option<Token>,
}

/// A key in a PKCS#11 token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The library of the token's maker.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The key pair's label.
    pub label: String,
}

/// Why a `.signer` file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerFileError {
    /// Not the JSON of docs/formats.md §9.
    #[error("it is no signer file: {0}")]
    Malformed(String),
    /// Written by a newer version.
    #[error("it is a signer file of version {0}, newer than this program")]
    Newer(u64),
}

impl Descriptor {
    pub(crate) fn of_command(public: PublicKey, command: Vec<String>) -> Self {
        Self { exuvia_signer: 1, public, command: Some(command), pkcs11: None }
    }

    /// Looks the public key up in the token.
    pub(crate) fn of_token(token: Token) -> Result<Self, Error> {
        let public = public_of(&token)?;
        Ok(Self { exuvia_signer: 1, public, command: None, pkcs11: Some(token) })
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SignerFileError> {
        #[derive(Deserialize)]
        struct Head {
            exuvia_signer: u64,
        }
        let malformed = |error: serde_json::Error| SignerFileError::Malformed(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.exuvia_signer != 1 {
            return Err(SignerFileError::Newer(head.exuvia_signer));
        }
        let descriptor: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        match (&descriptor.command, &descriptor.pkcs11) {
            (Some(command), None) if !command.is_empty() => Ok(descriptor),
            (None, Some(_)) => Ok(descriptor),
            _ => Err(SignerFileError::Malformed("it names not one way to sign".to_owned())),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Plain text fields always have a JSON form.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    pub(crate) fn whereabouts(&self) -> Whereabouts {
        if self.pkcs11.is_some() { Whereabouts::Token } else { Whereabouts::Command }
    }
}

pub(crate) fn open(descriptor: &Descriptor, name: &str) -> Result<Box<dyn Signer>, Error> {
    let public = descriptor.public.clone();
    match (&descriptor.command, &descriptor.pkcs11) {
        (Some(command), _) => {
            Ok(Box::new(command::CommandSigner::new(name, public, command.clone())))
        }
        (None, Some(token)) => open_token(token, public),
        // `parse` refuses it.
        (None, None) => Err(Error::NoSigner { name: name.to_owned() }),
    }
}

#[cfg(feature = "pkcs11")]
fn open_token(token: &Token, public: PublicKey) -> Result<Box<dyn Signer>, Error> {
    Ok(Box::new(pkcs11::TokenSigner::open(token, public)?))
}

#[cfg(feature = "pkcs11")]
fn public_of(token: &Token) -> Result<PublicKey, Error> {
    pkcs11::public_of(token)
}

#[cfg(not(feature = "pkcs11"))]
fn open_token(_: &Token, _: PublicKey) -> Result<Box<dyn Signer>, Error> {
    Err(Error::NoTokens)
}

#[cfg(not(feature = "pkcs11"))]
fn public_of(_: &Token) -> Result<PublicKey, Error> {
    Err(Error::NoTokens)
}
