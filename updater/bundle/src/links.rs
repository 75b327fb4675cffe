//! Symbolic links: only inside, only plain, only to what the manifest lists.

use crate::{
    Entry, Error, LinkFault, Node, RelPath,
    manifest::find,
    path::{check_segment, shorten},
};

/// Most links one after another until something else stands there.
const MAX_CHAIN: usize = 8;

/// Checks every link of sorted entries whose parents are known to be directories.
pub(crate) fn check(entries: &[Entry]) -> Result<(), Error> {
    for entry in entries {
        if let Node::Link { target } = &entry.node {
            follow(entries, &entry.path, target).map_err(|fault| Error::Link {
                path: shorten(entry.path.as_str()),
                target: shorten(target),
                fault,
            })?;
        }
    }
    Ok(())
}

/// Follows a chain of links to its end, at most eight of them.
fn follow(entries: &[Entry], path: &RelPath, target: &str) -> Result<(), LinkFault> {
    let mut at = path.as_str().to_owned();
    let mut target = target;
    for _ in 0..MAX_CHAIN {
        at = resolve(entries, &at, target)?;
        match find(entries, &at).ok_or(LinkFault::Missing)? {
            Node::Link { target: next } => target = next,
            Node::Dir | Node::File { .. } => return Ok(()),
        }
    }
    Err(LinkFault::Chain)
}

/// The path that `target` names, read as text from the directory of the link at `link`. Every
/// directory on the way must be one, so that text and file system agree.
fn resolve(entries: &[Entry], link: &str, target: &str) -> Result<String, LinkFault> {
    if target.is_empty() || target.len() > RelPath::MAX_LENGTH {
        return Err(LinkFault::Length);
    }
    let mut place: Vec<&str> = link.split('/').collect();
    place.pop();
    let mut segments = target.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(place.pop().ok_or(LinkFault::Outside)?),
            _ => {
                check_segment(segment).map_err(|_| LinkFault::Target)?;
                place.push(segment);
                if segments.peek().is_some() {
                    match find(entries, &place.join("/")) {
                        Some(Node::Dir) => {}
                        Some(_) => return Err(LinkFault::Through),
                        None => return Err(LinkFault::Missing),
                    }
                }
            }
        }
    }
    Ok(place.join("/"))
}
