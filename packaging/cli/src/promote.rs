//! A release of one channel, listed in another one too.

use exuvia_core::names::{Channel, Kind, Platform};
use exuvia_core::release::{Facts, Gated};
use exuvia_repo::{Error as Repo, Listed, NewDelta, NewRelease, Repository};
use semver::Version;
use serde::Serialize;

use crate::publish::copy_as;
use crate::{Error, Publisher};

/// A release that another channel lists now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromoteReport {
    /// Its platform.
    pub platform: Platform,
    /// Its kind.
    pub kind: Kind,
    /// Deltas that came along.
    pub deltas: usize,
    /// Whether the channel had it already.
    pub there_already: bool,
}

impl Publisher {
    /// Lists a release of a channel in another one, on every platform: the same files, with deltas
    /// from what the other channel lists. Interrupted, it goes on where it was.
    ///
    /// # Errors
    /// As [`Publisher::release`](crate::Publisher::release); the channel does not list it.
    pub fn promote(
        &mut self,
        version: &Version,
        from: &Channel,
        to: &Channel,
        gated: Option<u32>,
    ) -> Result<Vec<PromoteReport>, Error> {
        let _lock = self.folder.lock()?;
        let now = self.now();
        let mut reports = Vec::new();
        for (channel, platform) in self.folder.repository()?.platforms() {
            if channel != *from {
                continue;
            }
            let listed = self.folder.repository()?.listed(from, &platform)?;
            let of_version = |one: &&Listed| one.facts.version.cmp_precedence(version).is_eq();
            let fulls = listed.iter().filter(of_version).filter(|one| one.facts.delta.is_none());
            for full in fulls {
                let facts = Facts {
                    channel: to.clone(),
                    published: now,
                    gated: gated.map(|max_days| Gated { max_days }),
                    supersedes: Vec::new(),
                    ..full.facts.clone()
                };
                reports.push(self.promote_one(facts, full, &listed)?);
            }
        }
        if reports.is_empty() {
            let (what, channel) = (version.to_string(), from.clone());
            return Err(Repo::NoSuchRelease { what, channel }.into());
        }
        Ok(reports)
    }

    fn promote_one(
        &mut self,
        facts: Facts,
        full: &Listed,
        listed: &[Listed],
    ) -> Result<PromoteReport, Error> {
        let now = self.now();
        let (platform, kind) = (facts.platform.clone(), facts.kind);
        let mut state = self.prepare(&facts.channel, &platform, now)?;
        let known = state.repository.listed(&facts.channel, &platform)?;
        let along: Vec<&Listed> = listed.iter().filter(|one| leads(one, &facts, &known)).collect();
        let deltas = along.iter().filter_map(|one| {
            let delta = one.facts.delta.as_ref()?;
            Some(NewDelta { from: delta.from, format: delta.format.clone(), payload: one.payload })
        });
        let adding = has_version(&state.repository, &facts)?;
        let new = NewRelease { facts, full: full.payload, deltas: deltas.collect(), adding };
        let released = match state.repository.release(&new, &state.keyring, now) {
            Ok(released) => released,
            Err(Repo::AlreadyReleased { .. }) => {
                return Ok(PromoteReport { platform, kind, deltas: 0, there_already: true });
            }
            Err(refused) => return Err(refused.into()),
        };
        let dir = &self.folder.dir;
        for (one, at) in along.iter().zip(&released.deltas) {
            copy_as(dir, &one.remote_path, dir, at, one.payload)?;
        }
        copy_as(dir, &full.remote_path, dir, &released.full, full.payload)?;
        state.changes.push(released.changes);
        for changes in &state.changes {
            self.folder.write(changes)?;
        }
        Ok(PromoteReport { platform, kind, deltas: along.len(), there_already: false })
    }
}

/// Whether it is a delta to the release, from something that the other channel lists.
fn leads(one: &Listed, to: &Facts, known: &[Listed]) -> bool {
    let Some(delta) = &one.facts.delta else { return false };
    let base = |there: &Listed| {
        there.facts.delta.is_none()
            && there.facts.kind == to.kind
            && there.facts.bundle.digest == delta.from
            && there.facts.reads.contains(&delta.format)
    };
    delta.to == to.bundle.digest && one.facts.kind == to.kind && known.iter().any(base)
}

/// Whether the channel has the version on some platform or in some kind.
fn has_version(repository: &Repository, facts: &Facts) -> Result<bool, Error> {
    for (channel, platform) in repository.platforms() {
        if channel == facts.channel {
            let listed = repository.listed(&channel, &platform)?;
            if listed.iter().any(|one| one.facts.version.cmp_precedence(&facts.version).is_eq()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
