//! Releases: what a channel offers for one platform (formats §3).

mod facts;

use std::fmt;

use semver::Version;

pub use self::facts::{
    BundleFacts, DEFAULT_MAX_DAYS, DataFacts, DeltaFacts, FACTS_VERSION, Facts, FactsError, Gated,
    Requires, UNDERSTOOD,
};
use crate::names::{App, Channel, Kind, Platform};
use crate::{Digest, Target};

/// A release: its facts, the full target and the deltas that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    facts: Facts,
    full: Target,
    deltas: Vec<Delta>,
}

impl Release {
    /// What the publisher says about it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.facts.version
    }

    /// The digest of its bundle, which names it.
    pub fn digest(&self) -> Digest {
        self.facts.bundle.digest
    }

    /// Whether it says that it replaces a bundle, whatever the versions.
    pub fn replaces(&self, bundle: Digest) -> bool {
        self.facts.supersedes.contains(&bundle)
    }

    /// The full bundle, compressed.
    pub fn full(&self) -> &Target {
        &self.full
    }

    /// Deltas that lead to it.
    pub fn deltas(&self) -> &[Delta] {
        &self.deltas
    }
}

/// A delta: the way from one bundle to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    target: Target,
    facts: DeltaFacts,
    bundle: BundleFacts,
}

impl Delta {
    /// What to fetch.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The format of the delta.
    pub fn format(&self) -> &str {
        &self.facts.format
    }

    /// The bundle it applies to.
    pub fn from(&self) -> Digest {
        self.facts.from
    }

    /// The bundle that results.
    pub fn to(&self) -> Digest {
        self.facts.to
    }

    /// Digest, length and file count of the bundle that results.
    pub fn bundle(&self) -> BundleFacts {
        self.bundle
    }
}

/// The releases of one application in one channel for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Releases {
    /// By kind, newest first.
    releases: Vec<Release>,
    ignored: Vec<Ignored>,
}

/// A target that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The target's path.
    pub path: String,
    /// The reason.
    pub why: Why,
}

/// Why a target was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It has no release facts: something else, such as long release notes.
    NoFacts,
    /// Its facts cannot be used.
    BadFacts(FactsError),
    /// It is another application's.
    OtherApp {
        /// Whose it is.
        found: App,
    },
    /// It is of another channel.
    OtherChannel {
        /// Its channel.
        found: Channel,
    },
    /// It is for another platform.
    OtherPlatform {
        /// Its platform.
        found: Platform,
    },
    /// Its path is not below `CHANNEL/PLATFORM/`.
    OtherDirectory,
    /// Its version has another bundle already, and a version names one for ever.
    Conflict {
        /// The version.
        version: Version,
        /// The bundle that counts.
        known: Digest,
        /// The bundle of this target.
        found: Digest,
    },
    /// It is a delta to a release whose full target is not there.
    NoFull {
        /// The release's bundle.
        to: Digest,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFacts => f.write_str("it has no release facts"),
            Self::BadFacts(error) => error.fmt(f),
            Self::OtherApp { found } => write!(f, "it belongs to application {found}"),
            Self::OtherChannel { found } => write!(f, "it belongs to channel {found}"),
            Self::OtherPlatform { found } => write!(f, "it is for {found}"),
            Self::OtherDirectory => f.write_str("it lies outside its channel's directory"),
            Self::Conflict { version, known, found } => {
                write!(f, "version {version} is bundle {known} already, and it is {found}")
            }
            Self::NoFull { to } => write!(f, "the full target of bundle {to} is not there"),
        }
    }
}

impl Releases {
    /// Sorts targets into releases. What is not for this application, channel and platform, or
    /// cannot be understood, is ignored and listed as such.
    pub fn read(targets: Vec<Target>, app: &App, channel: &Channel, platform: &Platform) -> Self {
        let mut found = Self::default();
        let mut deltas = Vec::new();
        for target in targets {
            match facts_of(&target, app, channel, platform) {
                Err(why) => found.ignore(target.path(), why),
                Ok(Facts { delta: Some(facts), bundle, .. }) => {
                    deltas.push(Delta { target, facts, bundle });
                }
                Ok(facts) => found.add(facts, target),
            }
        }
        for delta in deltas {
            match found.releases.iter_mut().find(|release| release.digest() == delta.to()) {
                Some(release) => release.deltas.push(delta),
                None => found.ignore(delta.target.path(), Why::NoFull { to: delta.to() }),
            }
        }
        found.releases.sort_by(|a, b| {
            let kinds = a.facts.kind.cmp(&b.facts.kind);
            kinds.then_with(|| b.version().cmp_precedence(a.version()))
        });
        found
    }

    fn add(&mut self, facts: Facts, full: Target) {
        let same = |release: &&Release| {
            release.facts.kind == facts.kind
                && release.version().cmp_precedence(&facts.version).is_eq()
        };
        match self.releases.iter().find(same) {
            None => self.releases.push(Release { facts, full, deltas: Vec::new() }),
            Some(known) => {
                let (known, found) = (known.digest(), facts.bundle.digest);
                self.ignore(full.path(), Why::Conflict { version: facts.version, known, found });
            }
        }
    }

    fn ignore(&mut self, path: &str, why: Why) {
        self.ignored.push(Ignored { path: path.to_owned(), why });
    }

    /// The newest release of a kind.
    pub fn newest(&self, kind: Kind) -> Option<&Release> {
        self.of_kind(kind).next()
    }

    /// The releases of a kind, newest first.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Release> {
        self.releases.iter().filter(move |release| release.facts.kind == kind)
    }

    /// The release with this bundle.
    pub fn by_digest(&self, digest: Digest) -> Option<&Release> {
        self.releases.iter().find(|release| release.digest() == digest)
    }

    /// Whether a release replaces this bundle, listed or not, so that it is offered no more. Of two
    /// releases that replace each other, both stand.
    pub fn is_withdrawn(&self, bundle: Digest) -> bool {
        let listed = self.by_digest(bundle);
        let stands = |other: &Release| listed.is_some_and(|listed| listed.replaces(other.digest()));
        self.iter().any(|other| other.replaces(bundle) && !stands(other))
    }

    /// All releases, by kind, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Release> {
        self.releases.iter()
    }

    /// What was passed over, and why.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }
}

fn facts_of(
    target: &Target,
    app: &App,
    channel: &Channel,
    platform: &Platform,
) -> Result<Facts, Why> {
    let value = target.custom().and_then(|custom| custom.get("exuvia")).ok_or(Why::NoFacts)?;
    let facts = Facts::parse(value).map_err(Why::BadFacts)?;
    if facts.app != *app {
        return Err(Why::OtherApp { found: facts.app });
    }
    if facts.channel != *channel {
        return Err(Why::OtherChannel { found: facts.channel });
    }
    if facts.platform != *platform {
        return Err(Why::OtherPlatform { found: facts.platform });
    }
    if !target.path().starts_with(&format!("{channel}/{platform}/")) {
        return Err(Why::OtherDirectory);
    }
    Ok(facts)
}
