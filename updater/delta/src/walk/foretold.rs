//! Sections of the new file that follow from the old file and the copy list: tables that only gather
//! what stands elsewhere. What is foretold serves as a further source of copies, behind the old file.

use std::io;

use crate::image::{Layout, Role, Section};
use crate::map::Map;
use crate::old::Source;

/// Most bytes of all foretold sections.
pub(super) const MAX_FORETOLD: u64 = 8 << 20;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The base relocations of PE: where absolute addresses went.
    Relocations = 0,
    /// The search table over ELF's unwind records: where functions and records went.
    UnwindTable = 1,
}

/// A section that is foretold: which table, and which section of the new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foretold {
    pub(super) kind: Kind,
    pub(super) section: usize,
}

impl Kind {
    pub(super) fn from_code(code: u64) -> Option<Self> {
        [Self::Relocations, Self::UnwindTable].into_iter().find(|kind| *kind as u64 == code)
    }
}

/// The sections of a new file that can be foretold.
#[cfg(feature = "make")]
pub(super) fn candidates(new: &Layout, old: &Layout) -> Vec<Foretold> {
    let mut found = Vec::new();
    let mut room = MAX_FORETOLD;
    for (section, of) in new.sections.iter().enumerate() {
        let kind = match of.role {
            Role::Reloc => Kind::Relocations,
            Role::EhFrameHdr => Kind::UnwindTable,
            _ => continue,
        };
        let in_old = old.sections.iter().any(|s| s.role == of.role && s.part == of.part);
        if in_old && of.length >= 64 && of.length <= room {
            room -= of.length;
            found.push(Foretold { kind, section });
        }
    }
    found
}

/// Foretells a section: always as many bytes as it has.
pub(super) fn foretell(
    foretold: Foretold,
    old: &mut Source<'_>,
    map: &Map,
    new: &Layout,
) -> io::Result<Vec<u8>> {
    let Some(section) = new.sections.get(foretold.section) else { return Ok(Vec::new()) };
    let base = new.parts.get(usize::from(section.part)).map_or(0, |part| part.base);
    let mut bytes = match foretold.kind {
        Kind::Relocations => relocations(old, map, base, section.length),
        Kind::UnwindTable => unwind_table(old, map, section),
    };
    old.file.check()?;
    bytes.resize(section.length.min(MAX_FORETOLD) as usize, 0);
    Ok(bytes)
}

/// The places of all absolute addresses that were copied, by pages of 4096 bytes. A page has its
/// address, the bytes of its block, and for each place 2 bytes; blocks are multiples of 4 bytes.
fn relocations(old: &Source<'_>, map: &Map, base: u64, length: u64) -> Vec<u8> {
    const DIR64: u16 = 10 << 12;
    let mut places: Vec<u32> = Vec::new();
    let mut segment = old.layout.segment(0);
    for position in old.refs.absolute() {
        if position < segment.start || position >= segment.end {
            segment = old.layout.segment(position);
        }
        let (address, copied) = map.map(segment.pc(position));
        if let Ok(place) = u32::try_from(address.wrapping_sub(base))
            && copied
            && (places.len() as u64) < length / 2
        {
            places.push(place);
        }
    }
    places.sort_unstable();
    places.dedup();
    let mut bytes = Vec::with_capacity(length as usize);
    for page in places.chunk_by(|a, b| a >> 12 == b >> 12) {
        let start = page.first().map_or(0, |place| place & !0xfff);
        let entries = page.len().next_multiple_of(2);
        bytes.extend_from_slice(&start.to_le_bytes());
        bytes.extend_from_slice(&(8 + 2 * entries as u32).to_le_bytes());
        for place in page {
            bytes.extend_from_slice(&(DIR64 | (place & 0xfff) as u16).to_le_bytes());
        }
        if entries > page.len() {
            bytes.extend_from_slice(&[0, 0]);
        }
    }
    bytes
}

/// The old table with both addresses of each entry moved, in order. Entries of which either was not
/// copied are left out, and so are all but the first of those for the same function.
fn unwind_table(old: &mut Source<'_>, map: &Map, new: &Section) -> Vec<u8> {
    const HEAD: u64 = 12;
    let is_table = |s: &&Section| s.role == Role::EhFrameHdr && s.part == new.part;
    let Some(table) = old.layout.sections.iter().find(is_table).copied() else {
        return Vec::new();
    };
    let mut entries: Vec<(i32, i32)> = Vec::new();
    let count = (table.length.saturating_sub(HEAD) / 8).min(new.length / 8);
    for at in (0..count).map(|index| table.offset + HEAD + index * 8) {
        let mut moved = |at: u64| {
            let target = i64::from(old.file.u32(at) as i32) as u64;
            map.map(table.address.wrapping_add(target))
        };
        let ((function, copied), (record, copied_too)) = (moved(at), moved(at + 4));
        if copied && copied_too {
            let from_table = |address: u64| address.wrapping_sub(new.address) as i32;
            entries.push((from_table(function), from_table(record)));
        }
    }
    entries.sort_unstable();
    entries.dedup_by_key(|entry| entry.0);
    let head: [u8; HEAD as usize] = old.file.array(table.offset);
    let mut bytes = head.to_vec();
    bytes.reserve_exact(entries.len() * 8);
    for (function, record) in entries {
        bytes.extend_from_slice(&function.to_le_bytes());
        bytes.extend_from_slice(&record.to_le_bytes());
    }
    bytes
}
