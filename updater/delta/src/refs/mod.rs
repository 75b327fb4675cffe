//! References: fields of an executable that name a place in it.
//!
//! Scanners find them in the old file (and, to align, in the new one). Only where a reference is
//! and of which of 16 codes is kept, in 2 bytes; what it names is read again from the file when it
//! is asked for. False finds cost little: a prediction that is wrong is corrected.
//!
//! A scanner's result is a function of the file's bytes alone, so encoder and decoder find the same.

mod arm;
mod elf;
mod find;
mod go;
mod jump;
mod macho;
mod pack;
mod pe;
mod resolve;
mod x86;

pub(crate) use find::find;
pub(crate) use resolve::{Cursor, Refs};

use crate::image::Span;
use crate::map::Map;

/// How a field names its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// 32 bits, relative to `aux` bytes after the field's start.
    Rel32 = 0,
    /// 64 bits, absolute.
    Abs64 = 1,
    /// 32 bits, relative to a base that moves like any other target.
    Base32 = 2,
    /// `B` and `BL` of AArch64.
    Branch26 = 3,
    /// `ADRP` of AArch64; the low 12 bits are those of the instruction that goes with it.
    Adrp = 4,
    /// `ADD`, `LDR` or `STR` with the low 12 bits, shifted by `aux`.
    Lo12 = 5,
    /// The low 36 bits of 64.
    Chain = 6,
    /// 32 bits, how far the target is before the field.
    NegRel32 = 7,
    /// The low 24 bits of 32, relative to a base.
    Base24 = 8,
    /// 32 bits, relative to the image's base.
    Image32 = 9,
    /// 32 bits, absolute.
    Abs32 = 10,
}

/// One reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    /// Where its field begins in the file.
    pub(crate) pos: u64,
    pub(crate) kind: Kind,
    pub(crate) aux: u8,
    /// The address that it names.
    pub(crate) target: u64,
    /// The address that the field counts from, for kinds that have one.
    pub(crate) base: u64,
}

const ADRP_FIXED: u32 = 0x9f00_001f;

impl Kind {
    /// Bytes of the field.
    #[inline]
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Abs64 | Self::Chain => 8,
            _ => 4,
        }
    }
}

impl Ref {
    /// What the field counts from in the new file, whose segment around the field is `segment`.
    #[inline]
    pub(crate) fn base_in_new(&self, map: &Map, segment: &Span) -> u64 {
        match self.kind {
            Kind::Base32 | Kind::Base24 => map.map(self.base).0,
            Kind::Image32 => segment.base,
            Kind::Chain => segment.chain,
            Kind::Abs64 | Kind::Abs32 => segment.shift,
            Kind::Rel32 | Kind::Branch26 | Kind::Adrp | Kind::Lo12 | Kind::NegRel32 => 0,
        }
    }

    /// Whether it names the image's base, which stands for nothing.
    #[inline]
    pub(crate) fn is_null(&self) -> bool {
        self.kind == Kind::Image32 && self.target == self.base
    }

    /// Writes `target` into a field at the address `pc`. Bits that are no part of the target stay.
    #[inline]
    pub(crate) fn put(&self, field: &mut [u8], target: u64, pc: u64, base: u64) {
        if self.kind.width() == 8 {
            let Some(field) = field.first_chunk_mut::<8>() else { return };
            let value = match self.kind {
                Kind::Chain => {
                    let kept = u64::from_le_bytes(*field) & !LOW_36;
                    kept | target.wrapping_sub(base) & LOW_36
                }
                _ => target.wrapping_sub(base),
            };
            *field = value.to_le_bytes();
            return;
        }
        let Some(field) = field.first_chunk_mut::<4>() else { return };
        let word = u32::from_le_bytes(*field);
        let from = |start: u64| target.wrapping_sub(start) as u32;
        let value = match self.kind {
            Kind::Rel32 => from(pc.wrapping_add(self.aux.into())),
            Kind::NegRel32 => pc.wrapping_sub(target) as u32,
            Kind::Base24 => word & 0xff00_0000 | from(base) & 0x00ff_ffff,
            Kind::Branch26 => {
                word & 0xfc00_0000 | (target.wrapping_sub(pc) >> 2) as u32 & 0x03ff_ffff
            }
            Kind::Adrp => {
                let pages = (target >> 12).wrapping_sub(pc >> 12) as u32 & 0x001f_ffff;
                word & ADRP_FIXED | (pages & 3) << 29 | (pages >> 2) << 5
            }
            Kind::Lo12 => {
                let low = ((target & 0xfff) as u32) >> (self.aux & 15);
                word & !(0xfff << 10) | low << 10
            }
            Kind::Base32 | Kind::Image32 | Kind::Abs32 | Kind::Abs64 | Kind::Chain => from(base),
        };
        *field = value.to_le_bytes();
    }

    /// The target of a field, the inverse of [`Ref::put`]. Bits that the field does not hold are
    /// those of `predicted`.
    #[inline]
    pub(crate) fn get(&self, field: &[u8], pc: u64, base: u64, predicted: u64) -> u64 {
        if self.kind.width() == 8 {
            let Some(field) = field.first_chunk::<8>() else { return 0 };
            let value = u64::from_le_bytes(*field);
            let value = if self.kind == Kind::Chain { value & LOW_36 } else { value };
            return base.wrapping_add(value);
        }
        let Some(field) = field.first_chunk::<4>() else { return 0 };
        let word = u32::from_le_bytes(*field);
        let signed = i64::from(word as i32) as u64;
        match self.kind {
            Kind::Rel32 => pc.wrapping_add(self.aux.into()).wrapping_add(signed),
            Kind::NegRel32 => pc.wrapping_sub(word.into()),
            Kind::Base24 => base.wrapping_add(u64::from(word & 0x00ff_ffff)),
            Kind::Branch26 => branch(word, pc),
            Kind::Adrp => page(word, pc) | predicted & 0xfff,
            Kind::Lo12 => predicted & !0xfff | u64::from(word >> 10 & 0xfff) << (self.aux & 15),
            Kind::Abs32 => base.wrapping_add(word.into()),
            Kind::Base32 | Kind::Image32 | Kind::Abs64 | Kind::Chain => base.wrapping_add(signed),
        }
    }
}

const LOW_36: u64 = (1 << 36) - 1;

/// The target of a `B` or `BL` at `pc`.
#[inline]
pub(crate) fn branch(word: u32, pc: u64) -> u64 {
    let words = i64::from((word << 6) as i32 >> 6);
    pc.wrapping_add((words * 4) as u64)
}

/// The page that an `ADRP` at `pc` names.
#[inline]
pub(crate) fn page(word: u32, pc: u64) -> u64 {
    let pages = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
    let pages = i64::from((pages << 11) as i32 >> 11);
    (pc & !0xfff).wrapping_add((pages * 4096) as u64)
}
