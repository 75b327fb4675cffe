//! Where everything lies (formats §7), as names and paths relative to the root: `APP` in the
//! versioned layout, the directory that `NAME` lies in in the in-place one.

use crate::journal::{Phase, ReleaseRef};
use crate::layout::{InPlaceShape, Layout, Shape};
use crate::trial::Count;
use exuvia_core::Digest;
use semver::Version;
use std::path::{Path, PathBuf};

/// The state directory of the versioned layout, and the end of its name in place.
pub const STATE: &str = ".exuvia";
/// The folder of versions.
pub const VERSIONS: &str = "versions";
/// The pointer to the version that is started.
pub const CURRENT: &str = "current";
/// The layout record.
pub const LAYOUT: &str = "layout";
/// The journal.
pub const JOURNAL: &str = "journal";
/// The releases that failed.
pub const REMEMBERED: &str = "remembered";
/// The history.
pub const HISTORY: &str = "history";
/// The two copies of the newest root that is trusted.
pub const ROOTS: [&str; 2] = ["root.json", "root.copy.json"];
/// The folder of manifests.
pub const MANIFESTS: &str = "manifests";
/// The two copies of the floors.
pub const FLOORS: [&str; 2] = ["floors.a", "floors.b"];
/// The exclusive lock.
pub const LOCK: &str = "lock";
/// In place, the other version.
pub const SIDE: &str = "side";
/// In place, where the other version is put together.
pub const SIDE_STAGING: &str = "side.staging";
/// In place, where a tree waits while a move is made in renames.
pub const ASIDE: &str = "side.moving";

/// Which release the last copy of the user's data was made for.
pub const SNAPSHOT: &str = "snapshot";
/// The folder of what was found in a tree that went and is not ours.
pub const LEFT: &str = "left";

/// Whether a name among the versions is that of a tree that is being put together.
pub fn is_staging(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".staging")
}

/// The counter of a trial.
pub fn trial(count: Count) -> String {
    match count {
        Count { starts, clean: 0 } => format!("{TRIAL}{starts}"),
        Count { starts, clean } => format!("{TRIAL}{starts}-{clean}"),
    }
}

/// The lock that running processes of a version share.
pub fn run(version: &Version) -> String {
    format!("{RUN}{version}{RUN_END}")
}

/// The version that a lock of [`run`] belongs to.
pub fn version_of_run(name: &str) -> Option<Version> {
    name.strip_prefix(RUN)?.strip_suffix(RUN_END)?.parse().ok()
}

/// The release that a name in [`MANIFESTS`] belongs to.
pub fn digest_of_manifest(name: &str) -> Option<Digest> {
    name.strip_suffix(".json")?.parse().ok()
}

/// The manifest of a release.
pub fn manifest(digest: Digest) -> String {
    format!("{MANIFESTS}/{digest}.json")
}

/// The state directory beside a fixed path.
pub fn sibling(name: &str) -> String {
    format!(".{name}{STATE}")
}

/// The fixed path's name, from that of its state directory.
pub fn name_of_sibling(state: &str) -> Option<&str> {
    state.strip_prefix('.')?.strip_suffix(STATE).filter(|name| !name.is_empty())
}

/// Names an installation: the first 16 hex digits of the digest of its absolute path.
pub fn key(install: &Path) -> String {
    let mut name = Digest::of(install.as_os_str().as_encoded_bytes()).to_string();
    name.truncate(16);
    name
}

/// Whether a name may stand in a state directory: one with others is not Exuvia's.
pub fn is_in_state(name: &str) -> bool {
    const WHOLE: [&str; 8] =
        [LAYOUT, JOURNAL, LOCK, REMEMBERED, HISTORY, MANIFESTS, LEFT, SNAPSHOT];
    const BEGIN: [&str; 6] = [".", "floors.", "root.", SIDE, RUN, TRIAL];
    WHOLE.contains(&name) || BEGIN.iter().any(|begin| name.starts_with(begin))
}

impl Layout {
    /// The state directory.
    pub fn state(&self) -> String {
        match &self.shape {
            Shape::Versioned { .. } => STATE.to_owned(),
            Shape::InPlace { name, .. } => sibling(name),
        }
    }

    /// A name in the state directory.
    pub fn in_state(&self, name: &str) -> PathBuf {
        Path::new(&self.state()).join(name)
    }

    /// Whether what is installed is a single file at the fixed path.
    pub fn is_single_file(&self) -> bool {
        matches!(self.shape, Shape::InPlace { shape: InPlaceShape::File, .. })
    }

    /// What the stable path is: the pointer, or the fixed path.
    pub fn live(&self) -> &str {
        match &self.shape {
            Shape::Versioned { .. } => CURRENT,
            Shape::InPlace { name, .. } => name,
        }
    }

    /// Where the tree of a release lies in this phase, or will.
    pub fn tree(&self, release: &ReleaseRef, phase: &Phase) -> PathBuf {
        match &self.shape {
            Shape::Versioned { .. } => version(release),
            Shape::InPlace { name, .. } if phase.live().digest == release.digest => name.into(),
            Shape::InPlace { .. } => self.in_state(SIDE),
        }
    }

    /// Where the tree of a release is put together.
    pub fn staging(&self, next: &ReleaseRef) -> PathBuf {
        match &self.shape {
            Shape::Versioned { .. } => format!("{VERSIONS}/.{}.staging", next.version).into(),
            Shape::InPlace { .. } => self.in_state(SIDE_STAGING),
        }
    }

    /// What of it then moves to its place: all, or the only file in it.
    pub fn put_together(&self, next: &ReleaseRef) -> PathBuf {
        let staging = self.staging(next);
        if self.is_single_file() { staging.join(next.executable.as_str()) } else { staging }
    }

    /// The program of a release in this phase.
    pub fn program(&self, release: &ReleaseRef, phase: &Phase) -> PathBuf {
        self.within(self.tree(release, phase), release.executable.as_str())
    }

    /// The program in the tree that the stable path leads to, as far as the layout knows.
    pub fn stable_program(&self, live: PathBuf) -> PathBuf {
        self.within(live, self.executable.as_str())
    }

    fn within(&self, tree: PathBuf, executable: &str) -> PathBuf {
        if self.is_single_file() { tree } else { tree.join(executable) }
    }

    /// Whether an executable is part of the installation: launcher, version, what stands at the
    /// fixed path, or the version beside it.
    pub fn owns(&self, exe: &Path) -> bool {
        match &self.shape {
            Shape::Versioned { launcher } => exe == launcher.as_str() || exe.starts_with(VERSIONS),
            Shape::InPlace { shape: InPlaceShape::File, name } => {
                exe == name.as_str() || exe.starts_with(self.state())
            }
            Shape::InPlace { shape: InPlaceShape::Folder, name } => {
                exe.starts_with(name) && exe != name.as_str() || exe.starts_with(self.state())
            }
        }
    }
}

/// The folder of a version; also the target of the pointer.
pub fn version(release: &ReleaseRef) -> PathBuf {
    format!("{VERSIONS}/{}", release.version).into()
}

const TRIAL: &str = "trial-";
const RUN: &str = "run-";
const RUN_END: &str = ".lock";
