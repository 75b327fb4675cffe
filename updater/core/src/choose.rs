//! Which release is for this installation, or why none is.

mod os;
mod route;

use std::collections::BTreeSet;
use std::fmt;

use semver::{Version, VersionReq};

pub use self::route::{Route, Step, routes};
use crate::names::Kind;
use crate::release::{Release, Releases};
use crate::rollout::{InstallId, Rollout};
use crate::{Digest, Time};

/// After how many days a critical release that failed is offered again: after the first failure,
/// the second, and every later one.
pub const RETRY_DAYS: [u32; 3] = [1, 3, 7];

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The installed version.
    pub version: Version,
    /// The digest of its bundle, where known: no delta and no superseding without it.
    pub digest: Option<Digest>,
    /// Its shape.
    pub kind: Kind,
}

/// The circumstances under which is chosen.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// Delta formats that can be applied.
    pub formats: &'a [&'a str],
    /// SHA-256 of delta targets not to be tried again.
    pub avoid: &'a BTreeSet<Digest>,
    /// Releases that failed here.
    pub bad: &'a [Bad],
    /// The versions that may be offered; all of them without it. A release that supersedes what is
    /// installed must be one of them too.
    pub pin: Option<&'a VersionReq>,
    /// The application's floor.
    pub floor: Option<&'a Version>,
    /// The version of the system, or of the kernel on Linux; unknown versions are not judged.
    pub os_version: Option<&'a str>,
    /// The time.
    pub now: Time,
    /// Whether a person asked: a rollout's percentage does not hold the release back then, but a
    /// pause and a rollout that is missing or invalid do.
    pub asked_by_user: bool,
    /// The channel's rollout, if there is one that could be read.
    pub rollout: Option<&'a Rollout>,
    /// Which of the installations this is; unknown ones come last.
    pub install: Option<InstallId>,
}

/// A release that failed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// Its bundle.
    pub digest: Digest,
    /// When it failed last.
    pub since: Time,
    /// How often it failed, 1 or more.
    pub times: u32,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: there is nothing newer.
    UpToDate,
    /// Nothing, although there is a release.
    Held(Held),
    /// Update.
    Offer {
        /// The release.
        release: Box<Release>,
        /// Ways to it, cheapest first; the last one is the full bundle.
        routes: Vec<Route>,
    },
}

/// Why a release is not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// What is installed is newer than anything in the channel.
    AheadOfChannel {
        /// The installed version.
        installed: Version,
        /// The channel's newest.
        newest: Version,
    },
    /// The release is none of those that were pinned.
    Pinned {
        /// The release.
        version: Version,
    },
    /// The release failed here before.
    Bad {
        /// The release.
        version: Version,
        /// Its bundle.
        digest: Digest,
        /// When it will be offered again, if it is critical.
        again: Option<Time>,
    },
    /// The system is too old for the release.
    OsTooOld {
        /// The release.
        version: Version,
        /// The version of the system it needs.
        needed: String,
        /// The version of this system.
        found: String,
    },
    /// What is installed is too old to be updated straight to the release.
    FromTooOld {
        /// The release.
        version: Version,
        /// The lowest version it updates.
        needed: Version,
        /// The installed version.
        installed: Version,
    },
    /// The release has a fact that must be understood, and this version does not.
    NotUnderstood {
        /// The release.
        version: Version,
        /// The field.
        field: String,
    },
    /// A rollout may hold the release back, and none lets it through.
    Gated {
        /// The release.
        version: Version,
        /// From when on nothing holds it back.
        until: Time,
        /// Why it is held so far.
        gate: Gate,
    },
    /// The release is older than one that ran here before.
    BelowFloor {
        /// The release.
        version: Version,
        /// The floor.
        floor: Version,
    },
}

/// What holds a gated release back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// No rollout says anything about it.
    Unmentioned,
    /// Its rollout is paused.
    Paused,
    /// It is for so many of a hundred installations by now, and this is none of them.
    NotYet {
        /// How many.
        percent: u8,
    },
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AheadOfChannel { installed, newest } => {
                write!(f, "version {installed} is newer than the channel's newest, {newest}")
            }
            Self::Pinned { version } => {
                write!(f, "version {version} is none of those that the policy pins")
            }
            Self::Bad { version, again: None, .. } => write!(f, "version {version} failed here"),
            Self::Bad { version, again: Some(again), .. } => {
                write!(f, "version {version} failed here and will be tried again from {again} on")
            }
            Self::OsTooOld { version, needed, found } => {
                write!(f, "version {version} needs system version {needed}, and this is {found}")
            }
            Self::FromTooOld { version, needed, installed } => {
                write!(f, "version {version} updates {needed} or newer, and this is {installed}")
            }
            Self::NotUnderstood { version, field } => {
                write!(f, "version {version} has a fact {field:?} that needs a newer updater")
            }
            Self::Gated { version, until, gate } => match gate {
                Gate::Paused => {
                    write!(
                        f,
                        "the rollout of version {version} is paused, until {until} at the latest"
                    )
                }
                _ => {
                    write!(f, "version {version} is being rolled out, until {until} at the latest")
                }
            },
            Self::BelowFloor { version, floor } => {
                write!(f, "version {version} is older than {floor}, which ran here before")
            }
        }
    }
}

/// Chooses the newest release of the installed kind that may be offered.
///
/// An offer is newer than what is installed, or names the installed bundle in `supersedes`; then it
/// may be older, also than the floor. When none may be offered, the reason is the newest one's.
pub fn choose(releases: &Releases, installed: &Installed, policy: &Policy<'_>) -> Choice {
    let mut first = None;
    for release in releases.of_kind(installed.kind) {
        if !leads_on(release, installed, releases) || releases.is_withdrawn(release.digest()) {
            continue;
        }
        match judge(release, installed, releases, policy) {
            Ok(()) => {
                let Policy { formats, avoid, .. } = policy;
                let routes = routes(releases, installed.digest, release, formats, avoid);
                return Choice::Offer { release: Box::new(release.clone()), routes };
            }
            Err(held) => first = first.or(Some(held)),
        }
    }
    match (first, releases.newest(installed.kind)) {
        (Some(held), _) => Choice::Held(held),
        (None, Some(newest)) if newest.version().cmp_precedence(&installed.version).is_lt() => {
            let (installed, newest) = (installed.version.clone(), newest.version().clone());
            Choice::Held(Held::AheadOfChannel { installed, newest })
        }
        (None, _) => Choice::UpToDate,
    }
}

fn leads_on(release: &Release, installed: &Installed, releases: &Releases) -> bool {
    release.version().cmp_precedence(&installed.version).is_gt()
        || supersedes_installed(release, installed, releases)
}

/// Of two releases that replace each other only the higher version leads on: an installation would
/// go to and fro between them.
fn supersedes_installed(release: &Release, installed: &Installed, releases: &Releases) -> bool {
    let Some(digest) = installed.digest.filter(|digest| *digest != release.digest()) else {
        return false;
    };
    let stands = |there: &Release| {
        there.replaces(release.digest())
            && there.version().cmp_precedence(release.version()).is_gt()
    };
    release.replaces(digest) && !releases.by_digest(digest).is_some_and(stands)
}

fn judge(
    release: &Release,
    installed: &Installed,
    releases: &Releases,
    policy: &Policy<'_>,
) -> Result<(), Held> {
    let facts = release.facts();
    let version = || facts.version.clone();
    if let Some(field) = facts.not_understood() {
        return Err(Held::NotUnderstood { version: version(), field: field.to_owned() });
    }
    if policy.pin.is_some_and(|pin| !pin.matches(&facts.version)) {
        return Err(Held::Pinned { version: version() });
    }
    if let Some(floor) = policy.floor
        && facts.version.cmp_precedence(floor).is_lt()
        && !supersedes_installed(release, installed, releases)
    {
        return Err(Held::BelowFloor { version: version(), floor: floor.clone() });
    }
    if let (Some(needed), Some(found)) = (&facts.requires.os, policy.os_version)
        && os::numbers(found) < os::numbers(needed)
    {
        let (needed, found) = (needed.clone(), found.to_owned());
        return Err(Held::OsTooOld { version: version(), needed, found });
    }
    if let Some(needed) = &facts.requires.from
        && installed.version.cmp_precedence(needed).is_lt()
    {
        let (needed, installed) = (needed.clone(), installed.version.clone());
        return Err(Held::FromTooOld { version: version(), needed, installed });
    }
    if let Some(bad) = policy.bad.iter().find(|bad| bad.digest == release.digest()) {
        let again = facts.critical.then(|| bad.again());
        if again.is_none_or(|again| policy.now < again) {
            return Err(Held::Bad { version: version(), digest: bad.digest, again });
        }
    }
    if let Some(until) = gated_until(release, policy.now) {
        let gated = |gate| Err(Held::Gated { version: version(), until, gate });
        return gate(release, policy).map_or(Ok(()), gated);
    }
    Ok(())
}

/// Until when a rollout may hold a release back, if it may now.
fn gated_until(release: &Release, now: Time) -> Option<Time> {
    let facts = release.facts();
    let gated = facts.gated.filter(|_| !facts.critical)?;
    let until = facts.published.plus_days(i64::from(gated.max_days));
    (now < until).then_some(until)
}

/// Whether one of these releases may be held back now, so that the rollout must be read.
pub fn wants_rollout(releases: &Releases, now: Time) -> bool {
    releases.iter().any(|release| gated_until(release, now).is_some())
}

/// What holds a gated release back. A rollout that is missing or invalid holds.
fn gate(release: &Release, policy: &Policy<'_>) -> Option<Gate> {
    let pace = policy.rollout.and_then(|rollout| rollout.pace(release.version()));
    let Some(pace) = pace else { return Some(Gate::Unmentioned) };
    let cohort = policy.install.map_or(99, |install| install.cohort(release.digest()));
    let percent = pace.percent;
    match (pace.paused, policy.asked_by_user) {
        (true, _) => Some(Gate::Paused),
        (false, true) => None,
        (false, false) => (cohort >= percent).then_some(Gate::NotYet { percent }),
    }
}

impl Bad {
    /// When a critical release is offered again.
    fn again(&self) -> Time {
        let failures = self.times.max(1) as usize;
        let days = RETRY_DAYS[failures.min(RETRY_DAYS.len()) - 1];
        self.since.plus_days(i64::from(days))
    }
}
