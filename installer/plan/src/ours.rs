//! Which files were put there by Exuvia: only these are ever removed.

use crate::files;
use crate::journal::ReleaseRef;
use exuvia_bundle::Manifest;
use exuvia_core::Digest;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the kept manifests name. Where a tree comes from is not always known any more, so a file
/// counts as ours in every tree if one of them names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    named: BTreeSet<PathBuf>,
    whole: BTreeSet<PathBuf>,
}

impl Ours {
    /// `releases` are those of the journal: the folder of a version that is one of them is ours as
    /// a whole if its manifest is lost.
    pub fn new(manifests: &[(Digest, Manifest)], releases: &[&ReleaseRef]) -> Ours {
        let entries = manifests.iter().flat_map(|(_, manifest)| manifest.entries());
        let lost = releases.iter().filter(|r| !manifests.iter().any(|(d, _)| *d == r.digest));
        Ours {
            named: entries.map(|entry| entry.path.as_str().into()).collect(),
            whole: lost.map(|release| release.version.to_string().into()).collect(),
        }
    }

    /// Whether a path in the tree of a release is ours.
    pub fn in_tree(&self, path: &Path) -> bool {
        self.named.contains(path)
    }

    /// Whether a path beneath the folder of versions is ours.
    pub fn in_versions(&self, path: &Path) -> bool {
        let mut segments = path.components();
        let Some(first) = segments.next().map(|first| Path::new(first.as_os_str())) else {
            return true;
        };
        let name = first.to_str().unwrap_or_default();
        files::is_staging(name)
            || self.whole.contains(first)
            || name.parse::<semver::Version>().is_ok() && self.in_tree(segments.as_path())
    }
}
