use std::collections::{BTreeMap, BTreeSet};

use exuvia_core::metadata::TargetFile;
use exuvia_core::release::{DeltaFacts, Facts, Requires};
use exuvia_core::{Digest, Time};
use semver::Version;
use serde_json::{Map, json};

use crate::repository::{Listed, remote_path, role_name};
use crate::sign::Draft;
use crate::{Changes, Error, Keyring, Proposal, Repository};

/// Length and digest of a file under `targets/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the file as it is downloaded.
    pub sha256: Digest,
}

/// A delta that comes with a new release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelta {
    /// Digest of the bundle that it starts from; the role must list it.
    pub from: Digest,
    /// Its format, such as `exuvia-delta-3`.
    pub format: String,
    /// Its file.
    pub payload: Payload,
}

/// A release to be listed.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// What is said about it. Application, channel, platform, kind and version stand here.
    pub facts: Facts,
    /// The compressed full bundle.
    pub full: Payload,
    /// Deltas that lead to it.
    pub deltas: Vec<NewDelta>,
    /// Whether it adds a platform or a kind to a version that the channel has already.
    pub adding: bool,
}

/// A release that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Where the full bundle belongs, below the repository's base address.
    pub full: String,
    /// Where each delta belongs, in the order given.
    pub deltas: Vec<String>,
    /// Versions of this kind that the role lists no longer. Their files may stay.
    pub dropped: Vec<Version>,
    /// The metadata to write after those files are in place.
    pub changes: Changes,
}

/// How many releases of each kind a role lists.
pub const KEPT: usize = 5;

/// The most bytes a role that lists releases may have.
pub const ROLE_LIMIT: u64 = 64 * 1024;

impl Repository {
    /// Lists a release and its deltas, and drops what is beyond the newest five of its kind.
    ///
    /// # Errors
    /// A version that is not higher than the newest of its channel (or, when adding, one that the
    /// channel does not have); a version or content that is listed already; a role over
    /// [`ROLE_LIMIT`]; facts that no client would understand; keys of the channel, snapshot or
    /// timestamp that are not at hand; a result that a client would refuse.
    pub fn release(
        &mut self,
        new: &NewRelease,
        keys: &Keyring,
        now: Time,
    ) -> Result<Released, Error> {
        let (mut proposal, mut released) = self.propose_release(new, now)?;
        proposal.sign(self, keys)?;
        let (state, changes) = proposal.finish(self, keys, now)?;
        *self = state;
        released.changes = changes;
        Ok(released)
    }

    /// As [`Repository::release`], for others to sign: where its files belong, and no metadata yet.
    ///
    /// # Errors
    /// As [`Repository::release`], except for keys.
    pub fn propose_release(
        &self,
        new: &NewRelease,
        now: Time,
    ) -> Result<(Proposal, Released), Error> {
        let listed = self.check(new)?;
        let name = role_name(&new.facts.channel, &new.facts.platform);
        let deltas = new
            .deltas
            .iter()
            .map(|delta| delta_target(&new.facts, delta, &listed))
            .collect::<Result<Vec<_>, Error>>()?;
        let full = target(full_path(&new.facts), new.full, &new.facts)?;
        let remote =
            |(path, _): &(String, TargetFile), payload: Payload| remote_path(path, payload.sha256);
        let full_remote = remote(&full, new.full);
        let delta_remotes =
            deltas.iter().zip(&new.deltas).map(|(target, new)| remote(target, new.payload));
        let delta_remotes = delta_remotes.collect();

        let dropped = dropped(&listed, &new.facts);
        let mut draft = Draft::new(self, now);
        draft.edit_list(&name, |list| {
            list.targets.extend(deltas.into_iter().chain([full]));
            list.targets.retain(|path, _| !dropped.paths.contains(path));
            Ok(())
        })?;
        let released = Released {
            full: full_remote,
            deltas: delta_remotes,
            dropped: dropped.versions.into_iter().collect(),
            changes: Changes::default(),
        };
        Ok((draft.proposal(), released))
    }

    /// Whether a release could be listed, before the work of making its deltas: all that
    /// [`Repository::release`] checks except sizes and keys.
    ///
    /// # Errors
    /// As [`Repository::release`].
    pub fn accepts(&self, facts: &Facts, adding: bool) -> Result<(), Error> {
        let payload = Payload { length: 0, sha256: facts.bundle.digest };
        let new = NewRelease { facts: facts.clone(), full: payload, deltas: Vec::new(), adding };
        self.check(&new).map(|_| ())
    }

    /// The rules for a new release; answers with what its role lists so far.
    fn check(&self, new: &NewRelease) -> Result<Vec<Listed>, Error> {
        let facts = &new.facts;
        if facts.app != self.app {
            let (expected, found) = (self.app.clone(), facts.app.clone());
            return Err(Error::OtherApp { expected, found });
        }
        if facts.delta.is_some() {
            return Err(Error::FactsOfDelta);
        }
        facts.to_value().map_err(|source| Error::Facts { path: full_path(facts), source })?;
        let listed = self.listed(&facts.channel, &facts.platform)?;
        check_content(facts, &listed)?;
        if let Some(newest) = newest(listed.iter().filter(|old| old.facts.kind == facts.kind))
            && newest.cmp_precedence(&facts.version).is_ge()
        {
            return Err(not_higher(facts, newest));
        }
        let yanked = self.yanked(&facts.channel, &facts.platform);
        let newest = yanked.iter().max_by(|a, b| a.cmp_precedence(b));
        if let Some(newest) = newest.filter(|newest| newest.cmp_precedence(&facts.version).is_ge())
        {
            return Err(not_higher(facts, newest));
        }
        self.check_version(facts, new.adding)?;
        Ok(listed)
    }

    /// The version against all that the channel has on any platform.
    fn check_version(&self, facts: &Facts, adding: bool) -> Result<(), Error> {
        let mut all = Vec::new();
        for (channel, platform) in self.platforms() {
            if channel == facts.channel {
                all.extend(self.listed(&channel, &platform)?);
            }
        }
        let exists = all.iter().any(|old| same_version(&old.facts, facts));
        let version = facts.version.clone();
        match (adding, exists) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::NothingToAddTo { version, channel: facts.channel.clone() }),
            (false, true) => Err(Error::NotAdding { version }),
            (false, false) => match newest(all.iter()) {
                Some(newest) if newest.cmp_precedence(&version).is_ge() => {
                    Err(not_higher(facts, newest))
                }
                _ => Ok(()),
            },
        }
    }
}

/// The path of a full release in the metadata (docs/formats.md §2).
fn full_path(facts: &Facts) -> String {
    let Facts { channel, platform, version, kind, .. } = facts;
    format!("{channel}/{platform}/{version}-{kind}.tar.zst")
}

fn delta_path(facts: &Facts, from: &Version) -> String {
    let Facts { channel, platform, version, kind, .. } = facts;
    format!("{channel}/{platform}/{version}-{kind}-from-{from}.delta")
}

/// (app, version, platform, kind) names one digest for ever, and one digest only one version: the
/// same content under a new version is a build that was forgotten.
fn check_content(facts: &Facts, listed: &[Listed]) -> Result<(), Error> {
    let fulls = listed.iter().filter(|old| old.facts.delta.is_none());
    for old in fulls.filter(|old| old.facts.kind == facts.kind) {
        let same_content = old.facts.bundle.digest == facts.bundle.digest;
        let Facts { version, platform, kind, .. } = facts;
        let (version, platform, kind) = (version.clone(), platform.clone(), *kind);
        match (same_version(&old.facts, facts), same_content) {
            (true, true) => return Err(Error::AlreadyReleased { version, platform, kind }),
            (true, false) => {
                let published = old.facts.bundle.digest;
                return Err(Error::OtherContent { version, platform, kind, published });
            }
            (false, true) => {
                return Err(Error::SameContent { version, other: old.facts.version.clone() });
            }
            (false, false) => {}
        }
    }
    Ok(())
}

fn delta_target(
    facts: &Facts,
    delta: &NewDelta,
    listed: &[Listed],
) -> Result<(String, TargetFile), Error> {
    let is_base = |old: &&Listed| {
        old.facts.delta.is_none()
            && old.facts.kind == facts.kind
            && old.facts.bundle.digest == delta.from
    };
    let base = listed.iter().find(is_base).ok_or(Error::UnknownBase { from: delta.from })?;
    let base = &base.facts;
    if !base.reads.contains(&delta.format) {
        let (version, format) = (base.version.clone(), delta.format.clone());
        return Err(Error::FormatNotRead { version, format });
    }
    let leads =
        DeltaFacts { format: delta.format.clone(), from: delta.from, to: facts.bundle.digest };
    target(delta_path(facts, &base.version), delta.payload, &of_delta(facts, leads))
}

/// The facts of a delta say what is required of any target and where it leads. What is said about
/// the release stands at its full target, once.
fn of_delta(facts: &Facts, delta: DeltaFacts) -> Facts {
    Facts {
        facts: facts.facts,
        app: facts.app.clone(),
        version: facts.version.clone(),
        channel: facts.channel.clone(),
        platform: facts.platform.clone(),
        kind: facts.kind,
        published: facts.published,
        executable: facts.executable.clone(),
        bundle: facts.bundle,
        notes: BTreeMap::new(),
        notes_targets: BTreeMap::new(),
        requires: Requires::default(),
        critical: false,
        gated: None,
        data: None,
        supersedes: Vec::new(),
        safe_from: None,
        crit: Vec::new(),
        reads: facts.reads.clone(),
        delta: Some(delta),
        extra: Map::new(),
    }
}

fn target(path: String, payload: Payload, facts: &Facts) -> Result<(String, TargetFile), Error> {
    let custom = facts.to_value();
    let custom = custom.map_err(|source| Error::Facts { path: path.clone(), source })?;
    let file = TargetFile {
        length: payload.length,
        hashes: BTreeMap::from([("sha256".to_owned(), payload.sha256.to_string())]),
        custom: Some(json!({ "exuvia": custom })),
        extra: Map::new(),
    };
    Ok((path, file))
}

/// What the role lists beyond the newest five of the new release's kind, itself counted.
struct Dropped {
    paths: BTreeSet<String>,
    versions: BTreeSet<Version>,
}

fn dropped(listed: &[Listed], new: &Facts) -> Dropped {
    let of_kind = || listed.iter().filter(|old| old.facts.kind == new.kind);
    let mut versions: Vec<Version> = of_kind()
        .filter(|old| old.facts.delta.is_none())
        .map(|old| old.facts.version.clone())
        .collect();
    versions.sort_by(|a, b| b.cmp_precedence(a));
    let versions: BTreeSet<Version> = versions.into_iter().skip(KEPT - 1).collect();
    let paths = of_kind()
        .filter(|old| versions.iter().any(|v| v.cmp_precedence(&old.facts.version).is_eq()))
        .map(|old| old.path.clone())
        .collect();
    Dropped { paths, versions }
}

fn newest<'a>(listed: impl Iterator<Item = &'a Listed>) -> Option<&'a Version> {
    listed.map(|old| &old.facts.version).max_by(|a, b| a.cmp_precedence(b))
}

fn same_version(a: &Facts, b: &Facts) -> bool {
    a.version.cmp_precedence(&b.version).is_eq()
}

fn not_higher(facts: &Facts, newest: &Version) -> Error {
    Error::VersionNotHigher {
        version: facts.version.clone(),
        newest: newest.clone(),
        channel: facts.channel.clone(),
    }
}
