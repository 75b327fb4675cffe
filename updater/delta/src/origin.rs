//! Which new files are taken over from the old tree.

use std::collections::HashMap;

use exuvia_bundle::{Digest, Entry, Manifest, Node, RelPath};

/// The old tree's files by content.
pub(crate) struct Origins<'m> {
    old: &'m Manifest,
    first: HashMap<(u64, Digest), &'m RelPath>,
}

impl<'m> Origins<'m> {
    pub(crate) fn new(old: &'m Manifest) -> Self {
        let mut first = HashMap::new();
        for Entry { path, node } in old.entries() {
            if let Node::File { length, sha256, .. } = node {
                first.entry((*length, *sha256)).or_insert(path);
            }
        }
        Self { old, first }
    }

    /// The old file that has this content: at the same path if there is one, else the first.
    /// `None` makes the new file a fresh one.
    pub(crate) fn of(&self, path: &RelPath, length: u64, sha256: Digest) -> Option<&'m RelPath> {
        let first = *self.first.get(&(length, sha256))?;
        let entries = self.old.entries();
        let same = entries.binary_search_by(|entry| entry.path.cmp(path)).ok();
        match same.and_then(|at| entries.get(at)) {
            Some(Entry { path, node: Node::File { length: l, sha256: s, .. } })
                if (*l, *s) == (length, sha256) =>
            {
                Some(path)
            }
            _ => Some(first),
        }
    }
}
