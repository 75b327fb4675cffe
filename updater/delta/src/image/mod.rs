//! What an executable says about itself: which of its bytes are loaded where, and what they are.
//!
//! One module per format. A file that is no executable, or one that a module does not understand,
//! gives an empty [`Layout`]: nothing is predicted in it, and it is treated as plain data.
//!
//! # Addresses
//! All addresses live in one space. Loaded bytes have the address that the file gives them. In ELF
//! files the bytes after the last loaded one (symbol names, debug information) have the address
//! [`PSEUDO`] + offset, so that references among them can be followed. A universal Mach-O file has
//! several parts, each an executable of its own: part *i* has *i* << 47 added to all its addresses.

pub(crate) mod elf;
pub(crate) mod macho;
pub(crate) mod pe;

use crate::old::Cache;

/// Addresses from here on stand for bytes that are not loaded.
pub(crate) const PSEUDO: u64 = 1 << 46;
/// Loaded addresses are below this.
pub(crate) const HIGHEST: u64 = 1 << 44;
/// Each part of a file has its own range of addresses, this far apart.
pub(crate) const PART_SHIFT: u32 = 47;
/// Most sections of a layout; others count as gaps.
pub(crate) const MAX_SECTIONS: usize = 64;
/// Most segments of a layout.
pub(crate) const MAX_SEGMENTS: usize = 128;
/// Most parts of a file.
pub(crate) const MAX_PARTS: usize = 4;

/// The format of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Elf,
    Pe,
    MachO,
}

/// Whose instructions the code consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Machine {
    #[default]
    None,
    X86_64,
    Arm64,
}

/// What a section holds, as far as references in it are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Other,
    /// Instructions.
    Code,
    /// Constants, among them switch tables and perhaps Go's function table.
    Constants,
    /// Go's function table on its own.
    GoTable,
    /// Words that may be pointers.
    Pointers,
    /// ELF relocations with addends.
    Rela,
    /// ELF symbols; the section's `link` is the address of their names.
    Symbols,
    /// ELF: the search table over the unwind records.
    EhFrameHdr,
    /// ELF: unwind records.
    EhFrame,
    /// Debug information.
    Debug,
    /// PE base relocations.
    Reloc,
    /// PE unwind records.
    Pdata,
    /// Mach-O compact unwind information.
    UnwindInfo,
}

/// How Mach-O pointers that the loader adjusts are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chain {
    /// As they are.
    #[default]
    None,
    /// In 36 bits, relative to the image's base.
    Offset,
    /// In 36 bits, as addresses.
    Address,
}

/// One executable in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) format: Format,
    pub(crate) machine: Machine,
    /// Code refers to data by absolute 32-bit addresses.
    pub(crate) absolute: bool,
    pub(crate) chain: Chain,
    /// The address that image-relative offsets count from.
    pub(crate) base: u64,
}

/// Bytes of the file that are loaded as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) part: u8,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    /// Bytes in the file.
    pub(crate) length: u64,
    /// Bytes in memory, at least as many.
    pub(crate) memory: u64,
}

/// Bytes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) part: u8,
    pub(crate) role: Role,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) exec: bool,
    pub(crate) link: u64,
}

/// Where everything in a file is. The layout of the new file stands in the patch, so that the
/// decoder knows address and kind of every byte before it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) parts: Vec<Part>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) sections: Vec<Section>,
}

/// Bytes of a file that have the same answer to all questions, for callers to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Whether its bytes have addresses.
    pub(crate) loaded: bool,
    /// The address of `start`.
    pub(crate) address: u64,
    /// 1 + the index of the section, 0 between sections.
    pub(crate) class: u8,
    pub(crate) exec: bool,
    pub(crate) machine: Machine,
    /// What image-relative offsets count from.
    pub(crate) base: u64,
    /// What chained pointers count from.
    pub(crate) chain: u64,
    /// What is added to absolute addresses of this part.
    pub(crate) shift: u64,
    /// The lowest loaded address of the part, and the end of the highest.
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl Span {
    /// The address of an offset in this span of a segment; 0 if it has none.
    pub(crate) fn pc(&self, offset: u64) -> u64 {
        if !self.loaded {
            return 0;
        }
        self.address.wrapping_add(offset.wrapping_sub(self.start))
    }
}

impl Segment {
    pub(crate) fn holds(&self, offset: u64) -> bool {
        offset.wrapping_sub(self.offset) < self.length
    }
}

impl Section {
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// The addition to all addresses of a part.
pub(crate) fn shift(part: u8) -> u64 {
    u64::from(part) << PART_SHIFT
}

/// Reads the layout of a file.
pub(crate) fn read(file: &mut Cache<'_>) -> Layout {
    let mut layout = Layout::default();
    let magic: [u8; 4] = file.array(0);
    match &magic {
        b"\x7fELF" => elf::read(file, &mut layout),
        [b'M', b'Z', ..] => pe::read(file, &mut layout),
        _ => macho::read(file, &mut layout),
    }
    .unwrap_or_default();
    if layout.parts.is_empty() { Layout::default() } else { layout }
}

impl Layout {
    /// Adds a segment unless it is out of all bounds. What lies past the end of the file is cut off.
    pub(crate) fn add_segment(&mut self, mut segment: Segment, file_length: u64) {
        let room = file_length.saturating_sub(segment.offset);
        segment.length = segment.length.min(room);
        segment.memory = segment.memory.max(segment.length);
        let end = segment.address.checked_add(segment.memory);
        let sane = end.is_some_and(|end| end < HIGHEST) || segment.address >= PSEUDO;
        if sane && segment.memory > 0 && self.segments.len() < MAX_SEGMENTS {
            segment.address = segment.address.wrapping_add(shift(segment.part));
            self.segments.push(segment);
        }
    }

    /// Adds a section if all of it is in the file.
    pub(crate) fn add_section(&mut self, mut section: Section, file_length: u64) {
        let fits = section.offset.checked_add(section.length).is_some_and(|end| end <= file_length);
        let sane = section.address < HIGHEST;
        if fits && sane && section.length > 0 && self.sections.len() < MAX_SECTIONS {
            section.address = section.address.wrapping_add(shift(section.part));
            self.sections.push(section);
        }
    }

    /// The address of a byte of the file.
    pub(crate) fn address(&self, offset: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| segment.holds(offset))?;
        Some(segment.address.wrapping_add(offset - segment.offset))
    }

    /// Where in the file an address is.
    pub(crate) fn offset(&self, address: u64) -> Option<u64> {
        let within = |s: &&Segment| address.wrapping_sub(s.address) < s.length;
        let segment = self.segments.iter().find(within)?;
        Some(segment.offset.saturating_add(address - segment.address))
    }

    /// Whether something is loaded, or stands, at an address.
    #[inline]
    pub(crate) fn contains(&self, address: u64) -> bool {
        address != PSEUDO
            && self.segments.iter().any(|s| address.wrapping_sub(s.address) < s.memory)
    }

    /// The lowest loaded address of a part, and the end of the highest.
    pub(crate) fn range(&self, part: u8) -> (u64, u64) {
        let real = |s: &&Segment| s.part == part && s.address & (HIGHEST * 8 - 1) < HIGHEST;
        let loaded = || self.segments.iter().filter(real);
        let low = loaded().map(|s| s.address).min().unwrap_or(0);
        (low, loaded().map(|s| s.address.saturating_add(s.memory)).max().unwrap_or(0))
    }

    /// The section around an offset, or the gap between sections.
    pub(crate) fn section(&self, offset: u64) -> Span {
        let bounds = self.sections.iter().map(|s| (s.offset, s.end()));
        let mut span = around(offset, bounds);
        let within = |s: &Section| offset.wrapping_sub(s.offset) < s.length;
        let Some(index) = self.sections.iter().position(within) else { return span };
        let section = self.sections[index];
        span.class = u8::try_from(index + 1).unwrap_or(0);
        span.exec = section.exec;
        span.loaded = true;
        span.address = section.address.wrapping_add(span.start.wrapping_sub(section.offset));
        self.fill(&mut span, section.part);
        span
    }

    /// The segment around an offset, or the gap between segments.
    pub(crate) fn segment(&self, offset: u64) -> Span {
        let bounds = self.segments.iter().map(|s| (s.offset, s.offset.saturating_add(s.length)));
        let mut span = around(offset, bounds);
        let Some(segment) = self.segments.iter().find(|segment| segment.holds(offset)) else {
            self.fill(&mut span, 0);
            return span;
        };
        span.loaded = true;
        span.address = segment.address.wrapping_add(span.start.wrapping_sub(segment.offset));
        self.fill(&mut span, segment.part);
        span
    }

    fn fill(&self, span: &mut Span, part: u8) {
        let Some(of) = self.parts.get(usize::from(part)) else { return };
        span.machine = of.machine;
        span.base = of.base;
        span.shift = shift(part);
        span.chain = if of.chain == Chain::Offset { of.base } else { span.shift };
        (span.low, span.high) = self.range(part);
    }
}

/// The longest span around an offset that has no bound in it.
fn around(offset: u64, bounds: impl Iterator<Item = (u64, u64)>) -> Span {
    let mut span = Span { end: u64::MAX, ..Span::default() };
    for bound in bounds.flat_map(|(start, end)| [start, end]) {
        if bound <= offset {
            span.start = span.start.max(bound);
        } else {
            span.end = span.end.min(bound);
        }
    }
    span
}
