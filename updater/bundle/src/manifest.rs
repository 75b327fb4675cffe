//! The list of what belongs to a version.

use std::collections::HashMap;

use crate::{
    Digest, Error, Limit, Limits, RelPath, header,
    limits::within,
    links,
    path::{fold, shorten},
    syntax,
};

/// What belongs to a version: every directory, file and link, in order of path bytes.
///
/// A value of this type has passed every rule of §4, so what unpacks one need not check again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    encoded_length: u64,
    bundle_length: u64,
    files: u64,
}

/// One directory, file or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: RelPath,
    /// What it is.
    pub node: Node,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory, mode 0755.
    Dir,
    /// A plain file.
    File {
        /// Mode 0755 if set, else 0644.
        executable: bool,
        /// Bytes of content.
        length: u64,
        /// SHA-256 of the content.
        sha256: Digest,
    },
    /// A symbolic link.
    Link {
        /// As stored in the link: relative, and inside.
        target: String,
    },
}

impl Manifest {
    /// Sorts the entries and checks them against every rule of §4, the format's own limits too.
    ///
    /// # Errors
    /// The first rule that is broken (all of the repository family).
    ///
    /// ```
    /// use exuvia_bundle::{Entry, Manifest, Node, RelPath};
    /// let link = Entry { path: RelPath::new("a")?, node: Node::Link { target: "../b".into() } };
    /// assert!(Manifest::new(vec![link]).is_err());
    /// # Ok::<(), exuvia_bundle::Error>(())
    /// ```
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, Error> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self::check(entries, &Limits::default())
    }

    /// Reads the one canonical form of a manifest.
    ///
    /// # Errors
    /// [`Error::Syntax`] for any other bytes, else the first rule or limit that is broken.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let length = bytes.len() as u64;
        within(Limit::ManifestLength, length, limits.manifest_length)?;
        let manifest = Self::check(syntax::parse(bytes, limits.entries)?, limits)?;
        // The reader above takes no other spelling; comparing says so without having to prove it.
        if syntax::encode(&manifest.entries) != bytes {
            return Err(Error::Syntax { offset: 0 });
        }
        Ok(manifest)
    }

    /// The canonical bytes: compact JSON and one newline.
    pub fn encode(&self) -> Vec<u8> {
        syntax::encode(&self.entries)
    }

    /// SHA-256 of the canonical bytes. It stands for the whole tree, since the hashes of all files
    /// are among them, and reads none.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// All entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The node at `path`.
    pub fn get(&self, path: &RelPath) -> Option<&Node> {
        find(&self.entries, path.as_str())
    }

    /// How many entries are files.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Bytes of the whole bundle that this manifest calls for.
    pub fn bundle_length(&self) -> u64 {
        self.bundle_length
    }

    /// Bytes of [`Manifest::encode`].
    pub fn encoded_length(&self) -> u64 {
        self.encoded_length
    }

    fn check(entries: Vec<Entry>, limits: &Limits) -> Result<Self, Error> {
        within(Limit::Entries, entries.len() as u64, limits.entries)?;
        let files = entries.iter().filter(|entry| matches!(entry.node, Node::File { .. })).count();
        let files = within(Limit::Files, files as u64, limits.files)?;
        check_order(&entries)?;
        check_parents(&entries)?;
        check_clashes(&entries)?;
        links::check(&entries)?;
        let encoded_length = syntax::encoded_length(&entries);
        within(Limit::ManifestLength, encoded_length, limits.manifest_length)?;
        let bundle_length = header::bundle_length(&entries, encoded_length);
        within(Limit::BundleLength, bundle_length, limits.bundle_length)?;
        Ok(Self { entries, encoded_length, bundle_length, files })
    }
}

/// An empty tree.
impl Default for Manifest {
    fn default() -> Self {
        let encoded_length = syntax::encoded_length(&[]);
        let bundle_length = header::bundle_length(&[], encoded_length);
        Self { entries: Vec::new(), encoded_length, bundle_length, files: 0 }
    }
}

/// The node at `path` in sorted entries.
pub(crate) fn find<'a>(entries: &'a [Entry], path: &str) -> Option<&'a Node> {
    let at = entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
    entries.get(at).map(|entry| &entry.node)
}

fn check_order(entries: &[Entry]) -> Result<(), Error> {
    match entries.windows(2).find(|pair| pair[0].path >= pair[1].path) {
        Some(pair) => Err(Error::Order { path: shorten(pair[1].path.as_str()) }),
        None => Ok(()),
    }
}

/// A parent is a prefix of its children, so in sorted entries it can only stand before them.
fn check_parents(entries: &[Entry]) -> Result<(), Error> {
    let mut known = None;
    for entry in entries {
        let parent = entry.path.parent();
        if parent.is_some() && parent != known {
            match parent.and_then(|parent| find(entries, parent)) {
                Some(Node::Dir) => known = parent,
                _ => return Err(Error::Parent { path: shorten(entry.path.as_str()) }),
            }
        }
    }
    Ok(())
}

fn check_clashes(entries: &[Entry]) -> Result<(), Error> {
    let mut seen: HashMap<String, &RelPath> = HashMap::with_capacity(entries.len());
    for entry in entries {
        if let Some(first) = seen.insert(fold(entry.path.as_str()), &entry.path) {
            return Err(Error::Clash {
                first: shorten(first.as_str()),
                second: shorten(entry.path.as_str()),
            });
        }
    }
    Ok(())
}
