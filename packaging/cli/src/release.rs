//! One release: bundle, deltas, metadata; payloads first, the timestamp last.

use std::collections::BTreeMap;
use std::path::PathBuf;

use exuvia_bundle::Tree as _;
use exuvia_core::names::{Channel, Kind, Platform};
use exuvia_core::release::{BundleFacts, DataFacts, FACTS_VERSION, Facts, Gated, Requires};
use exuvia_core::{Digest, Time};
use exuvia_durable::Dir;
use exuvia_repo::{Changes, Error as Repo, Keys, Listed, NewRelease, Repository, role_name};
use semver::Version;
use serde::Serialize;
use serde_json::Map;

use crate::ceremony::Outcome;
use crate::deltas::{self, Costs, DeltaReport, Goal};
use crate::packing;
use crate::source::Source;
use crate::watch::Watch;
use crate::{Error, Publisher};

/// What is to be released, and what is said about it.
#[derive(Debug, Clone)]
pub struct ReleaseOptions {
    /// The folder or file that holds the new version.
    pub path: PathBuf,
    /// The new version.
    pub version: Version,
    /// For which platform; this machine's if absent.
    pub platform: Option<Platform>,
    /// In which channel; that of `exuvia.json` if absent.
    pub channel: Option<Channel>,
    /// As what; by the path if absent.
    pub kind: Option<Kind>,
    /// What changed, by language.
    pub notes: BTreeMap<String, String>,
    /// Whether it ignores rollouts and is offered again after it failed.
    pub critical: bool,
    /// The days that a rollout may hold it back at most; if absent, none may.
    pub gated: Option<u32>,
    /// Whether a platform or kind is added to a version that exists.
    pub adding: bool,
    /// The program inside the folder; found if absent.
    pub executable: Option<String>,
    /// What it does to the application's own data.
    pub data: Option<DataFacts>,
    /// The oldest version that a manual rollback may reach.
    pub safe_from: Option<Version>,
    /// The lowest kernel or system version.
    pub requires_os: Option<String>,
    /// The lowest version that may update straight to this one.
    pub requires_from: Option<Version>,
    /// From how many of the last releases deltas are made.
    pub deltas: usize,
    /// What these may cost.
    pub costs: Costs,
    /// Zstandard level of the full download, 1 to 22.
    pub level: i32,
}

impl ReleaseOptions {
    /// A release of `path`, with defaults for everything else.
    pub fn new(path: impl Into<PathBuf>, version: Version) -> Self {
        Self {
            path: path.into(),
            version,
            platform: None,
            channel: None,
            kind: None,
            notes: BTreeMap::new(),
            critical: false,
            gated: None,
            adding: false,
            executable: None,
            data: None,
            safe_from: None,
            requires_os: None,
            requires_from: None,
            deltas: 5,
            costs: Costs::default(),
            level: 19,
        }
    }
}

/// A release that was made.
#[derive(Debug, Clone, Serialize)]
pub struct ReleaseReport {
    /// The version.
    pub version: Version,
    /// Its channel.
    pub channel: Channel,
    /// Its platform.
    pub platform: Platform,
    /// Its kind.
    pub kind: Kind,
    /// The program inside it.
    pub executable: String,
    /// The digest that names its content.
    pub bundle: Digest,
    /// Bytes of the unpacked bundle.
    pub bundle_length: u64,
    /// Number of its files.
    pub files: u64,
    /// Bytes of the full download.
    pub full: u64,
    /// What became of each delta.
    pub deltas: Vec<DeltaReport>,
    /// Versions that the channel lists no longer.
    pub dropped: Vec<Version>,
    /// What it waits for, if other people must sign it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Outcome>,
}

impl Publisher {
    /// Releases a version: builds its bundle, makes and proves deltas from the last releases, signs
    /// and writes the metadata. Killed at any moment, the folder holds the state before or after.
    ///
    /// # Errors
    /// What stands at the path cannot be released; the version or its content is refused
    /// ([`exuvia_repo::Error`]); a wrong passphrase or missing key; local failures.
    pub fn release(
        &mut self,
        options: &ReleaseOptions,
        watch: &dyn Watch,
    ) -> Result<ReleaseReport, Error> {
        let _lock = self.folder.lock()?;
        let (channel, platform) = self.place_of(options);
        let now = self.now();
        let mut state = self.prepare(&channel, &platform, now)?;
        let app = &self.folder.settings.app;
        let source = Source::read(
            &options.path,
            options.kind,
            options.executable.as_deref(),
            app,
            self.folder.path(),
        )?;
        let facts = self.facts(options, &source, channel, platform, now)?;
        // Cheap refusals before dear work.
        state.repository.accepts(&facts, options.adding)?;
        let work = self.folder.work()?;
        let made = Made::make(self, &work, &source, &state.repository, facts, options, watch)?;
        let (released, proposal) = match state.repository.release(&made.new, &state.keyring, now) {
            Ok(released) => (released, None),
            // One of several signers is here: the others get a proposal.
            Err(Repo::MissingKeys { have: 1.., .. }) if state.changes.is_empty() => {
                let (proposal, released) = state.repository.propose_release(&made.new, now)?;
                (released, Some(proposal))
            }
            Err(refused) => return Err(refused.into()),
        };
        let names = made.delta_names.iter().zip(&released.deltas);
        for (name, at) in names {
            self.folder.place(&work, name, at)?;
        }
        self.folder.place(&work, FULL, &released.full)?;
        state.changes.push(released.changes);
        for changes in &state.changes {
            self.folder.write(changes)?;
        }
        self.folder.end_work()?;
        let waits =
            proposal.map(|proposal| self.settle(proposal, &state.repository)).transpose()?;
        Ok(ReleaseReport { waits, ..made.report(&released.dropped) })
    }

    fn place_of(&self, options: &ReleaseOptions) -> (Channel, Platform) {
        let channel = options.channel.clone();
        let channel = channel.unwrap_or_else(|| self.folder.config.channel.clone());
        (channel, options.platform.clone().unwrap_or_else(host))
    }

    /// Opens the keys, and delegates to a channel and platform that is new, in memory.
    pub(crate) fn prepare(
        &mut self,
        channel: &Channel,
        platform: &Platform,
        now: Time,
    ) -> Result<State, Error> {
        let role = role_name(channel, platform);
        let mut repository = self.folder.repository()?;
        let known = repository.platforms().contains(&(channel.clone(), platform.clone()));
        let needed: &[&str] = if known { &[&role] } else { &["targets"] };
        for role in needed.iter().chain(&["snapshot", "timestamp"]) {
            self.require_key(role)?;
        }
        let mut keyring = self.keyring(&[&role, "targets", "snapshot", "timestamp"])?;
        let mut changes = Vec::new();
        if !known {
            let key = self.channel_key(&role)?;
            let of = Keys::any_of([key.public()]);
            keyring.add_boxed(key);
            changes.push(repository.add_platform(channel, platform, &of, &keyring, now)?);
        }
        Ok(State { repository, keyring, changes })
    }

    fn facts(
        &self,
        options: &ReleaseOptions,
        source: &Source,
        channel: Channel,
        platform: Platform,
        now: Time,
    ) -> Result<Facts, Error> {
        let written = packing::measure(&source.tree, &options.path)?;
        let bundle = BundleFacts {
            digest: Digest::from_bytes(*written.digest.as_bytes()),
            length: written.length,
            files: source.tree.manifest().files(),
        };
        let requires = Requires {
            os: options.requires_os.clone(),
            from: options.requires_from.clone(),
            extra: Map::new(),
        };
        Ok(Facts {
            facts: FACTS_VERSION,
            app: self.folder.settings.app.clone(),
            version: options.version.clone(),
            channel,
            platform,
            kind: source.kind,
            published: now,
            executable: source.executable.as_str().to_owned(),
            bundle,
            notes: options.notes.clone(),
            notes_targets: BTreeMap::new(),
            requires,
            critical: options.critical,
            gated: options.gated.map(|max_days| Gated { max_days }),
            data: options.data.clone(),
            supersedes: Vec::new(),
            safe_from: options.safe_from.clone(),
            crit: Vec::new(),
            reads: vec![exuvia_delta::FORMAT.to_owned()],
            delta: None,
            extra: Map::new(),
        })
    }
}

/// What a release starts from.
pub(crate) struct State {
    pub(crate) repository: Repository,
    pub(crate) keyring: exuvia_repo::Keyring,
    /// Metadata that is written before that of the release.
    pub(crate) changes: Vec<Changes>,
}

/// Everything of a release but its metadata, in the work folder.
struct Made {
    new: NewRelease,
    delta_names: Vec<String>,
    reports: Vec<DeltaReport>,
}

impl Made {
    fn make(
        publisher: &Publisher,
        work: &Dir,
        source: &Source,
        repository: &Repository,
        facts: Facts,
        options: &ReleaseOptions,
        watch: &dyn Watch,
    ) -> Result<Self, Error> {
        let (written, full) = packing::compress(&source.tree, work, FULL, options.level, watch)?;
        if written.digest.as_bytes() != facts.bundle.digest.as_bytes() {
            return Err(Error::Changed { path: options.path.clone() });
        }
        let goal = Goal {
            tree: &source.tree,
            bundle_length: facts.bundle.length,
            files: facts.bundle.files,
            full: full.length,
        };
        let bases = bases(repository, &facts, options.deltas)?;
        let finished =
            deltas::make_all(publisher.folder(), work, bases, &goal, options.costs, watch)?;
        let (mut reports, mut deltas, mut delta_names) = (Vec::new(), Vec::new(), Vec::new());
        for one in finished {
            reports.push(one.report);
            if let Some((delta, name)) = one.delta {
                deltas.push(delta);
                delta_names.push(name);
            }
        }
        let new = NewRelease { facts, full, deltas, adding: options.adding };
        Ok(Self { new, delta_names, reports })
    }

    fn report(self, dropped: &[Version]) -> ReleaseReport {
        let Facts { version, channel, platform, kind, executable, bundle, .. } = self.new.facts;
        ReleaseReport {
            version,
            channel,
            platform,
            kind,
            executable,
            bundle: bundle.digest,
            bundle_length: bundle.length,
            files: bundle.files,
            full: self.new.full.length,
            deltas: self.reports,
            dropped: dropped.to_vec(),
            waits: None,
        }
    }
}

/// The newest releases of the same kind.
fn bases(repository: &Repository, facts: &Facts, count: usize) -> Result<Vec<Listed>, Error> {
    let mut bases = repository.listed(&facts.channel, &facts.platform)?;
    bases.retain(|old| old.facts.delta.is_none() && old.facts.kind == facts.kind);
    bases.sort_by(|a, b| b.facts.version.cmp_precedence(&a.facts.version));
    bases.truncate(count);
    Ok(bases)
}

/// The platform that this program runs on.
pub fn host() -> Platform {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Platform::new(os, arch).unwrap_or_else(|_| unreachable!("`{os}-{arch}` is a platform"))
}

/// The full bundle's name in the work folder.
const FULL: &str = "full.tar.zst";
