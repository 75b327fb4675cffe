//! Mach-O, 64 bits, little endian, alone or several in a universal file.

use super::{Chain, Format, Layout, MAX_PARTS, Machine, Part, Role, Section, Segment, shift};
use crate::old::Cache;

const MAGIC: u64 = 0xfeed_facf;
const FAT: u64 = 0xcafe_babe;
const FAT_64: u64 = 0xcafe_babf;
const SEGMENT: u64 = 0x19;
const SIGNATURE: u64 = 0x1d;
const CHAINED_FIXUPS: u64 = 0x8000_0034;
const MAX_COMMANDS: u64 = 1024;

/// Where the executables of a file are: start and length.
fn slices(file: &mut Cache<'_>) -> Vec<(u64, u64)> {
    let wide = match file.be32(0) {
        FAT => false,
        FAT_64 => true,
        _ => return vec![(0, file.len())],
    };
    // Java classes have the same magic; what follows there is a version, over 40.
    let count = file.be32(4).min(MAX_PARTS as u64);
    let mut slices = Vec::new();
    for index in 0..count {
        let (start, length) = if wide {
            let at = 8 + index * 32;
            (
                file.be32(at + 8) << 32 | file.be32(at + 12),
                file.be32(at + 16) << 32 | file.be32(at + 20),
            )
        } else {
            let at = 8 + index * 20;
            (file.be32(at + 8), file.be32(at + 12))
        };
        if start.checked_add(length).is_some_and(|end| end <= file.len()) {
            slices.push((start, length));
        }
    }
    slices
}

pub(super) fn read(file: &mut Cache<'_>, layout: &mut Layout) -> Option<()> {
    for (start, _) in slices(file) {
        part(file, layout, start);
    }
    Some(())
}

/// The start of each executable in the file and where its code signature is, both as offsets.
#[cfg_attr(not(feature = "make"), allow(dead_code))]
pub(crate) fn signatures(file: &mut Cache<'_>) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for (start, _) in slices(file) {
        if file.u32(start) != MAGIC {
            continue;
        }
        commands(file, start, |file, at, kind| {
            if kind == SIGNATURE {
                found.push((start, start.saturating_add(file.u32(at + 8))));
            }
        });
    }
    found
}

/// Calls back with place and kind of each load command.
fn commands(file: &mut Cache<'_>, start: u64, mut each: impl FnMut(&mut Cache<'_>, u64, u64)) {
    let count = file.u32(start + 16).min(MAX_COMMANDS);
    let mut at = start + 32;
    for _ in 0..count {
        let (kind, length) = (file.u32(at), file.u32(at + 4));
        if length < 8 || at >= file.len() {
            return;
        }
        each(file, at, kind);
        at += length;
    }
}

fn part(file: &mut Cache<'_>, layout: &mut Layout, start: u64) {
    if file.u32(start) != MAGIC || layout.parts.len() >= MAX_PARTS {
        return;
    }
    let machine = match file.u32(start + 4) {
        0x0100_0007 => Machine::X86_64,
        0x0100_000c => Machine::Arm64,
        _ => return,
    };
    let index = layout.parts.len() as u8;
    let (format, absolute) = (Format::MachO, false);
    let mut part = Part { format, machine, absolute, chain: Chain::None, base: shift(index) };
    commands(file, start, |file, at, kind| match kind {
        SEGMENT => segment(file, layout, &mut part, (start, at, index)),
        CHAINED_FIXUPS => {
            let fixups = start.saturating_add(file.u32(at + 8));
            part.chain = chain(file, fixups);
        }
        _ => {}
    });
    layout.parts.push(part);
}

/// The form of chained pointers: that of the first segment that has any.
fn chain(file: &mut Cache<'_>, fixups: u64) -> Chain {
    let starts = fixups.saturating_add(file.u32(fixups.saturating_add(4)));
    let count = file.u32(starts).min(64);
    for index in 0..count {
        let offset = file.u32(starts.saturating_add(4 + index * 4));
        if offset != 0 {
            return match file.u16(starts.saturating_add(offset + 6)) {
                2 => Chain::Address,
                6 => Chain::Offset,
                _ => Chain::None,
            };
        }
    }
    Chain::None
}

fn segment(
    file: &mut Cache<'_>,
    layout: &mut Layout,
    of: &mut Part,
    (start, at, part): (u64, u64, u8),
) {
    let length = file.len();
    let name: [u8; 16] = file.array(at + 8);
    if name.starts_with(b"__PAGEZERO\0") {
        return;
    }
    let segment = Segment {
        part,
        address: file.u64(at + 24),
        memory: file.u64(at + 32),
        offset: start.saturating_add(file.u64(at + 40)),
        length: file.u64(at + 48),
    };
    if name.starts_with(b"__TEXT\0") {
        of.base = segment.address.wrapping_add(shift(part));
    }
    layout.add_segment(segment, length);
    for index in 0..file.u32(at + 64).min(64) {
        let header = at + 72 + index * 80;
        let section: [u8; 16] = file.array(header);
        let zero_fill = matches!(file.u32(header + 64) & 0xff, 1 | 12 | 18);
        if zero_fill {
            continue;
        }
        let role = role(&name, &section);
        let section = Section {
            part,
            role,
            address: file.u64(header + 32),
            length: file.u64(header + 40),
            offset: start.saturating_add(file.u32(header + 48)),
            exec: role == Role::Code,
            link: 0,
        };
        layout.add_section(section, length);
    }
}

fn role(segment: &[u8; 16], section: &[u8; 16]) -> Role {
    let end = section.iter().position(|byte| *byte == 0).unwrap_or(16);
    match &section[..end] {
        b"__text" | b"__stubs" => Role::Code,
        b"__unwind_info" => Role::UnwindInfo,
        b"__eh_frame" => Role::EhFrame,
        b"__gopclntab" => Role::GoTable,
        b"__rodata" | b"__const" if segment.starts_with(b"__TEXT\0") => Role::Constants,
        _ if segment.starts_with(b"__DATA") => Role::Pointers,
        _ => Role::Other,
    }
}
