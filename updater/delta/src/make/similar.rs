//! Old files that a new file may resemble, by name.

use std::collections::HashMap;

use exuvia_bundle::{Entry, Manifest, Node, RelPath};

/// The old tree's files by name and by directory.
pub(super) struct Similar<'m> {
    entries: &'m [Entry],
    by_name: HashMap<&'m str, Vec<usize>>,
    by_dir: HashMap<&'m str, Vec<usize>>,
}

impl<'m> Similar<'m> {
    pub(super) fn new(old: &'m Manifest) -> Self {
        let entries = old.entries();
        let (mut by_name, mut by_dir) = (HashMap::new(), HashMap::new());
        for (at, entry) in entries.iter().enumerate() {
            if let Node::File { length: 1.., .. } = entry.node {
                let dir = entry.path.parent().unwrap_or_default();
                by_name.entry(entry.path.name()).or_insert_with(Vec::new).push(at);
                by_dir.entry(dir).or_insert_with(Vec::new).push(at);
            }
        }
        Self { entries, by_name, by_dir }
    }

    /// The old entry that most resembles a new file: the same path, else the same name in the
    /// directory most alike, else a name in the same directory that differs in a part only (a
    /// version, a hash). The nearest length decides between equals.
    pub(super) fn to(&self, path: &RelPath, length: u64) -> Option<usize> {
        let same = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok();
        if let Some(same) = same.filter(|&at| matches!(self.length(at), Some(1..))) {
            return Some(same);
        }
        let named = self.by_name.get(path.name()).map(Vec::as_slice).unwrap_or_default();
        let beside = self.neighbours(path).iter().filter(|&&at| {
            let shared = alike(self.entries[at].path.name(), path.name());
            shared * 2 >= path.name().len()
        });
        let nearest = |at: &&usize| {
            let other = &self.entries[**at].path;
            let distance = self.length(**at).unwrap_or(0).abs_diff(length);
            (alike(other.as_str(), path.as_str()), u64::MAX - distance)
        };
        // Few files have one name; a tree where thousands do is not worth a search of them all.
        named.iter().take(MOST).max_by_key(nearest).or_else(|| beside.max_by_key(nearest)).copied()
    }

    /// Files of the same directory that stand next to `path` in order, and so share the most of
    /// their beginning with it.
    fn neighbours(&self, path: &RelPath) -> &[usize] {
        let dir = path.parent().unwrap_or_default();
        let beside = self.by_dir.get(dir).map(Vec::as_slice).unwrap_or_default();
        let at = beside.partition_point(|&at| self.entries[at].path < *path);
        &beside[at.saturating_sub(MOST / 2)..(at + MOST / 2).min(beside.len())]
    }

    fn length(&self, at: usize) -> Option<u64> {
        match self.entries.get(at)?.node {
            Node::File { length, .. } => Some(length),
            Node::Dir | Node::Link { .. } => None,
        }
    }
}

const MOST: usize = 64;

/// Bytes that two names share at their beginning and at their end.
fn alike(a: &str, b: &str) -> usize {
    let most = a.len().min(b.len());
    let start = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    start + end.min(most - start)
}
