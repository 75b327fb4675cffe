//! Tables of Mach-O files.

use super::find::Finder;
use super::resolve::code;
use crate::image::{Chain, Layout, Part, Section, shift};

const LOW_36: u64 = (1 << 36) - 1;

/// Words of data that the loader adjusts.
pub(super) fn pointers(finder: &mut Finder<'_, '_>, section: &Section, part: &Part) {
    let add = shift(section.part);
    if part.chain == Chain::None {
        let pointer = move |layout: &Layout, word: u64| {
            word > 4096 && word >> 44 == 0 && layout.contains(word + add)
        };
        finder.words(section, code::ABS_64, pointer);
        return;
    }
    let base = if part.chain == Chain::Offset { part.base } else { add };
    finder.words(section, code::CHAIN, move |layout: &Layout, word: u64| {
        let rebase = word >> 63 == 0 && word >> 36 & 0x7fff == 0;
        rebase && word & LOW_36 > 0x1000 && layout.contains(base + (word & LOW_36))
    });
}

/// Compact unwind information: first-level entries name functions, and pages of entries that count
/// from there.
pub(super) fn unwind(finder: &mut Finder<'_, '_>, section: &Section, base: u64) {
    const REGULAR: u64 = 2;
    const COMPRESSED: u64 = 3;
    let (start, length) = (section.offset, section.length);
    if length < 28 {
        return;
    }
    let (first, count) = (finder.file.u32(start + 20), finder.file.u32(start + 24));
    if first + count * 12 > length {
        return;
    }
    let mut last = 0;
    for at in (0..count).map(|index| start + first + index * 12) {
        let function = finder.file.u32(at);
        finder.push(at, code::IMAGE_32);
        let page = finder.file.u32(at + 4);
        // Pages ascend; others would be read again and again.
        if page <= last || page + 12 > length {
            continue;
        }
        last = page;
        let kind = finder.file.u32(start + page);
        let (entries, count) =
            (finder.file.u16(start + page + 4), finder.file.u16(start + page + 6));
        let entries_end = |size: u64| page + entries + count * size <= length;
        let entries = start + page + entries;
        if kind == COMPRESSED && entries_end(4) {
            if finder.base(entries, base + function) {
                (0..count).for_each(|index| finder.push(entries + index * 4, code::BASE_24));
            }
        } else if kind == REGULAR && entries_end(8) {
            (0..count).for_each(|index| finder.push(entries + index * 8, code::IMAGE_32));
        }
    }
}
