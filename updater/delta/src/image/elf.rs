//! ELF, 64 bits, little endian.

use super::{Chain, Format, HIGHEST, Layout, Machine, PSEUDO, Part, Role, Section, Segment};
use crate::old::Cache;

const LOAD: u64 = 1;
const NULL: u64 = 0;
const NO_BITS: u64 = 8;
const EXECUTABLE: u64 = 4;
/// Headers that are looked at, however many there are.
const MAX_HEADERS: u64 = 4096;

pub(super) fn read(file: &mut Cache<'_>, layout: &mut Layout) -> Option<()> {
    let class: [u8; 2] = file.array(4);
    if class != [2, 1] {
        return None;
    }
    let machine = match file.u16(18) {
        62 => Machine::X86_64,
        183 => Machine::Arm64,
        _ => return None,
    };
    let absolute = file.u16(16) == 2 && machine == Machine::X86_64;
    let (format, chain, base) = (Format::Elf, Chain::None, 0);
    layout.parts.push(Part { format, machine, absolute, chain, base });
    segments(file, layout)?;
    sections(file, layout)
}

fn segments(file: &mut Cache<'_>, layout: &mut Layout) -> Option<()> {
    let length = file.len();
    let (headers, count) = (file.u64(32), file.u16(56).min(MAX_HEADERS));
    for index in 0..count {
        let at = headers.checked_add(index * 56)?;
        if file.u32(at) == LOAD {
            let segment = Segment {
                part: 0,
                offset: file.u64(at + 8),
                address: file.u64(at + 16),
                length: file.u64(at + 32),
                memory: file.u64(at + 40),
            };
            if segment.address < HIGHEST {
                layout.add_segment(segment, length);
            }
        }
    }
    let loaded = layout.segments.iter().map(|s| s.offset.saturating_add(s.length)).max()?;
    let rest = length.saturating_sub(loaded);
    if rest > 0 && length < HIGHEST {
        let (address, offset) = (PSEUDO + loaded, loaded);
        let tail = Segment { part: 0, address, offset, length: rest, memory: rest };
        layout.add_segment(tail, length);
    }
    Some(())
}

fn sections(file: &mut Cache<'_>, layout: &mut Layout) -> Option<()> {
    let length = file.len();
    let (headers, count, names) = (file.u64(40), file.u16(60).min(MAX_HEADERS), file.u16(62));
    let header = |index: u64| headers.checked_add(index * 64).filter(|at| *at < HIGHEST);
    if headers == 0 {
        return Some(());
    }
    let names = file.u64(header(names)? + 24);
    for index in 0..count {
        let at = header(index)?;
        let kind = file.u32(at + 4);
        if kind == NULL || kind == NO_BITS {
            continue;
        }
        let name = file.u32(at);
        let name: [u8; 24] = file.array(names.saturating_add(name));
        let exec = file.u64(at + 8) & EXECUTABLE != 0;
        let role = if exec { Role::Code } else { role(&name) };
        let link = match role {
            Role::Symbols => {
                let strings = header(file.u32(at + 40).min(MAX_HEADERS))?;
                layout.address(file.u64(strings + 24)).unwrap_or(0)
            }
            _ => 0,
        };
        let (address, offset, size) = (file.u64(at + 16), file.u64(at + 24), file.u64(at + 32));
        let section = Section { part: 0, role, address, offset, length: size, exec, link };
        layout.add_section(section, length);
    }
    Some(())
}

fn role(name: &[u8]) -> Role {
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    match &name[..end] {
        b".rodata" => Role::Constants,
        b".gopclntab" | b".data.rel.ro.gopclntab" => Role::GoTable,
        b".data.rel.ro" | b".init_array" | b".fini_array" | b".got" | b".got.plt" | b".data" => {
            Role::Pointers
        }
        b".rela.dyn" | b".rela.plt" => Role::Rela,
        b".dynsym" | b".symtab" => Role::Symbols,
        b".eh_frame_hdr" => Role::EhFrameHdr,
        b".eh_frame" => Role::EhFrame,
        name if name.starts_with(b".debug_") => Role::Debug,
        _ => Role::Other,
    }
}
