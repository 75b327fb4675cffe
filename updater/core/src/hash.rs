//! Checking bytes against stated hashes, as they arrive.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256, Sha512};

use crate::{Digest, hex};

/// All stated hashes of known algorithms over one run of bytes. Unknown algorithms are passed over
/// as long as one is known.
#[derive(Debug, Clone)]
pub(crate) struct Hashes {
    sha256: Option<(Sha256, Vec<u8>)>,
    sha512: Option<(Sha512, Vec<u8>)>,
}

/// A hash differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Differs;

impl Hashes {
    /// Ready to check; `None` when no algorithm is known or a digest is not hex.
    pub(crate) fn new(stated: &BTreeMap<String, String>) -> Option<Self> {
        let digest = |name: &str| stated.get(name).map(|text| hex::decode(text));
        let sha256 = match digest("sha256") {
            Some(digest) => Some((Sha256::new(), digest?)),
            None => None,
        };
        let sha512 = match digest("sha512") {
            Some(digest) => Some((Sha512::new(), digest?)),
            None => None,
        };
        (sha256.is_some() || sha512.is_some()).then_some(Self { sha256, sha512 })
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some((hasher, _)) = &mut self.sha256 {
            hasher.update(bytes);
        }
        if let Some((hasher, _)) = &mut self.sha512 {
            hasher.update(bytes);
        }
    }

    /// Every known hash is the stated one; gives the SHA-256 if that was among them.
    pub(crate) fn finish(self) -> Result<Option<Digest>, Differs> {
        let mut sha256 = None;
        if let Some((hasher, stated)) = self.sha256 {
            let found: [u8; 32] = hasher.finalize().into();
            if found[..] != stated[..] {
                return Err(Differs);
            }
            sha256 = Some(Digest::from_bytes(found));
        }
        if let Some((hasher, stated)) = self.sha512
            && hasher.finalize()[..] != stated[..]
        {
            return Err(Differs);
        }
        Ok(sha256)
    }
}
