//! PE32+: Windows programs and libraries.

use super::{Chain, Format, HIGHEST, Layout, Machine, Part, Role, Section, Segment};
use crate::old::Cache;

const PE32_PLUS: u64 = 0x20b;
const EXECUTABLE: u64 = 0x2000_0000;
/// Places in the table of directories.
const EXCEPTIONS: u64 = 3;
const RELOCATIONS: u64 = 5;

pub(super) fn read(file: &mut Cache<'_>, layout: &mut Layout) -> Option<()> {
    let length = file.len();
    let header = file.u32(60);
    if file.u32(header) != 0x4550 {
        return None;
    }
    let machine = match file.u16(header + 4) {
        0x8664 => Machine::X86_64,
        0xaa64 => Machine::Arm64,
        _ => return None,
    };
    let count = file.u16(header + 6).min(96);
    let optional = header + 24;
    if file.u16(optional) != PE32_PLUS {
        return None;
    }
    let base = file.u64(optional + 24);
    if base >= HIGHEST {
        return None;
    }
    let (format, chain) = (Format::Pe, Chain::None);
    layout.parts.push(Part { format, machine, absolute: false, chain, base });
    let table = optional + file.u16(header + 20);
    for index in 0..count {
        let at = table + index * 40;
        let name: [u8; 8] = file.array(at);
        let (memory, address) = (file.u32(at + 8), base + file.u32(at + 12));
        let (stored, offset) = (file.u32(at + 16), file.u32(at + 20));
        let exec = file.u32(at + 36) & EXECUTABLE != 0;
        let segment = Segment { part: 0, address, offset, length: stored, memory };
        layout.add_segment(segment, length);
        let role = match &name {
            _ if exec => Role::Code,
            b".rdata\0\0" => Role::Constants,
            _ => Role::Other,
        };
        let size = stored.min(memory);
        let section = Section { part: 0, role, address, offset, length: size, exec, link: 0 };
        layout.add_section(section, length);
    }
    directory(file, layout, optional, RELOCATIONS, Role::Reloc);
    directory(file, layout, optional, EXCEPTIONS, Role::Pdata);
    Some(())
}

/// A table that the header names is a section of its own, whatever section it lies in.
fn directory(file: &mut Cache<'_>, layout: &mut Layout, optional: u64, index: u64, role: Role) {
    let base = layout.parts.first().map_or(0, |part| part.base);
    let entry = optional + 112 + index * 8;
    let (address, length) = (base + file.u32(entry), file.u32(entry + 4));
    if index < file.u32(optional + 108)
        && let Some(offset) = layout.offset(address)
    {
        let section = Section { part: 0, role, address, offset, length, exec: false, link: 0 };
        layout.add_section(section, file.len());
    }
}
