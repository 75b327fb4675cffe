//! From place and code back to a reference.

use super::pack::{Entries, Packed};
use super::{Kind, Ref, arm, page};
use crate::image::{Layout, Span};
use crate::old::Cache;

/// The codes that are kept. Those of x86-64's relative fields say how far after the field's start
/// the instruction ends; within Go's function table the same four stand for its four bases.
pub(super) mod code {
    pub(in crate::refs) const REL_4: u8 = 0;
    pub(in crate::refs) const REL_5: u8 = 1;
    pub(in crate::refs) const REL_6: u8 = 2;
    pub(in crate::refs) const REL_8: u8 = 3;
    pub(in crate::refs) const REL_0: u8 = 4;
    pub(in crate::refs) const NEG_REL: u8 = 5;
    pub(in crate::refs) const ABS_64: u8 = 6;
    pub(in crate::refs) const ABS_32: u8 = 7;
    pub(in crate::refs) const BASE_32: u8 = 8;
    pub(in crate::refs) const IMAGE_32: u8 = 9;
    pub(in crate::refs) const BRANCH: u8 = 10;
    pub(in crate::refs) const ADRP: u8 = 11;
    pub(in crate::refs) const LO_12: u8 = 12;
    pub(in crate::refs) const CHAIN: u8 = 13;
    pub(in crate::refs) const BASE_24: u8 = 14;
}

/// Bytes that a code covers.
pub(super) fn width(code: u8) -> u64 {
    if matches!(code, code::ABS_64 | code::CHAIN) { 8 } else { 4 }
}

/// Where Go's function table is, and what its offsets count from.
#[derive(Clone, Debug)]
pub(super) struct GoTable {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) bases: [u64; 4],
}

/// The references of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refs {
    pub(super) packed: Packed,
    /// From which position on which base holds, ascending.
    pub(super) bases: Vec<(u64, u64)>,
    pub(super) go: Vec<GoTable>,
}

/// Where the last question ended, so that the next one need not search.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    position: u64,
    place: (usize, usize),
    segment: Span,
}

impl Refs {
    /// How many there are.
    #[cfg_attr(not(feature = "make"), allow(dead_code))]
    pub(crate) fn len(&self) -> usize {
        self.packed.len()
    }

    /// Places of all 64-bit absolute ones, ascending.
    pub(crate) fn absolute(&self) -> impl Iterator<Item = u64> {
        self.packed.from(0).filter(|entry| entry.1 == code::ABS_64).map(|entry| entry.0)
    }

    /// Appends all references that begin in `from..to`.
    #[inline]
    pub(crate) fn within(
        &self,
        (file, layout): (&mut Cache<'_>, &Layout),
        cursor: &mut Cursor,
        (from, to): (u64, u64),
        out: &mut Vec<Ref>,
    ) {
        let mut entries: Entries<'_> = if cursor.position == from {
            self.packed.at(cursor.place)
        } else {
            self.packed.from(from)
        };
        while let Some((position, code)) = entries.peek().filter(|next| next.0 < to) {
            entries.next();
            if position.wrapping_sub(cursor.segment.start)
                >= cursor.segment.end.saturating_sub(cursor.segment.start)
            {
                cursor.segment = layout.segment(position);
            }
            out.push(self.resolve(file, &cursor.segment, position, code));
        }
        cursor.position = to;
        cursor.place = entries.place();
    }

    fn resolve(&self, file: &mut Cache<'_>, segment: &Span, position: u64, code: u8) -> Ref {
        let (kind, aux) = match code {
            code::REL_4 => (Kind::Rel32, 4),
            code::REL_5 => (Kind::Rel32, 5),
            code::REL_6 => (Kind::Rel32, 6),
            code::REL_8 => (Kind::Rel32, 8),
            code::REL_0 => (Kind::Rel32, 0),
            code::NEG_REL => (Kind::NegRel32, 0),
            code::ABS_64 => (Kind::Abs64, 0),
            code::ABS_32 => (Kind::Abs32, 0),
            code::BASE_32 => (Kind::Base32, 0),
            code::BRANCH => (Kind::Branch26, 0),
            code::ADRP => (Kind::Adrp, 0),
            code::LO_12 => (Kind::Lo12, 0),
            code::CHAIN => (Kind::Chain, 0),
            code::BASE_24 => (Kind::Base24, 0),
            _ => (Kind::Image32, 0),
        };
        let mut found = Ref { pos: position, kind, aux, target: 0, base: 0 };
        if kind == Kind::Rel32
            && aux > 0
            && let Some(table) =
                self.go.iter().find(|t| position.wrapping_sub(t.start) < t.end - t.start)
        {
            found.kind = Kind::Base32;
            found.aux = 0;
            found.base = table.bases[usize::from(code)];
        } else {
            found.base = match kind {
                Kind::Base32 | Kind::Base24 => self.base(position),
                Kind::Image32 => segment.base,
                Kind::Chain => segment.chain,
                Kind::Abs64 | Kind::Abs32 => segment.shift,
                _ => 0,
            };
        }
        let pc = segment.pc(position);
        let (bytes, at) = file.around(position);
        let known = match kind {
            Kind::Adrp => u64::from(arm::low_bits(bytes, at)),
            Kind::Lo12 => {
                found.aux = arm::scale(arm::word(bytes, at));
                let before = arm::page_before(bytes, at);
                before.map_or(0, |(back, word)| page(word, pc.wrapping_sub(back)))
            }
            _ => 0,
        };
        found.target = found.get(&bytes[at..], pc, found.base, known);
        found
    }

    /// The base of a table that holds at `position`.
    fn base(&self, position: u64) -> u64 {
        let after = self.bases.partition_point(|base| base.0 <= position);
        after.checked_sub(1).map_or(0, |index| self.bases[index].1)
    }
}
