//! A change that waits for its signatures: made on one machine, signed on others, finished by
//! whoever holds the keys of snapshot and timestamp.
//!
//! Rules:
//! - What is signed is the whole next version of a role. Nothing is filled in afterwards.
//! - A change counts only against the very file it was made for: when a role has moved on
//!   meanwhile, the proposal is stale. Other roles may move on.
//! - Snapshot and timestamp are signed when it is finished; they name the roles as signed.
//! - A root that exchanges online keys is written last, after everything that it exchanges was
//!   signed by the old keys and the new ones: whoever reads meanwhile, with either root, finds all
//!   signed as that root demands.

mod finish;
mod signing;

use std::collections::BTreeMap;

use exuvia_core::json::{self, JsonError};
use exuvia_core::metadata::Envelope;
use exuvia_core::names::App;
use exuvia_core::{Digest, Time};
use serde::{Deserialize, Serialize};

pub use self::signing::Standing;
use crate::repository::path;
use crate::{Error, Expiry, Repository};

/// The next versions of some roles, with the signatures they have so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    exuvia_proposal: u64,
    app: App,
    created: Time,
    changes: Vec<Change>,
    /// The metadata it was made for, as text by path, so that a signer needs nothing else.
    before: BTreeMap<String, String>,
}

/// The next version of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) role: String,
    /// Digest of the file it follows; none for a first version.
    pub(crate) replaces: Option<Digest>,
    #[serde(flatten)]
    pub(crate) envelope: Envelope,
}

impl Proposal {
    pub(crate) fn new(before: &Repository, created: Time, changes: Vec<Change>) -> Self {
        let (app, files) = (before.app.clone(), before.as_text());
        Self { exuvia_proposal: 1, app, created, changes, before: files }
    }

    /// Reads a proposal.
    ///
    /// # Errors
    /// [`Error::Proposal`]: not a proposal; [`Error::NewerProposal`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |source| Error::Proposal { source };
        let value = json::parse(bytes).map_err(damaged)?;
        match value.get("exuvia_proposal").and_then(serde_json::Value::as_u64) {
            Some(1) => {}
            Some(found) => return Err(Error::NewerProposal { found }),
            None => {
                let problem = "it has no `exuvia_proposal`".to_owned();
                return Err(damaged(JsonError::Shape { problem }));
            }
        }
        Self::deserialize(value)
            .map_err(|error| damaged(JsonError::Shape { problem: error.to_string() }))
    }

    /// Its file.
    pub fn encode(&self) -> Vec<u8> {
        // Values that came from JSON always have a JSON form.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Names the content, whoever has signed it.
    pub fn digest(&self) -> Digest {
        let signed = self.changes.iter().map(|change| {
            let bytes = change.envelope.signed_bytes().unwrap_or_default();
            Digest::of(&bytes).to_string()
        });
        Digest::of(signed.collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// The application.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The file of a proposed role, with the signatures so far.
    pub fn role_file(&self, role: &str) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.change(role)?.envelope).ok()
    }

    /// When it was made.
    pub fn created(&self) -> Time {
        self.created
    }

    /// The roles whose next versions it holds.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(|change| change.role.as_str())
    }

    /// The state that it was made for. Whether that is the true one, only somebody who has a copy
    /// of the repository can tell.
    ///
    /// # Errors
    /// It is not whole.
    pub fn before(&self) -> Result<Repository, Error> {
        if self.before.is_empty() {
            return Ok(Repository::empty(self.app.clone(), Expiry::default()));
        }
        let bytes = |(path, text): (&String, &String)| (path.clone(), text.clone().into_bytes());
        let files = self.before.iter().map(bytes).collect();
        Repository::parse(self.app.clone(), Expiry::default(), files)
    }

    /// Adds the signatures of another copy.
    ///
    /// # Errors
    /// [`Error::OtherProposal`] when it proposes something else.
    pub fn absorb(&mut self, other: Self) -> Result<(), Error> {
        if self.digest() != other.digest() {
            return Err(Error::OtherProposal);
        }
        for (mine, theirs) in self.changes.iter_mut().zip(other.changes) {
            for signature in theirs.envelope.signatures {
                mine.add(signature);
            }
        }
        Ok(())
    }

    pub(crate) fn change(&self, role: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.role == role)
    }
}

impl Repository {
    /// Digest of the newest file of a role.
    pub(crate) fn digest_of(&self, role: &str) -> Option<Digest> {
        let file = self.files.get(&path(role, self.version_of(role)?))?;
        Some(Digest::of(file))
    }

    /// The version of a role that is signed by people or by a channel.
    pub(crate) fn version_of(&self, role: &str) -> Option<u64> {
        match role {
            "root" => Some(self.root.version),
            "targets" => Some(self.targets.version),
            role => self.roles.get(role).map(|role| role.version),
        }
    }

    /// What a signer must see: the metadata that a client reaches.
    fn as_text(&self) -> BTreeMap<String, String> {
        let text = |path: String| {
            let bytes = self.files.get(&path)?;
            Some((path, String::from_utf8(bytes.clone()).ok()?))
        };
        self.reachable().into_iter().filter_map(text).collect()
    }
}
