//! Old files that a new file may resemble, by what names and lengths tell.
//!
//! A wrong guess costs room and time, never correctness.

use std::collections::{HashMap, HashSet};

use exuvia_bundle::{Entry, Manifest, Node, RelPath};

/// The old tree's files that have content, by what a new file may have in common with them.
pub(super) struct Similar<'m> {
    entries: &'m [Entry],
    /// By the last two segments, by the name, by its letters alone and by the directory: each in
    /// order of path.
    by_tail: HashMap<&'m str, Vec<usize>>,
    by_name: HashMap<&'m str, Vec<usize>>,
    by_letters: HashMap<String, Vec<usize>>,
    by_dir: HashMap<&'m str, Vec<usize>>,
    /// Files that have no partner in the new tree, neither by path nor by content; by length.
    alone: Vec<(u64, usize)>,
}

impl<'m> Similar<'m> {
    pub(super) fn new(old: &'m Manifest, new: &Manifest) -> Self {
        let entries = old.entries();
        let kept: HashSet<_> = files(new.entries()).map(|(_, _, node)| content(node)).collect();
        let mut similar = Self {
            entries,
            by_tail: HashMap::new(),
            by_name: HashMap::new(),
            by_letters: HashMap::new(),
            by_dir: HashMap::new(),
            alone: Vec::new(),
        };
        for (at, path, node) in files(entries) {
            similar.by_tail.entry(tail(path)).or_default().push(at);
            similar.by_name.entry(path.name()).or_default().push(at);
            similar.by_letters.entry(letters(path.name())).or_default().push(at);
            similar.by_dir.entry(path.parent().unwrap_or_default()).or_default().push(at);
            let stays = matches!(new.get(path), Some(Node::File { .. }));
            if !stays && !kept.contains(&content(node)) {
                similar.alone.push((similar.length(at), at));
            }
        }
        similar.alone.sort_unstable();
        similar
    }

    /// The old file at the same path.
    pub(super) fn same(&self, path: &RelPath) -> Option<usize> {
        let same = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok();
        same.filter(|&at| self.length(at) > 0)
    }

    /// Old files that have no partner in the new tree, by length.
    pub(super) fn alone(&self) -> &[(u64, usize)] {
        &self.alone
    }

    /// The old entry that a new file resembles by its name. The surest sign decides: the
    /// same name in a directory of the same name, or anywhere; the same letters in the name (a
    /// version is in the digits); a name beside it that differs in a part (a hash); the length.
    pub(super) fn to(&self, path: &RelPath, length: u64) -> Option<usize> {
        let dir = path.parent().unwrap_or_default();
        self.best(self.by_tail.get(tail(path)), path, length)
            .or_else(|| self.best(self.by_name.get(path.name()), path, length))
            .or_else(|| self.best(self.by_letters.get(&letters(path.name())), path, length))
            .or_else(|| {
                self.best(self.by_dir.get(dir), path, length).filter(|&at| {
                    let other = self.entries[at].path.name();
                    alike(other, path.name()) * 2 >= path.name().len()
                })
            })
            .or_else(|| self.by_length(path, length))
    }

    /// Of files in order of path: the one whose path is most alike, then whose length is nearest.
    /// Looks at those next to `path` in order only, which share the most of their beginning with
    /// it: trees have thousands of files of one name.
    fn best(&self, of: Option<&Vec<usize>>, path: &RelPath, length: u64) -> Option<usize> {
        let of = of?;
        let near = near(of, of.partition_point(|&at| self.entries[at].path < *path));
        near.iter().copied().max_by_key(|&at| self.likeness(at, path, length))
    }

    /// Of the files without a partner whose length is within a factor of four: one with the same
    /// extension and in the same directory if there is one, then the one nearest in length.
    fn by_length(&self, path: &RelPath, length: u64) -> Option<usize> {
        let middle = self.alone.partition_point(|&(other, _)| other < length);
        let near = near(&self.alone, middle).iter();
        near.filter(|(other, _)| other / 4 <= length && length / 4 <= *other)
            .max_by_key(|&&(other, at)| {
                let candidate = &self.entries[at].path;
                let extension = extension(candidate.name()) == extension(path.name());
                let beside = candidate.parent() == path.parent();
                (extension, beside, u64::MAX - other.abs_diff(length))
            })
            .map(|&(_, at)| at)
    }

    fn likeness(&self, at: usize, path: &RelPath, length: u64) -> (usize, u64) {
        let alike = alike(self.entries[at].path.as_str(), path.as_str());
        (alike, u64::MAX - self.length(at).abs_diff(length))
    }

    /// Bytes of an old file.
    pub(super) fn length(&self, at: usize) -> u64 {
        self.entries.get(at).map_or(0, |entry| content(&entry.node).map_or(0, |(length, _)| length))
    }
}

/// At most 64 around `middle`.
fn near<T>(of: &[T], middle: usize) -> &[T] {
    const SIDE: usize = 32;
    &of[middle.saturating_sub(SIDE)..middle.saturating_add(SIDE).min(of.len())]
}

fn files(entries: &[Entry]) -> impl Iterator<Item = (usize, &RelPath, &Node)> {
    let numbered = entries.iter().enumerate().map(|(at, entry)| (at, &entry.path, &entry.node));
    numbered.filter(|(_, _, node)| matches!(node, Node::File { length: 1.., .. }))
}

fn content(node: &Node) -> Option<(u64, exuvia_bundle::Digest)> {
    match node {
        Node::File { length, sha256, .. } => Some((*length, *sha256)),
        Node::Dir | Node::Link { .. } => None,
    }
}

/// The last two segments.
fn tail(path: &RelPath) -> &str {
    let text = path.as_str();
    text.rmatch_indices('/').nth(1).map_or(text, |(at, _)| &text[at + 1..])
}

/// A name without what tells versions apart.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphabetic()).collect()
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// Bytes that two names share at their beginning and at their end.
fn alike(a: &str, b: &str) -> usize {
    let most = a.len().min(b.len());
    let start = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    start + end.min(most - start)
}
