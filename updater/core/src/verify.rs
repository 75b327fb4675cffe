//! The ladder of proof: [`Unverified`] → [`Verified`] → [`Current`].
//!
//! - `Unverified` is anybody's bytes. It has no getters: nothing can be done with it but verify.
//! - `Verified` was signed by a threshold of the keys that its delegator names. It may be out of
//!   date; it may serve as a floor, and a verified root leads on to the next one.
//! - `Current` is verified, in date at the one "now", not below the floor and of the version that
//!   its parent names. Only from here may the next role be unlocked.
//!
//! Each type has one constructor, and the model inside was read from the value that the signatures
//! cover.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;

use crate::Time;
use crate::error::Error;
use crate::hash::Hashes;
use crate::json::{self, JsonError};
use crate::keys::{KeyId, Verifier};
use crate::metadata::{Authority, Envelope, MetaFile, Role, Root};

/// Bytes that claim to be metadata of kind `M`.
#[derive(Debug)]
pub struct Unverified<'a, M> {
    role: &'a str,
    bytes: &'a [u8],
    kind: PhantomData<M>,
}

impl<'a, M: Role> Unverified<'a, M> {
    /// Bytes received as the metadata of `role`, which errors will name.
    pub fn new(role: &'a str, bytes: &'a [u8]) -> Self {
        Self { role, bytes, kind: PhantomData }
    }

    /// The same bytes, if they have the length and every known hash that the parent states, where
    /// it states any (TUF 5.5.2, 5.6.2).
    ///
    /// # Errors
    /// Another length, another hash, or only hashes of unknown algorithms.
    pub fn named_by(self, parent: &MetaFile) -> Result<Self, Error> {
        let found = self.bytes.len() as u64;
        if let Some(expected) = parent.length.filter(|&expected| expected != found) {
            return Err(Error::WrongLength { role: self.role.to_owned(), expected, found });
        }
        if let Some(hashes) = &parent.hashes {
            let mut hasher =
                Hashes::new(hashes).ok_or(Error::WrongHash { role: self.role.to_owned() })?;
            hasher.update(self.bytes);
            hasher.finish().map_err(|_| Error::WrongHash { role: self.role.to_owned() })?;
        }
        Ok(self)
    }

    /// Checks the signatures (TUF 5.4.2, 5.5.3, 5.6.3), then reads what they cover.
    ///
    /// # Errors
    /// Not metadata of this kind and of TUF 1.x, or not signed by a threshold of the keys.
    pub fn verify(self, by: Authority<'_>) -> Result<Verified<M>, Error> {
        let envelope = self.envelope()?;
        let proof = threshold(self.role, &envelope, by)?;
        let data = self.read(&envelope.signed)?;
        Ok(self.verified(data, proof))
    }

    fn envelope(&self) -> Result<Envelope, Error> {
        Envelope::parse(self.bytes).map_err(|problem| self.malformed(problem))
    }

    /// Reads the model, which proves nothing yet.
    fn read(&self, signed: &Value) -> Result<M, Error> {
        let field = |name| signed.get(name).and_then(Value::as_str).unwrap_or_default();
        if field("_type") != M::NAME {
            let found = field("_type").to_owned();
            return Err(Error::WrongType { role: self.role.to_owned(), found });
        }
        let version = field("spec_version");
        if version != "1" && !version.starts_with("1.") {
            let found = version.to_owned();
            return Err(Error::WrongSpecVersion { role: self.role.to_owned(), found });
        }
        json::shape(signed).map_err(|problem| self.malformed(problem))
    }

    /// The one constructor of [`Verified`].
    fn verified(&self, data: M, _proof: Signed) -> Verified<M> {
        Verified { role: self.role.to_owned(), data: Arc::new(data) }
    }

    fn malformed(&self, problem: JsonError) -> Error {
        Error::Malformed { role: self.role.to_owned(), problem }
    }
}

impl Unverified<'_, Root> {
    /// A root that is trusted because of where it comes from: built in, or stored after it was
    /// verified. It must still be signed by its own keys (TUF 5.2).
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    pub fn trust_by_origin(self) -> Result<Verified<Root>, Error> {
        let envelope = self.envelope()?;
        let root = self.read(&envelope.signed)?;
        let proof = threshold(self.role, &envelope, root.authority(&root.roles.root))?;
        Ok(self.verified(root, proof))
    }

    /// The root after `trusted`: signed by a threshold of the trusted root's keys and of its own
    /// (TUF 5.3.4), and of the next version exactly (5.3.5).
    ///
    /// # Errors
    /// As for [`verify`](Self::verify), or another version.
    pub fn succeed(self, trusted: &Verified<Root>) -> Result<Verified<Root>, Error> {
        let envelope = self.envelope()?;
        threshold(self.role, &envelope, trusted.authority(&trusted.roles.root))?;
        let root = self.read(&envelope.signed)?;
        let proof = threshold(self.role, &envelope, root.authority(&root.roles.root))?;
        self.verified(root, proof).of_version(trusted.version + 1)
    }
}

/// Metadata that was signed by a threshold of the right keys. It may be out of date.
#[derive(Debug)]
pub struct Verified<M> {
    role: String,
    data: Arc<M>,
}

impl<M> Clone for Verified<M> {
    fn clone(&self) -> Self {
        Self { role: self.role.clone(), data: Arc::clone(&self.data) }
    }
}

impl<M> std::ops::Deref for Verified<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.data
    }
}

impl<M: Role> Verified<M> {
    /// The same, if it has the version that its name or its parent states (TUF 5.3.5, 5.5.4, 5.6.4).
    ///
    /// # Errors
    /// Another version.
    pub fn of_version(self, expected: u64) -> Result<Self, Error> {
        let found = self.data.version();
        if found != expected {
            return Err(Error::WrongVersion { role: self.role, expected, found });
        }
        Ok(self)
    }

    /// The same, as usable now: not below the floor (TUF 5.4.3, 5.5.5), then not expired (5.3.10,
    /// 5.4.4, 5.5.6, 5.6.5).
    ///
    /// # Errors
    /// Rolled back or expired.
    pub fn current(self, floor: u64, now: Time) -> Result<Current<M>, Error> {
        let found = self.data.version();
        if found < floor {
            return Err(Error::Rollback { role: self.role, floor, found });
        }
        let at = self.data.expires();
        if at <= now {
            return Err(Error::Expired { role: self.role, at, now });
        }
        Ok(Current { data: self.data })
    }
}

/// Metadata that may unlock the next role.
#[derive(Debug)]
pub struct Current<M> {
    data: Arc<M>,
}

impl<M> Clone for Current<M> {
    fn clone(&self) -> Self {
        Self { data: Arc::clone(&self.data) }
    }
}

impl<M> std::ops::Deref for Current<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.data
    }
}

/// Proof that a threshold of keys signed; only [`threshold`] makes it.
struct Signed(());

/// A threshold of different keys signed. A signature that is malformed, wrong or of a key that
/// cannot be used does not count and does no harm (others may suffice); the same key under two ids
/// counts once; two signatures under one id are refused (TUF §4.2.1).
fn threshold(role: &str, envelope: &Envelope, by: Authority<'_>) -> Result<Signed, Error> {
    let message = envelope
        .signed_bytes()
        .map_err(|problem| Error::Malformed { role: role.to_owned(), problem })?;
    let allowed: BTreeSet<&KeyId> = by.keyids.iter().collect();
    let mut seen = BTreeSet::new();
    let mut signers = BTreeSet::new();
    for signature in &envelope.signatures {
        let keyid = &signature.keyid;
        if !seen.insert(keyid) {
            let keyid = keyid.to_string();
            return Err(Error::DuplicateSignature { role: role.to_owned(), keyid });
        }
        let Some(key) = by.keys.get(keyid).filter(|_| allowed.contains(keyid)) else { continue };
        let Ok(verifier) = Verifier::new(key) else { continue };
        if verifier.verify(&message, &signature.sig).is_ok() {
            signers.insert(verifier.material());
        }
    }
    let signed = signers.len() as u64;
    // A threshold of zero cannot be parsed, but a model can be built by hand.
    if signed < by.threshold.max(1) {
        return Err(Error::Threshold { role: role.to_owned(), signed, needed: by.threshold });
    }
    Ok(Signed(()))
}
