//! Tables of PE files.

use super::elf::entries;
use super::find::Finder;
use super::resolve::code;
use crate::image::{Machine, Section};

/// Base relocations: each names a place that holds an address.
pub(super) fn relocations(finder: &mut Finder<'_, '_>, section: &Section, base: u64) {
    const DIR64: u64 = 10;
    let mut at = section.offset;
    while at + 8 <= section.end() {
        let (page, length) = (finder.file.u32(at), finder.file.u32(at + 4));
        if length < 8 {
            return;
        }
        let end = (at + length).min(section.end());
        for entry in (at + 8..end.saturating_sub(1)).step_by(2) {
            let entry = finder.file.u16(entry);
            if entry >> 12 != DIR64 {
                continue;
            }
            let place = finder.layout.offset(base + page + (entry & 0xfff));
            if let Some(place) = place.filter(|place| place + 8 <= finder.file.len()) {
                finder.push(place, code::ABS_64);
            }
        }
        at += length;
    }
}

/// Unwind records: begin, end and details of a function; on AArch64 begin and details, which may
/// also stand in the record itself.
pub(super) fn unwind(finder: &mut Finder<'_, '_>, section: &Section, machine: Machine) {
    if machine == Machine::Arm64 {
        for at in entries(section, 8) {
            finder.push(at, code::IMAGE_32);
            if finder.file.u32(at + 4) & 3 == 0 {
                finder.push(at + 4, code::IMAGE_32);
            }
        }
        return;
    }
    for at in entries(section, 12).flat_map(|at| [at, at + 4, at + 8]) {
        finder.push(at, code::IMAGE_32);
    }
}
