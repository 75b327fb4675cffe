//! Withdrawing a release: another one takes its place, whatever the versions.

use exuvia_core::metadata::Targets;
use exuvia_core::names::{Channel, Kind, Platform};
use exuvia_core::release::Facts;
use exuvia_core::{Digest, Time};
use semver::Version;
use serde_json::{Value, json};

use crate::repository::{Listed, role_name};
use crate::sign::Draft;
use crate::{Error, Proposal, Repository};

/// Which release is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// A listed version.
    Version(Version),
    /// A bundle, listed or not: somebody else may have listed it with a stolen key.
    Bundle(Digest),
}

/// What is to be withdrawn, and what takes its place.
#[derive(Debug, Clone)]
pub struct Yank {
    /// The channel.
    pub channel: Channel,
    /// The release.
    pub what: Withdrawn,
    /// The version that takes its place; if absent, the newest other one.
    pub to: Option<Version>,
}

/// A release that was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yanked {
    /// Its platform.
    pub platform: Platform,
    /// Its kind.
    pub kind: Kind,
    /// Its version, if it was listed.
    pub version: Option<Version>,
    /// Its bundle.
    pub bundle: Digest,
    /// The version that takes its place.
    pub to: Version,
}

impl Repository {
    /// Proposes to withdraw a release: it is listed no more, and the one that takes its place names
    /// it in `supersedes`, so that who runs it is moved off it. Its version is never given again.
    ///
    /// # Errors
    /// [`Error::NoSuchRelease`]; [`Error::NothingInstead`]; [`Error::DataNotReadable`] when the
    /// version that takes its place could not read what it wrote.
    pub fn propose_yank(&self, yank: &Yank, now: Time) -> Result<(Proposal, Vec<Yanked>), Error> {
        let mut draft = Draft::new(self, now);
        let mut all = Vec::new();
        for (channel, platform) in self.platforms() {
            if channel != yank.channel {
                continue;
            }
            let listed = self.listed(&channel, &platform)?;
            let yanked = yank.on(&platform, &listed)?;
            if yanked.is_empty() {
                continue;
            }
            let name = role_name(&channel, &platform);
            draft.edit_list(&name, |list| {
                yanked.iter().try_for_each(|one| withdraw(list, &listed, one))
            })?;
            all.extend(yanked);
        }
        if all.is_empty() {
            return Err(yank.not_found());
        }
        Ok((draft.proposal(), all))
    }

    /// The versions that were withdrawn from a channel and platform.
    pub(crate) fn yanked(&self, channel: &Channel, platform: &Platform) -> Vec<Version> {
        let role = self.roles.get(&role_name(channel, platform));
        let list = role.and_then(|role| role.extra.get(YANKED)).and_then(Value::as_array);
        let version = |entry: &Value| entry.get("version")?.as_str()?.parse().ok();
        list.into_iter().flatten().filter_map(version).collect()
    }
}

impl Yank {
    /// What is withdrawn on one platform.
    fn on(&self, platform: &Platform, listed: &[Listed]) -> Result<Vec<Yanked>, Error> {
        let fulls = || listed.iter().map(|l| &l.facts).filter(|facts| facts.delta.is_none());
        let matches = |facts: &&Facts| match &self.what {
            Withdrawn::Version(version) => facts.version.cmp_precedence(version).is_eq(),
            Withdrawn::Bundle(digest) => facts.bundle.digest == *digest,
        };
        let mut found = Vec::new();
        for bad in fulls().filter(matches) {
            let instead = self.instead(bad, fulls())?;
            check_data(bad, instead)?;
            found.push(Yanked {
                platform: platform.clone(),
                kind: bad.kind,
                version: Some(bad.version.clone()),
                bundle: bad.bundle.digest,
                to: instead.version.clone(),
            });
        }
        // A bundle that is not listed here: each kind's release takes its place.
        if let (Withdrawn::Bundle(bundle), true) = (&self.what, found.is_empty()) {
            let mut kinds: Vec<Kind> = fulls().map(|facts| facts.kind).collect();
            kinds.sort();
            kinds.dedup();
            for kind in kinds {
                let Some(to) = self.candidate(kind, None, fulls()) else { continue };
                let (platform, to) = (platform.clone(), to.version.clone());
                found.push(Yanked { platform, kind, version: None, bundle: *bundle, to });
            }
        }
        Ok(found)
    }

    fn instead<'a>(
        &self,
        bad: &Facts,
        fulls: impl Iterator<Item = &'a Facts>,
    ) -> Result<&'a Facts, Error> {
        let nothing = || Error::NothingInstead {
            version: bad.version.clone(),
            platform: bad.platform.clone(),
            kind: bad.kind,
        };
        self.candidate(bad.kind, Some(bad.bundle.digest), fulls).ok_or_else(nothing)
    }

    fn candidate<'a>(
        &self,
        kind: Kind,
        not: Option<Digest>,
        fulls: impl Iterator<Item = &'a Facts>,
    ) -> Option<&'a Facts> {
        fulls
            .filter(|facts| facts.kind == kind && Some(facts.bundle.digest) != not)
            .filter(|facts| {
                self.to.as_ref().is_none_or(|to| facts.version.cmp_precedence(to).is_eq())
            })
            .max_by(|a, b| a.version.cmp_precedence(&b.version))
    }

    fn not_found(&self) -> Error {
        let what = match &self.what {
            Withdrawn::Version(version) => version.to_string(),
            Withdrawn::Bundle(digest) => digest.to_string(),
        };
        Error::NoSuchRelease { what, channel: self.channel.clone() }
    }
}

/// A version that goes back must be able to read the data of the one that is left.
fn check_data(bad: &Facts, instead: &Facts) -> Result<(), Error> {
    let readable_from = bad.data.as_ref().and_then(|data| data.readable_from.as_ref());
    match readable_from {
        Some(from) if instead.version.cmp_precedence(from).is_lt() => Err(Error::DataNotReadable {
            version: bad.version.clone(),
            to: instead.version.clone(),
            readable_from: Box::new(from.clone()),
        }),
        _ => Ok(()),
    }
}

fn withdraw(role: &mut Targets, listed: &[Listed], yanked: &Yanked) -> Result<(), Error> {
    let of_kind = || listed.iter().filter(|there| there.facts.kind == yanked.kind);
    let bad = of_kind().filter(|there| there.facts.bundle.digest == yanked.bundle);
    let mut supersedes = vec![yanked.bundle];
    for there in bad {
        // What it replaced is replaced still.
        supersedes.extend(&there.facts.supersedes);
        role.targets.remove(&there.path);
    }
    let to = of_kind()
        .filter(|there| there.facts.delta.is_none())
        .find(|there| there.facts.version.cmp_precedence(&yanked.to).is_eq());
    if let Some(to) = to
        && let Some(file) = role.targets.get_mut(&to.path)
    {
        let mut facts = to.facts.clone();
        supersedes
            .retain(|digest| !facts.supersedes.contains(digest) && *digest != facts.bundle.digest);
        facts.supersedes.extend(supersedes);
        let custom = facts.to_value();
        let custom = custom.map_err(|source| Error::Facts { path: to.path.clone(), source })?;
        file.custom = Some(json!({ "exuvia": custom }));
    }
    if let Some(version) = &yanked.version {
        let list = role.extra.entry(YANKED).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            let entry = json!({ "version": version, "kind": yanked.kind, "bundle": yanked.bundle });
            list.push(entry);
        }
    }
    Ok(())
}

/// Where a role remembers the versions that may not come again; clients need not know.
const YANKED: &str = "x-exuvia-yanked";
