//! Go's function table, as of Go 1.20: offsets that count from the table's own parts.

use super::find::Finder;
use super::resolve::{GoTable, code};
use crate::image::{Role, Section};

const MAGIC: u64 = 0xffff_fff1;
const HEADER: u64 = 80;
/// Bytes of a function's record before its tables.
const RECORD: u64 = 44;
/// Fewest and most tables of a function that are believed.
const MAX_TABLES: u64 = 64;

// What the fields of the table count from.
const TEXT: u8 = code::REL_4;
const FUNCTIONS: u8 = code::REL_5;
const NAMES: u8 = code::REL_6;
const TABLES: u8 = code::REL_8;

/// Looks for the table in a section; each part of a file has one at most.
pub(super) fn find(finder: &mut Finder<'_, '_>, section: &Section) {
    if finder
        .go
        .iter()
        .any(|table| finder.layout.section(table.start).base == base(finder, section))
    {
        return;
    }
    let mut at = section.offset.next_multiple_of(8);
    while at + HEADER < section.end() {
        if finder.file.u32(at) == MAGIC && finder.file.u32(at + 4) & 0xff00_ffff == 0x0800_0000 {
            table(finder, section, at);
            return;
        }
        at += 8;
    }
}

fn base(finder: &Finder<'_, '_>, section: &Section) -> u64 {
    finder.layout.section(section.offset).base
}

/// Reads the table at `start`.
fn table(finder: &mut Finder<'_, '_>, section: &Section, start: u64) -> Option<()> {
    let layout = finder.layout;
    let is_text = |s: &&Section| s.role == Role::Code && s.part == section.part;
    let first = layout.sections.iter().find(is_text)?.address;
    let address = layout.address(start)?;
    let length = finder.file.len();
    let mut field = |index: u64| finder.file.u64(start + index * 8);
    let (count, text) = (field(1), field(3));
    let (names, tables, functions) = (field(4), field(7), field(8));
    let text = if text == 0 { first } else { text };
    let list = start.checked_add(functions)?;
    let end = list.checked_add(count.checked_mul(8)?)?.checked_add(4)?;
    if end > length {
        return None;
    }
    let bases =
        [text, address + functions, address.checked_add(names)?, address.checked_add(tables)?];
    finder.go.push(GoTable { start, end: section.end(), bases });
    let mut last = list;
    for entry in (0..count).map(|index| list + index * 8) {
        add(finder, entry, TEXT, bases);
        add(finder, entry + 4, FUNCTIONS, bases);
        let record = list + finder.file.u32(entry + 4);
        // Records ascend; others would be read again and again.
        if record > last && record + RECORD <= section.end() {
            last = record;
            function(finder, record, section.end(), bases);
        }
    }
    add(finder, list + count * 8, TEXT, bases);
    Some(())
}

/// A function's record.
fn function(finder: &mut Finder<'_, '_>, record: u64, end: u64, bases: [u64; 4]) {
    add(finder, record, TEXT, bases);
    add(finder, record + 4, NAMES, bases);
    for field in [16, 20, 24] {
        if finder.file.u32(record + field) != 0 {
            add(finder, record + field, TABLES, bases);
        }
    }
    let tables = finder.file.u32(record + 28);
    if tables < MAX_TABLES && record + RECORD + tables * 4 <= end {
        for field in (0..tables).map(|index| record + RECORD + index * 4) {
            if finder.file.u32(field) != 0 {
                add(finder, field, TABLES, bases);
            }
        }
    }
}

fn add(finder: &mut Finder<'_, '_>, position: u64, code: u8, bases: [u64; 4]) {
    let value = finder.file.u32(position);
    if finder.layout.contains(bases[usize::from(code)].wrapping_add(value)) {
        finder.push(position, code);
    }
}
