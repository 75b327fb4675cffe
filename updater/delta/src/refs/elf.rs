//! Tables of ELF files.

use super::find::Finder;
use super::resolve::code;
use crate::image::Section;

/// Relocations with addends: where, and for relative ones also what.
pub(super) fn relocations(finder: &mut Finder<'_, '_>, section: &Section) {
    // R_X86_64_RELATIVE, R_AARCH64_RELATIVE
    const RELATIVE: [u64; 2] = [8, 1027];
    for at in entries(section, 24) {
        let kind = finder.file.u32(at + 8);
        if kind != 0 {
            finder.push(at, code::ABS_64);
            if RELATIVE.contains(&kind) {
                finder.push(at + 16, code::ABS_64);
            }
        }
    }
}

/// Symbols: name and value.
pub(super) fn symbols(finder: &mut Finder<'_, '_>, section: &Section) {
    let named = section.link != 0 && finder.base(section.offset, section.link);
    for at in entries(section, 24) {
        if named && finder.file.u32(at) > 0 {
            finder.push(at, code::BASE_32);
        }
        let value = finder.file.u64(at + 8);
        if value != 0 && finder.layout.contains(value) {
            finder.push(at + 8, code::ABS_64);
        }
    }
}

/// The search table over the unwind records: pairs relative to the table's start.
pub(super) fn unwind_table(finder: &mut Finder<'_, '_>, section: &Section) {
    if section.length < 12 || !finder.base(section.offset, section.address) {
        return;
    }
    finder.push(section.offset + 4, code::REL_0);
    for at in entries(section, 4).skip(3) {
        finder.push(at, code::BASE_32);
    }
}

/// Unwind records: common part, start of the function, and its exception table.
pub(super) fn unwind(finder: &mut Finder<'_, '_>, section: &Section) {
    let mut at = section.offset;
    while at + 24 <= section.end() {
        let length = finder.file.u32(at);
        if length == 0 || length == 0xffff_ffff {
            return;
        }
        if finder.file.u32(at + 4) != 0 {
            finder.push(at + 4, code::NEG_REL);
            finder.push(at + 8, code::REL_0);
            if length >= 21 && finder.file.u8(at + 16) == 4 {
                finder.push(at + 17, code::REL_0);
            }
        }
        at += 4 + length;
    }
}

/// Places of whole entries of `size` bytes.
pub(super) fn entries(section: &Section, size: u64) -> impl Iterator<Item = u64> + use<> {
    let offset = section.offset;
    (0..section.length / size).map(move |index| offset + index * size)
}
