//! Paths that mean the same on every system, or are refused.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// A relative path that names one place below a root on Linux, macOS and Windows alike
/// (`docs/formats.md` §4). Ordered by its bytes.
///
/// ```
/// use exuvia_bundle::{PathFault, RelPath};
/// let path = RelPath::new("bin/notes")?;
/// assert_eq!(path.parent(), Some("bin"));
/// assert_eq!(path.name(), "notes");
/// for hostile in ["/etc/passwd", "a/../../b", "C:/x", "nul.txt", "a\\b", "a./b", ".exuvia/lock"] {
///     assert!(RelPath::new(hostile).is_err(), "{hostile}");
/// }
/// # Ok::<(), exuvia_bundle::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Box<str>);

impl RelPath {
    /// Most bytes of a path.
    pub const MAX_LENGTH: usize = 1024;
    /// Most segments of a path.
    pub const MAX_SEGMENTS: usize = 64;
    /// Most bytes of one segment.
    pub const MAX_SEGMENT: usize = 255;

    /// Checks every rule of §4 that concerns one path alone.
    ///
    /// # Errors
    /// [`PathError`] with the first rule that it breaks.
    pub fn new(path: &str) -> Result<Self, PathError> {
        match check(path) {
            Ok(()) => Ok(Self(path.into())),
            Err(fault) => Err(PathError { path: shorten(path), fault }),
        }
    }

    /// The path as text, `/`-separated.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the directory it lies in; `None` at the top.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The segments from the top down. None is `..` or empty, so they may be joined to a directory
    /// one by one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A path was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path {path:?} {fault}")]
#[non_exhaustive]
pub struct PathError {
    /// The path, cut to a readable length.
    pub path: String,
    /// The rule that it breaks.
    pub fault: PathFault,
}

/// The rule that a path breaks. Reads as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// No text, or over [`RelPath::MAX_LENGTH`] bytes.
    #[error("is empty or over 1,024 bytes long")]
    Length,
    /// Over [`RelPath::MAX_SEGMENTS`] segments.
    #[error("has over 64 segments")]
    Depth,
    /// A segment over [`RelPath::MAX_SEGMENT`] bytes.
    #[error("has a segment of over 255 bytes")]
    SegmentLength,
    /// An empty segment: an absolute path, `//`, or a `/` at the end.
    #[error("is absolute or has an empty segment")]
    EmptySegment,
    /// `.` or `..`.
    #[error("has a segment that is . or ..")]
    Dots,
    /// A control character, NUL among them.
    #[error("has a control character")]
    Control,
    /// One of `\ : * ? " < > |`.
    #[error("has the character {0:?}")]
    Character(char),
    /// A segment that ends in a dot or a space, which Windows drops.
    #[error("has a segment that ends in a dot or a space")]
    Trailing,
    /// A Windows device, with or without an extension.
    #[error("names a Windows device")]
    Device,
    /// The first segment is `.exuvia`, in any case.
    #[error("lies in .exuvia, which is reserved")]
    Reserved,
}

/// Checks one segment by itself; link targets are made of the same.
pub(crate) fn check_segment(segment: &str) -> Result<(), PathFault> {
    match segment {
        "" => return Err(PathFault::EmptySegment),
        "." | ".." => return Err(PathFault::Dots),
        _ if segment.len() > RelPath::MAX_SEGMENT => return Err(PathFault::SegmentLength),
        _ => {}
    }
    for c in segment.chars() {
        match c {
            '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => return Err(PathFault::Character(c)),
            _ if c.is_control() => return Err(PathFault::Control),
            _ => {}
        }
    }
    if segment.ends_with(['.', ' ']) {
        return Err(PathFault::Trailing);
    }
    check_device(segment)
}

/// The form in which two paths that some file system takes for one are equal: NFC, and without
/// case. Upper before lower case, so that `ß` meets `SS` and both small sigmas meet, as APFS and
/// NTFS do; lower case first, so that no pair that is equal in lower case alone is missed.
pub(crate) fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let lower = path.nfc().flat_map(char::to_lowercase);
    lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// A hostile text, short enough for one line of a message.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

fn check(path: &str) -> Result<(), PathFault> {
    if path.is_empty() || path.len() > RelPath::MAX_LENGTH {
        return Err(PathFault::Length);
    }
    if path.split('/').count() > RelPath::MAX_SEGMENTS {
        return Err(PathFault::Depth);
    }
    path.split('/').try_for_each(check_segment)?;
    match path.split('/').next() {
        Some(first) if fold(first) == ".exuvia" => Err(PathFault::Reserved),
        _ => Ok(()),
    }
}

/// Windows opens a device for these names in every directory, whatever the extension, and drops
/// spaces before it. The superscript digits count as digits there, and the console has two more.
fn check_device(segment: &str) -> Result<(), PathFault> {
    let stem = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let mut chars = stem.chars().map(|c| c.to_ascii_uppercase());
    let device = match stem.chars().count() {
        3 => matches!(chars.by_ref().collect::<String>().as_str(), "CON" | "PRN" | "AUX" | "NUL"),
        4 => {
            let name: String = chars.by_ref().take(3).collect();
            matches!(name.as_str(), "COM" | "LPT")
                && matches!(chars.next(), Some('0'..='9' | '¹' | '²' | '³'))
        }
        6 | 7 => matches!(chars.by_ref().collect::<String>().as_str(), "CONIN$" | "CONOUT$"),
        _ => false,
    };
    if device { Err(PathFault::Device) } else { Ok(()) }
}
