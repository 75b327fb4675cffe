//! A stretch of a copy as it is foretold: the old bytes, with their references re-aimed.

use super::known::Known;
use super::targets::Learnt;
use crate::map::Map;
use crate::model::Old;
use crate::refs::Ref;

/// Bytes of a stretch, unless a reference lies across its end.
const STRETCH: usize = 1024;
/// Old bytes at hand on either side of it.
const MARGIN: usize = 16;

/// A reference in a stretch, and where it is foretold to lead.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// Where it begins in the stretch.
    pub(super) at: usize,
    pub(super) width: usize,
    pub(super) old: Ref,
    /// Address of the field, and what it counts from, in the new file.
    pub(super) pc: u64,
    pub(super) base: u64,
    pub(super) aim: Aim,
}

/// Where an old target is now.
#[derive(Clone, Copy)]
pub(super) struct Aim {
    /// What the map says.
    pub(super) mapped: u64,
    /// What is foretold: the same, unless something else was learnt.
    pub(super) target: u64,
    /// No copy holds the old target.
    pub(super) uncovered: bool,
    pub(super) learnt: bool,
}

impl Aim {
    /// How sure it is: 0 in a copy, 1 in a gap, 2 more if learnt.
    #[inline]
    pub(super) fn state(&self) -> u32 {
        u32::from(self.uncovered) + 2 * u32::from(self.learnt)
    }
}

/// Where the target of a reference is now.
#[inline]
pub(super) fn aim(reference: &Ref, base: u64, map: &Map, learnt: &Learnt) -> Aim {
    if reference.is_null() {
        return Aim { mapped: base, target: base, uncovered: false, learnt: false };
    }
    let (mapped, covered) = map.map(reference.target);
    let known = learnt.of(reference.target);
    Aim { mapped, target: known.unwrap_or(mapped), uncovered: !covered, learnt: known.is_some() }
}

/// The stretch that is being walked.
pub(super) struct Window {
    /// Old bytes, `MARGIN` more on either side.
    bytes: Vec<u8>,
    refs: Vec<Ref>,
    pub(super) fields: Vec<Field>,
    pub(super) foretold: Vec<u8>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), refs: Vec::new(), fields: Vec::new(), foretold: Vec::new() }
    }

    /// Bytes of the stretch.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.foretold.len()
    }

    /// Reads the stretch that begins at `position` in the old file, of at most `room` bytes.
    pub(super) fn load(&mut self, known: &mut Known<'_, impl Old>, position: u64, room: usize) {
        let wanted = room.min(STRETCH);
        let before = position.min(MARGIN as u64) as usize;
        self.bytes.resize(wanted + 2 * MARGIN, 0);
        self.bytes[..MARGIN - before].fill(0);
        let bytes = &mut self.bytes[MARGIN - before..];
        known.read(position - before as u64, bytes, before + wanted, &mut self.refs);
        self.fields.clear();
        let mut end = 0;
        for reference in &self.refs {
            let Some(at) = reference.pos.checked_sub(position) else { continue };
            let (at, width) = (at as usize, reference.kind.width());
            // The second of two that overlap, and one across the end of the copy, is none.
            if at < end || at >= wanted || at + width > room {
                continue;
            }
            end = at + width;
            let aim = Aim { mapped: 0, target: 0, uncovered: false, learnt: false };
            self.fields.push(Field { at, width, old: *reference, pc: 0, base: 0, aim });
        }
        let length = wanted.max(end);
        self.foretold.clear();
        self.foretold.extend_from_slice(&self.bytes[MARGIN..MARGIN + length]);
    }

    /// Aims all references of the stretch, whose first byte will be at `position` of the new file.
    pub(super) fn aim(&mut self, known: &mut Known<'_, impl Old>, position: u64) {
        for field in &mut self.fields {
            (field.pc, field.base, field.aim) = known.aim(&field.old, position + field.at as u64);
            let bytes = &mut self.foretold[field.at..field.at + field.width];
            field.old.put(bytes, field.aim.target, field.pc, field.base);
        }
    }

    /// Aims a reference anew, in case something was learnt since.
    #[inline]
    pub(super) fn renew(&mut self, index: usize, learnt: &Learnt) {
        let field = &mut self.fields[index];
        if field.old.is_null() {
            return;
        }
        if let Some(target) = learnt.of(field.old.target)
            && target != field.aim.target
        {
            field.aim.target = target;
            field.aim.learnt = true;
            let bytes = &mut self.foretold[field.at..field.at + field.width];
            field.old.put(bytes, target, field.pc, field.base);
        }
    }

    /// The old byte at `at` of the stretch, up to `MARGIN` bytes beyond either end.
    #[inline]
    pub(super) fn old(&self, at: isize) -> u32 {
        self.bytes.get((at + MARGIN as isize) as usize).copied().unwrap_or(0).into()
    }

    /// The four old bytes from `at` on.
    #[inline]
    pub(super) fn old_word(&self, at: isize) -> u32 {
        let from = (at + MARGIN as isize) as usize;
        let bytes = self.bytes.get(from..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// The old bytes of a field.
    #[inline]
    pub(super) fn old_field(&self, field: &Field) -> [u8; 8] {
        let mut bytes = [0; 8];
        let from = MARGIN + field.at;
        bytes[..field.width].copy_from_slice(&self.bytes[from..from + field.width]);
        bytes
    }
}
