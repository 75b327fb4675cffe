//! All references of a file: each section is given to the scanner for what it holds.

use std::mem;

use super::pack::Lanes;
use super::resolve::{GoTable, Refs, code, width};
use super::{arm, elf, go, jump, macho, pe, x86};
use crate::image::{Format, Layout, Machine, Role, Section};
use crate::old::Cache;

/// Bytes that are scanned at a time. A scanner's state does not outlive a window.
const WINDOW: u64 = 1 << 20;
/// Most bases that tables have.
const MAX_BASES: usize = 1 << 18;

/// What scanners work with.
pub(super) struct Finder<'a, 'f> {
    pub(super) file: &'a mut Cache<'f>,
    pub(super) layout: &'a Layout,
    lanes: Lanes,
    bases: Vec<(u64, u64)>,
    pub(super) go: Vec<GoTable>,
    /// Addresses that code takes and that may be switch tables.
    pub(super) tables: jump::Candidates,
    window: Vec<u8>,
}

impl Finder<'_, '_> {
    #[inline]
    pub(super) fn push(&mut self, position: u64, code: u8) {
        self.lanes.push(position, code);
    }

    /// Says what references with a base count from, for positions from `position` on. False if
    /// there are too many, and the references must be left out.
    pub(super) fn base(&mut self, position: u64, base: u64) -> bool {
        let room = self.bases.len() < MAX_BASES;
        if room {
            self.bases.push((position, base));
        }
        room
    }

    /// Calls back with offset, address and bytes of each window of a section.
    fn windows(&mut self, section: &Section, mut scan: impl FnMut(&mut Self, u64, u64, &[u8])) {
        let mut window = mem::take(&mut self.window);
        let mut done = 0;
        while done < section.length {
            let count = WINDOW.min(section.length - done);
            window.resize(count as usize, 0);
            let offset = section.offset + done;
            self.file.read(offset, &mut window);
            scan(self, offset, section.address.wrapping_add(done), &window);
            done += count;
        }
        self.window = window;
    }

    /// Every aligned word of 8 bytes for which `accept` holds is a reference.
    pub(super) fn words(
        &mut self,
        section: &Section,
        code: u8,
        accept: impl Fn(&Layout, u64) -> bool,
    ) {
        self.windows(section, |this, offset, _, bytes| {
            let skip = offset.wrapping_neg() & 7;
            for (index, word) in
                bytes.get(skip as usize..).unwrap_or_default().chunks_exact(8).enumerate()
            {
                let value = word.first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
                if value != 0 && accept(this.layout, value) {
                    this.push(offset + skip + 8 * index as u64, code);
                }
            }
        });
    }

    fn code(&mut self, section: &Section) {
        let layout = self.layout;
        let range = layout.range(section.part);
        let Some(part) = layout.parts.get(usize::from(section.part)) else { return };
        let inside = |address| layout.contains(address);
        self.windows(section, |this, offset, address, bytes| match part.machine {
            Machine::X86_64 => {
                let tables = &mut this.tables;
                let lanes = &mut this.lanes;
                x86::relative(bytes, address, range, |field| {
                    let code = match field.end {
                        5 => code::REL_5,
                        6 => code::REL_6,
                        8 => code::REL_8,
                        _ => code::REL_4,
                    };
                    lanes.push(offset + field.at as u64, code);
                    if field.lea {
                        tables.push(field.target);
                    }
                });
                if part.absolute {
                    x86::absolute(bytes, range, inside, |at| {
                        lanes.push(offset + at as u64, code::ABS_32);
                    });
                }
            }
            Machine::Arm64 => arm::scan(bytes, address, inside, |at, found| {
                let code = match found {
                    arm::Found::Branch => code::BRANCH,
                    arm::Found::Adrp => code::ADRP,
                    arm::Found::Lo12 => code::LO_12,
                };
                this.push(offset + at as u64, code);
            }),
            Machine::None => {}
        });
    }

    /// Addresses of code stand anywhere in debug information.
    fn debug(&mut self, section: &Section) {
        let code = self.layout.sections.iter().filter(|s| s.exec);
        let low = code.clone().map(|s| s.address).min().unwrap_or(0).max(0x1_0000);
        let high = code.map(|s| s.address.saturating_add(s.length)).max().unwrap_or(0);
        let Some(range) = high.checked_sub(low) else { return };
        self.windows(section, |this, offset, _, bytes| {
            let mut at = 0;
            while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
                if u64::from_le_bytes(*word).wrapping_sub(low) < range {
                    this.push(offset + at as u64, code::ABS_64);
                    at += 8;
                } else {
                    at += 1;
                }
            }
        });
    }

    fn section(&mut self, section: &Section) {
        let Some(part) = self.layout.parts.get(usize::from(section.part)) else { return };
        match section.role {
            Role::Other => {}
            Role::Code => self.code(section),
            Role::Constants => {
                if part.absolute {
                    let range = self.layout.range(section.part);
                    self.words(section, code::ABS_64, |_, word| (range.0..range.1).contains(&word));
                }
                go::find(self, section);
            }
            Role::GoTable => go::find(self, section),
            Role::Pointers if part.format == Format::MachO => macho::pointers(self, section, part),
            Role::Pointers => {
                let pointer = |layout: &Layout, word| word > 4096 && layout.contains(word);
                self.words(section, code::ABS_64, pointer);
            }
            Role::Rela => elf::relocations(self, section),
            Role::Symbols => elf::symbols(self, section),
            Role::EhFrameHdr => elf::unwind_table(self, section),
            Role::EhFrame => elf::unwind(self, section),
            Role::Debug => self.debug(section),
            Role::Reloc => pe::relocations(self, section, part.base),
            Role::Pdata => pe::unwind(self, section, part.machine),
            Role::UnwindInfo => macho::unwind(self, section, part.base),
        }
    }
}

/// Finds all references of a file. If it cannot be read, [`Cache::check`] says so afterwards.
pub(crate) fn find(file: &mut Cache<'_>, layout: &Layout) -> Refs {
    let mut finder = Finder {
        file,
        layout,
        lanes: Lanes::default(),
        bases: Vec::new(),
        go: Vec::new(),
        tables: jump::Candidates::new(layout),
        window: Vec::new(),
    };
    for section in &layout.sections {
        finder.section(section);
    }
    jump::find(&mut finder);
    let Finder { lanes, mut bases, go, .. } = finder;
    bases.sort_by_key(|base| base.0);
    bases.shrink_to_fit();
    Refs { packed: lanes.merge(width), bases, go }
}
