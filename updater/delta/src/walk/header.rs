//! What stands before the copy list: everything about the new file that the decoder must know before
//! its first byte.

use std::io::Read;

use super::Fault;
use super::foretold::{Foretold, Kind, MAX_FORETOLD};
use super::signature::Slots;
use crate::Bound;
use crate::image::{
    Chain, Format, Layout, MAX_PARTS, MAX_SECTIONS, MAX_SEGMENTS, Machine, Part, Role, Section,
    Segment, shift,
};

/// Most copies of a list.
pub(crate) const MAX_COPIES: u64 = 1 << 18;

/// The header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) foretold: Vec<Foretold>,
    pub(super) signatures: Vec<Slots>,
    /// Copies in the list, and the bytes that it takes.
    pub(super) copies: u64,
    pub(super) copies_length: u64,
}

/// A number that may be negative: its size doubled, and 1 more if it is.
#[cfg(feature = "make")]
fn zigzag(number: u64) -> u64 {
    number << 1 ^ (((number as i64) >> 63) as u64)
}

fn unzigzag(number: u64) -> u64 {
    number >> 1 ^ (number & 1).wrapping_neg()
}

/// Numbers as they are written.
#[derive(Default)]
#[cfg(feature = "make")]
struct Writer(Vec<u8>);

#[cfg(feature = "make")]
impl Writer {
    fn number(&mut self, mut number: u64) {
        while number > 127 {
            self.0.push(number as u8 | 128);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A number that is near another.
    fn near(&mut self, number: u64, near: u64) {
        self.number(zigzag(number.wrapping_sub(near)));
    }
}

struct Reader<'a>(&'a mut dyn Read);

impl Reader<'_> {
    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.0.read_exact(&mut byte).map_err(Fault::patch)?;
            let bits = u64::from(byte[0] & 127);
            if bits << shift >> shift != bits || (byte[0] == 0 && shift > 0) {
                break;
            }
            number |= bits << shift;
            if byte[0] < 128 {
                return Ok(number);
            }
        }
        Err(Fault::Damaged)
    }

    /// A number of at most `max`.
    fn up_to(&mut self, max: u64) -> Result<u64, Fault> {
        let number = self.number()?;
        if number > max { Err(Fault::Damaged) } else { Ok(number) }
    }

    /// A number within a bound.
    fn within(&mut self, bound: Bound, max: u64) -> Result<u64, Fault> {
        within(bound, self.number()?, max)
    }

    fn near(&mut self, near: u64) -> Result<u64, Fault> {
        Ok(near.wrapping_add(unzigzag(self.number()?)))
    }
}

fn within(bound: Bound, value: u64, max: u64) -> Result<u64, Fault> {
    if value > max { Err(Fault::Limit { bound, value, max }) } else { Ok(value) }
}

impl Header {
    /// The header's bytes.
    #[cfg(feature = "make")]
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let layout = &self.layout;
        out.number(layout.parts.len() as u64);
        for (index, part) in layout.parts.iter().enumerate() {
            out.number(part_code(part));
            out.number(part.base.wrapping_sub(shift(index as u8)));
        }
        if !layout.parts.is_empty() {
            segments(&mut out, layout);
            sections(&mut out, layout);
        }
        out.number(self.foretold.len() as u64);
        for foretold in &self.foretold {
            out.number(foretold.kind as u64);
            out.number(foretold.section as u64);
        }
        out.number(self.signatures.len() as u64);
        for slots in &self.signatures {
            for number in [slots.start, slots.limit, slots.page_bits.into(), slots.at] {
                out.number(number);
            }
        }
        out.number(self.copies);
        out.number(self.copies_length);
        out.0
    }

    /// Bytes of all foretold sections.
    pub(super) fn foretold_length(&self) -> u64 {
        let sections = &self.layout.sections;
        let lengths = self.foretold.iter().filter_map(|f| Some(sections.get(f.section)?.length));
        lengths.fold(0, u64::saturating_add)
    }

    /// Reads a header.
    pub(super) fn read(patch: &mut dyn Read, length: u64) -> Result<Self, Fault> {
        let mut input = Reader(patch);
        let mut header = Self::default();
        for index in 0..input.up_to(MAX_PARTS as u64)? {
            let mut part = part(input.number()?).ok_or(Fault::Damaged)?;
            part.base = input.number()?.wrapping_add(shift(index as u8));
            header.layout.parts.push(part);
        }
        if !header.layout.parts.is_empty() {
            read_segments(&mut input, &mut header.layout, length)?;
            read_sections(&mut input, &mut header.layout, length)?;
        }
        let sections = header.layout.sections.len() as u64;
        for _ in 0..input.up_to(sections)? {
            let kind = Kind::from_code(input.number()?).ok_or(Fault::Damaged)?;
            let section = input.up_to(sections.saturating_sub(1))? as usize;
            header.foretold.push(Foretold { kind, section });
        }
        within(Bound::Foretold, header.foretold_length(), MAX_FORETOLD)?;
        let mut free = 0;
        for _ in 0..input.up_to(MAX_PARTS as u64)? {
            let (start, limit) = (input.number()?, input.number()?);
            let (page_bits, at) = (input.up_to(63)? as u32, input.number()?);
            let slots = Slots { start, limit, page_bits, at };
            free = slots.check(free, length).ok_or(Fault::Damaged)?;
            header.signatures.push(slots);
        }
        header.copies = input.within(Bound::Copies, MAX_COPIES)?;
        header.copies_length = input.number()?;
        Ok(header)
    }
}

const FORMATS: [Format; 3] = [Format::Elf, Format::Pe, Format::MachO];
const MACHINES: [Machine; 3] = [Machine::None, Machine::X86_64, Machine::Arm64];
const CHAINS: [Chain; 3] = [Chain::None, Chain::Offset, Chain::Address];

/// What a part is, in one number.
#[cfg(feature = "make")]
fn part_code(part: &Part) -> u64 {
    let place = |found: Option<usize>| found.unwrap_or(0) as u64;
    let format = place(FORMATS.iter().position(|format| *format == part.format));
    let machine = place(MACHINES.iter().position(|machine| *machine == part.machine));
    let chain = place(CHAINS.iter().position(|chain| *chain == part.chain));
    format + 3 * (machine + 3 * chain)
}

fn part(code: u64) -> Option<Part> {
    let pick = |code: u64| (code % 3) as usize;
    (code < 27).then(|| Part {
        format: FORMATS[pick(code)],
        machine: MACHINES[pick(code / 3)],
        chain: CHAINS[pick(code / 9)],
        absolute: false,
        base: 0,
    })
}

#[cfg(feature = "make")]
fn segments(out: &mut Writer, layout: &Layout) {
    out.number(layout.segments.len() as u64);
    let (mut offset, mut distance) = (0, 0);
    for segment in &layout.segments {
        let address = segment.address.wrapping_sub(shift(segment.part));
        out.number(segment.part.into());
        out.near(segment.offset, offset);
        out.number(segment.length);
        out.near(address.wrapping_sub(segment.offset), distance);
        out.number(segment.memory - segment.length);
        offset = segment.offset.wrapping_add(segment.length);
        distance = address.wrapping_sub(segment.offset);
    }
}

fn read_segments(input: &mut Reader<'_>, layout: &mut Layout, length: u64) -> Result<(), Fault> {
    let (mut offset, mut distance) = (0, 0);
    for index in 0..input.within(Bound::Sections, MAX_SEGMENTS as u64)? {
        let part = input.up_to(layout.parts.len() as u64 - 1)? as u8;
        offset = input.near(offset)?;
        let count = input.number()?;
        distance = input.near(distance)?;
        let memory = count.checked_add(input.number()?).ok_or(Fault::Damaged)?;
        let address = offset.wrapping_add(distance);
        let segment = Segment { part, address, offset, length: count, memory };
        layout.add_segment(segment, length);
        // One that is refused would not have been written.
        if layout.segments.len() as u64 != index + 1 {
            return Err(Fault::Damaged);
        }
        offset = offset.wrapping_add(count);
    }
    Ok(())
}

#[cfg(feature = "make")]
fn sections(out: &mut Writer, layout: &Layout) {
    out.number(layout.sections.len() as u64);
    let (mut offset, mut distance) = (0, 0);
    for section in &layout.sections {
        let address = section.address.wrapping_sub(shift(section.part));
        out.number(u64::from(section.part) << 1 | u64::from(section.exec));
        out.near(section.offset, offset);
        out.number(section.length);
        out.near(address.wrapping_sub(section.offset), distance);
        offset = section.offset.wrapping_add(section.length);
        distance = address.wrapping_sub(section.offset);
    }
}

fn read_sections(input: &mut Reader<'_>, layout: &mut Layout, length: u64) -> Result<(), Fault> {
    let (mut offset, mut distance) = (0, 0);
    for index in 0..input.within(Bound::Sections, MAX_SECTIONS as u64)? {
        let code = input.up_to(layout.parts.len() as u64 * 2 - 1)?;
        let (part, exec) = ((code >> 1) as u8, code & 1 != 0);
        offset = input.near(offset)?;
        let count = input.number()?;
        distance = input.near(distance)?;
        let address = offset.wrapping_add(distance);
        let role = Role::Other;
        let section = Section { part, role, address, offset, length: count, exec, link: 0 };
        layout.add_section(section, length);
        if layout.sections.len() as u64 != index + 1 {
            return Err(Fault::Damaged);
        }
        offset = offset.wrapping_add(count);
    }
    Ok(())
}
