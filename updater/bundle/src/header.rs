//! Tar headers, computed from the manifest. The layout is in the crate documentation.

use crate::{Entry, Node};

/// Everything in a bundle stands on a multiple of this.
pub(crate) const BLOCK: usize = 512;
/// Zero bytes at the very end.
pub(crate) const TRAILER: usize = 2 * BLOCK;

const MANIFEST: &str = ".exuvia/manifest";
const LONG: &str = "././@LongLink";
const NAME: usize = 100;

/// The first header of every bundle.
pub(crate) fn manifest_header(length: u64) -> [u8; BLOCK] {
    block(MANIFEST.as_bytes(), b"", 0o644, length, b'0')
}

/// Reads the one field that is taken from a header: the octal length of the manifest. What does not
/// come out of [`manifest_header`] again is refused by the caller, so this may be lenient.
pub(crate) fn manifest_length(header: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(header.get(124..135)?).ok()?;
    u64::from_str_radix(digits, 8).ok()
}

/// All header bytes of an entry, long names included.
pub(crate) fn entry_header(entry: &Entry) -> Vec<u8> {
    let path = entry.path.as_str();
    let name = match entry.node {
        Node::Dir => format!("{path}/"),
        Node::File { .. } | Node::Link { .. } => path.to_owned(),
    };
    let (link, mode, length, kind) = match &entry.node {
        Node::Dir => ("", 0o755, 0, b'5'),
        Node::File { executable: true, length, .. } => ("", 0o755, *length, b'0'),
        Node::File { executable: false, length, .. } => ("", 0o644, *length, b'0'),
        Node::Link { target } => (target.as_str(), 0o777, 0, b'2'),
    };
    let mut out = Vec::with_capacity(BLOCK);
    push_long(&mut out, link, b'K');
    push_long(&mut out, &name, b'L');
    out.extend(block(name.as_bytes(), link.as_bytes(), mode, length, kind));
    out
}

/// Zero bytes that follow `length` bytes of content.
pub(crate) fn padding(length: u64) -> usize {
    let over = (length % BLOCK as u64) as usize;
    if over == 0 { 0 } else { BLOCK - over }
}

/// Bytes of the bundle of these entries; saturates, so that a limit can refuse it.
pub(crate) fn bundle_length(entries: &[Entry], manifest_length: u64) -> u64 {
    let frame = (BLOCK + TRAILER) as u64;
    let start = frame.saturating_add(padded(manifest_length));
    entries.iter().fold(start, |sum, entry| {
        let content = match entry.node {
            Node::File { length, .. } => padded(length),
            Node::Dir | Node::Link { .. } => 0,
        };
        sum.saturating_add(header_length(entry)).saturating_add(content)
    })
}

fn header_length(entry: &Entry) -> u64 {
    let path = entry.path.as_str().len();
    let (name, link) = match &entry.node {
        Node::Dir => (path + 1, 0),
        Node::File { .. } => (path, 0),
        Node::Link { target } => (path, target.len()),
    };
    let long = |length: usize| match length {
        0..=NAME => 0,
        _ => BLOCK as u64 + padded(length as u64 + 1),
    };
    BLOCK as u64 + long(name) + long(link)
}

fn padded(length: u64) -> u64 {
    length.saturating_add(padding(length) as u64)
}

fn push_long(out: &mut Vec<u8>, text: &str, kind: u8) {
    if text.len() <= NAME {
        return;
    }
    let length = text.len() as u64 + 1;
    out.extend(block(LONG.as_bytes(), b"", 0o644, length, kind));
    out.extend(text.as_bytes());
    out.resize(out.len() + 1 + padding(length), 0);
}

fn block(name: &[u8], link: &[u8], mode: u32, length: u64, kind: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put(&mut block, 0, &name[..name.len().min(NAME)]);
    put(&mut block, 100, format!("{mode:07o}").as_bytes());
    put(&mut block, 108, b"0000000");
    put(&mut block, 116, b"0000000");
    if length < 1 << 33 {
        put(&mut block, 124, format!("{length:011o}").as_bytes());
    } else {
        block[124] = 0x80;
        put(&mut block, 128, &length.to_be_bytes());
    }
    put(&mut block, 136, b"00000000000");
    // The checksum is taken with its own field full of spaces.
    put(&mut block, 148, b"        ");
    block[156] = kind;
    put(&mut block, 157, &link[..link.len().min(NAME)]);
    put(&mut block, 257, b"ustar  ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0").as_bytes());
    block
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}
