//! The online role that may hold gated releases back for a while, and nothing else.

use std::collections::BTreeMap;

use exuvia_core::metadata::TargetFile;
use exuvia_core::names::Channel;
use exuvia_core::rollout::{Pace, Rollout};
use exuvia_core::{Digest, Time};
use semver::Version;
use serde_json::{Map, json};

use crate::repository::remote_path;
use crate::sign::Draft;
use crate::{Changes, Error, Keyring, Keys, Repository};

/// The role's name.
pub const ROLLOUT: &str = "rollout";

impl Repository {
    /// Delegates rollouts to a key of their own.
    ///
    /// # Errors
    /// As [`Repository::add_platform`].
    pub fn add_rollout(&mut self, of: &Keys, keys: &Keyring, now: Time) -> Result<Changes, Error> {
        let paths = vec![format!("{ROLLOUT}/*")];
        let (state, changes) = self.delegated(ROLLOUT, paths, of, now)?.finish(keys)?;
        *self = state;
        Ok(changes)
    }

    /// Whether rollouts have a role.
    pub fn has_rollout(&self) -> bool {
        self.roles.contains_key(ROLLOUT)
    }

    /// The rollout of a channel, if one was ever set.
    ///
    /// # Errors
    /// It is listed, but cannot be read.
    pub fn rollout(&self, channel: &Channel) -> Result<Option<Rollout>, Error> {
        let path = Rollout::path(channel);
        let file = self.roles.get(ROLLOUT).and_then(|role| role.targets.get(&path));
        let Some(file) = file else { return Ok(None) };
        let facts = file.custom.as_ref().and_then(|custom| custom.get("exuvia"));
        let facts = facts.ok_or_else(|| Error::Unreadable { path: path.clone() })?;
        let rollout = Rollout::parse(facts, &self.app, channel);
        rollout.map(Some).map_err(|source| Error::Facts { path, source })
    }

    /// Sets the pace of a gated release on every platform of a channel.
    ///
    /// # Errors
    /// [`Error::NoSuchRelease`]; [`Error::NotGated`]; [`Error::UnknownRole`] before
    /// [`Repository::add_rollout`]; keys of rollout, snapshot or timestamp that are not at hand.
    pub fn set_pace(
        &mut self,
        channel: &Channel,
        version: &Version,
        pace: Pace,
        keys: &Keyring,
        now: Time,
    ) -> Result<Changes, Error> {
        let live = self.gated(channel)?;
        let known = |v: &Version| v.cmp_precedence(version).is_eq();
        match live.iter().find(|(v, _)| known(v)) {
            Some((_, true)) => {}
            Some((version, false)) => return Err(Error::NotGated { version: version.clone() }),
            None => {
                let (what, channel) = (version.to_string(), channel.clone());
                return Err(Error::NoSuchRelease { what, channel });
            }
        }
        let none = || Rollout::new(self.app.clone(), channel.clone());
        let mut rollout = self.rollout(channel)?.unwrap_or_else(none);
        rollout.keep(|version| live.iter().any(|(v, _)| v.cmp_precedence(version).is_eq()));
        rollout.set(version.clone(), pace);
        let mut draft = Draft::new(self, now);
        let role = draft.role_mut(ROLLOUT)?;
        role.targets.insert(Rollout::path(channel), target(&rollout));
        draft.propose_role(ROLLOUT)?;
        let (state, changes) = draft.finish(keys)?;
        *self = state;
        Ok(changes)
    }

    /// Where the empty file of a channel's rollout belongs.
    pub fn rollout_file(channel: &Channel) -> String {
        remote_path(&Rollout::path(channel), Digest::of(b""))
    }

    /// The versions of a channel, and whether each is gated on some platform.
    fn gated(&self, channel: &Channel) -> Result<Vec<(Version, bool)>, Error> {
        let mut found: Vec<(Version, bool)> = Vec::new();
        for (there, platform) in self.platforms() {
            if there != *channel {
                continue;
            }
            for listed in self.listed(&there, &platform)? {
                let (version, gated) = (listed.facts.version, listed.facts.gated.is_some());
                match found.iter_mut().find(|(v, _)| v.cmp_precedence(&version).is_eq()) {
                    Some((_, known)) => *known |= gated,
                    None => found.push((version, gated)),
                }
            }
        }
        Ok(found)
    }
}

fn target(rollout: &Rollout) -> TargetFile {
    TargetFile {
        length: 0,
        hashes: BTreeMap::from([("sha256".to_owned(), Digest::of(b"").to_string())]),
        custom: Some(json!({ "exuvia": rollout.to_value() })),
        extra: Map::new(),
    }
}
