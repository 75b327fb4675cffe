//! Which trusted release may be installed here, judged by its signed facts, and which bundle is its.

use crate::config::Config;
use crate::journal::ReleaseRef;
use crate::layout::{InPlaceShape, Layout, LayoutError, Shape};
use crate::remembered::Remembered;
use exuvia_bundle::{Bundle, Node, RelPath};
use exuvia_core::{Digest, Facts, Kind, Platform, Release, Releases, Time};
use semver::Version;

/// Why a trusted release is not installed here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is of another kind than what is installed, or than the layout can hold.
    #[error("the release is of kind {found}, which does not fit what is installed")]
    WrongKind {
        /// The release's kind.
        found: Kind,
    },
    /// It has a fact that must be understood, and this version does not.
    #[error("the release has a fact `{field}` that needs a newer updater")]
    NotUnderstood {
        /// The fact.
        field: String,
    },
    /// The program to start is no path inside a bundle.
    #[error("the release names no program that could be started")]
    NoProgram,
    /// It is not newer than what is or was installed, and does not supersede it.
    #[error("{offered} is not newer than {floor}, and does not replace what is installed")]
    NotNewer {
        /// The release's version.
        offered: Version,
        /// The version that it would have to pass.
        floor: Version,
    },
    /// The installed version is too old for it.
    #[error("the release can only be installed over {from} or later, installed is {installed}")]
    FromTooOld {
        /// The lowest version that may update to it.
        from: Version,
        /// The installed version.
        installed: Version,
    },
    /// No release of this application, channel and platform has this bundle.
    #[error("no trusted release has the bundle {digest}")]
    NoSuchRelease {
        /// The bundle asked for.
        digest: Digest,
    },
    /// It was withdrawn: another one of the channel replaces it.
    #[error("{version} was withdrawn by the publisher")]
    Withdrawn {
        /// Its version.
        version: Version,
    },
    /// It failed here before.
    #[error("{version} failed here before: {reason}")]
    RememberedBad {
        /// Its version.
        version: Version,
        /// How it failed.
        reason: String,
    },
    /// The bundle is sound but not the one that was signed.
    #[error("the bundle is {found}, signed is {signed}")]
    WrongBundle {
        /// Digest of the bundle received.
        found: Digest,
        /// Digest that was signed.
        signed: Digest,
    },
    /// The bundle is the signed one, but contradicts its facts.
    #[error("the bundle does not fit its facts: {what}")]
    WrongFacts {
        /// Which fact.
        what: &'static str,
    },
    /// The launcher's or the path's name cannot be that of an application.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// The release with this bundle.
///
/// # Errors
/// [`Refusal::NoSuchRelease`], [`Refusal::Withdrawn`].
pub fn release_of(releases: &Releases, digest: Digest) -> Result<&Release, Refusal> {
    let found = releases.by_digest(digest).ok_or(Refusal::NoSuchRelease { digest })?;
    if releases.is_withdrawn(digest) {
        return Err(Refusal::Withdrawn { version: found.version().clone() });
    }
    Ok(found)
}

/// Whether the bundle that was received is the one of these facts, and fits them; a `single` file
/// has nothing beside it.
///
/// # Errors
/// [`Refusal::WrongBundle`], [`Refusal::WrongFacts`].
pub fn check_bundle<S>(facts: &Facts, bundle: &Bundle<S>, single: bool) -> Result<(), Refusal> {
    let (signed, manifest) = (&facts.bundle, bundle.manifest());
    let found = Digest::from_bytes(*bundle.digest().as_bytes());
    if found != signed.digest {
        return Err(Refusal::WrongBundle { found, signed: signed.digest });
    }
    let program = manifest.entries().iter().find(|e| e.path.as_str() == facts.executable);
    let starts = program.is_some_and(|e| matches!(e.node, Node::File { executable: true, .. }));
    let what = match () {
        () if bundle.length() != signed.length => "length",
        () if manifest.files() != signed.files => "files",
        () if !starts => "executable",
        () if single && manifest.entries().len() != 1 => "kind: more than one file",
        () => return Ok(()),
    };
    Err(Refusal::WrongFacts { what })
}

impl Remembered {
    /// Refuses a release that failed here.
    ///
    /// # Errors
    /// [`Refusal::RememberedBad`].
    pub fn refuse(&self, next: &ReleaseRef) -> Result<(), Refusal> {
        self.find(next.digest).map_or(Ok(()), |bad| {
            let (version, reason) = (bad.version.clone(), bad.reason.clone());
            Err(Refusal::RememberedBad { version, reason })
        })
    }
}

impl ReleaseRef {
    /// The release of these facts.
    ///
    /// # Errors
    /// [`Refusal::NotUnderstood`], [`Refusal::NoProgram`].
    pub fn of(facts: &Facts) -> Result<ReleaseRef, Refusal> {
        if let Some(field) = facts.not_understood() {
            return Err(Refusal::NotUnderstood { field: field.to_owned() });
        }
        Ok(ReleaseRef {
            version: facts.version.clone(),
            digest: facts.bundle.digest,
            executable: RelPath::new(&facts.executable).map_err(|_| Refusal::NoProgram)?,
            published: facts.published,
            safe_from: facts.safe_from.clone(),
            schema: facts.data.as_ref().map(|data| data.schema),
            readable_from: facts.data.as_ref().and_then(|data| data.readable_from.clone()),
        })
    }

    /// What came here without signed facts: only what can be seen is known of it.
    pub fn unsigned(version: &Version, digest: Digest, executable: RelPath) -> ReleaseRef {
        let (version, published) = (version.clone(), Time::from_unix(0));
        let (safe_from, schema, readable_from) = (None, None, None);
        ReleaseRef { version, digest, executable, published, safe_from, schema, readable_from }
    }

    /// The release, if it may follow `current` in this installation; `floor` is the application's.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admitted(
        facts: &Facts,
        layout: &Layout,
        current: &ReleaseRef,
        floor: Option<&Version>,
    ) -> Result<ReleaseRef, Refusal> {
        let next = ReleaseRef::of(facts)?;
        if facts.kind != layout.kind {
            return Err(Refusal::WrongKind { found: facts.kind });
        }
        if !facts.supersedes.contains(&current.digest) || next.digest == current.digest {
            let above = |version: &Version| next.version.cmp_precedence(version).is_gt();
            // What was rolled back may come again; what lies between may not.
            let floor = floor.filter(|floor| **floor != next.version && !above(floor));
            if let Some(floor) = floor.or((!above(&current.version)).then_some(&current.version)) {
                let (offered, floor) = (next.version.clone(), floor.clone());
                return Err(Refusal::NotNewer { offered, floor });
            }
        }
        match &facts.requires.from {
            Some(from) if current.version.cmp_precedence(from).is_lt() => {
                let (from, installed) = (from.clone(), current.version.clone());
                Err(Refusal::FromTooOld { from, installed })
            }
            _ => Ok(next),
        }
    }
}

impl Layout {
    /// The layout of a first installation of this release.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn first(
        config: &Config,
        platform: &Platform,
        shape: Shape,
        facts: &Facts,
    ) -> Result<(Layout, ReleaseRef), Refusal> {
        use InPlaceShape::{File, Folder};
        let current = ReleaseRef::of(facts)?;
        match (facts.kind, &shape) {
            (Kind::Folder | Kind::Exe, Shape::Versioned { .. })
            | (Kind::Folder | Kind::App, Shape::InPlace { shape: Folder, .. })
            | (Kind::Exe | Kind::AppImage, Shape::InPlace { shape: File, .. }) => {}
            (found, _) => return Err(Refusal::WrongKind { found }),
        }
        let layout = Layout::of(config, platform, facts.kind, shape, &current)?;
        Ok((layout, current))
    }

    /// The layout of a single program that came here by other means, under this name.
    ///
    /// # Errors
    /// [`Refusal::WrongKind`], [`Refusal::Layout`].
    pub fn adopted(
        config: &Config,
        platform: &Platform,
        kind: Kind,
        name: &str,
        current: &ReleaseRef,
    ) -> Result<Layout, Refusal> {
        if !matches!(kind, Kind::Exe | Kind::AppImage) {
            return Err(Refusal::WrongKind { found: kind });
        }
        let shape = Shape::InPlace { shape: InPlaceShape::File, name: name.to_owned() };
        Layout::of(config, platform, kind, shape, current)
    }

    fn of(
        config: &Config,
        platform: &Platform,
        kind: Kind,
        shape: Shape,
        current: &ReleaseRef,
    ) -> Result<Layout, Refusal> {
        let layout = Layout {
            shape,
            app: config.app.clone(),
            channel: config.channel.clone(),
            platform: platform.clone(),
            kind,
            executable: current.executable.clone(),
            health: config.health,
            qualify: config.qualify.clone(),
            data: config.data.clone(),
        };
        Ok(layout.checked()?)
    }
}
