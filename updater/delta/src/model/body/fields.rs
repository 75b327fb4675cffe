//! References in a block that is not as foretold.

use std::io::Write;

use super::Walk;
use super::blocks::Block;
use super::targets::Hint;
#[cfg(any(test, feature = "make"))]
use super::targets::Targets;
use super::window::Field;
use crate::model::coder::Coder;
use crate::model::decision::{Decisions, Shape};
use crate::model::{Old, hash};

type Flags = Decisions<6>;
const FLAGS: Shape = Shape(16, 16);

/// What foretells whether a reference leads where it was foretold, and how else.
pub(super) struct Fields {
    flags: Flags,
    /// Misses of the last references, the latest in the lowest bit.
    missed: u32,
    /// For each kind, how far the last miss was from what the map says.
    shifts: [u64; 16],
}

/// Where a reference leads that was foretold wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Where the map says, and not where it was learnt.
    Mapped,
    /// As far from there as the last miss of its kind.
    Shifted,
    /// To an address that follows.
    Said,
    /// It is no reference: its bytes follow.
    Raw,
}

impl Fields {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 = Flags::memory(FLAGS);

    pub(super) fn new() -> Self {
        Self { flags: Flags::new(FLAGS), missed: 0, shifts: [0; 16] }
    }

    /// So many references were as foretold.
    pub(super) fn pass(&mut self, fields: usize) {
        self.missed = self.missed.checked_shl(fields as u32).unwrap_or(0);
    }
}

impl<C: Coder, O: Old, W: Write> Walk<'_, C, O, W> {
    /// Walks a reference.
    pub(super) fn field(&mut self, block: Block, index: usize) {
        self.window.renew(index, &self.known.learnt);
        let field = self.window.fields[index];
        let kind = field.old.kind as u32;
        let op = self.out.back(1) | self.out.back(2) << 8;
        let foretold = &self.window.foretold[field.at..field.at + field.width];
        let hit = Self::truth_is(self.truth, self.out.position(), foretold);
        let state = field.aim.state();
        let missed = self.fields.missed;
        let certain = u32::from(field.aim.mapped == field.aim.target);
        let contexts = [
            hash(kind, state | (missed & 7) << 4),
            hash(op & 255, kind | state << 4 | self.misses.min(3) << 8),
            hash(field.old.target as u32, 1),
            hash(missed & 0xff, state),
            hash(op, state | (self.bytes.missed & 3) << 4),
            hash(block.class, kind | certain << 6 | self.misses.min(7) << 8),
        ];
        let set = (kind & 15) as usize;
        if self.fields.flags.flag(&mut self.coder, contexts, set, hit) {
            self.out.extend(foretold);
            self.fields.missed <<= 1;
            self.bytes.missed <<= 1;
            self.bytes.distance += field.width;
            return;
        }
        self.fields.missed = missed << 1 | 1;
        self.misses += 1;
        self.bytes.distance = 0;
        let hint = Hint {
            kind,
            op: op & 255,
            key: field.old.target as u32,
            target: field.aim.target,
            low: self.known.place.segment(self.out.position()).low,
        };
        match self.form(block, &field, hint, op) {
            Some(target) => self.correct(&field, target),
            None => self.raw(&field),
        }
    }

    /// Where a missed reference leads, if it is one.
    fn form(&mut self, block: Block, field: &Field, hint: Hint, op: u32) -> Option<u64> {
        let kind = hint.kind;
        let set = (kind & 15) as usize;
        let aim = field.aim;
        let shifted = aim.mapped.wrapping_add(self.fields.shifts[set]);
        let (form, wanted) = self.wanted(field, hint, shifted);
        let missed = self.fields.missed & 15;
        let state = aim.state();
        let old = field.old.target as u32;
        let fields = &mut self.fields.flags;
        let contexts = |n: u32| {
            [
                hash(kind, n),
                hash(state, n + 1),
                hash(missed, n + 2),
                hash(op, n + 3),
                hash(old, n + 4),
                hash(block.class, n + 5),
            ]
        };
        let coder = &mut self.coder;
        if aim.mapped != aim.target && fields.flag(coder, contexts(900), set, form == Form::Mapped)
        {
            return Some(aim.mapped);
        }
        if shifted != aim.target && fields.flag(coder, contexts(910), set, form == Form::Shifted) {
            return Some(shifted);
        }
        if fields.flag(coder, contexts(920), set, form == Form::Said) {
            return Some(self.targets.code(coder, hint, wanted));
        }
        None
    }

    /// How an encoder says where a reference leads.
    #[cfg(any(test, feature = "make"))]
    fn wanted(&self, field: &Field, hint: Hint, shifted: u64) -> (Form, u64) {
        let position = self.out.position();
        let truth = self
            .truth
            .and_then(|truth| truth.get(usize::try_from(position).ok()?..)?.get(..field.width));
        let Some(truth) = truth else { return (Form::Raw, 0) };
        let said = field.old.get(truth, field.pc, field.base, field.aim.target);
        let gives = |target: u64| {
            let mut bytes = self.window.old_field(field);
            field.old.put(&mut bytes[..field.width], target, field.pc, field.base);
            &bytes[..field.width] == truth
        };
        let form = if field.aim.mapped != field.aim.target && gives(field.aim.mapped) {
            Form::Mapped
        } else if shifted != field.aim.target && gives(shifted) {
            Form::Shifted
        } else if gives(said) && Targets::can_say(hint, said) {
            Form::Said
        } else {
            Form::Raw
        };
        (form, said)
    }

    #[cfg(not(any(test, feature = "make")))]
    fn wanted(&self, _: &Field, _: Hint, _: u64) -> (Form, u64) {
        (Form::Raw, 0)
    }

    /// Writes a reference that leads to `target`, and remembers that.
    fn correct(&mut self, field: &Field, target: u64) {
        let mut bytes = self.window.old_field(field);
        field.old.put(&mut bytes[..field.width], target, field.pc, field.base);
        self.out.extend(&bytes[..field.width]);
        self.known.learnt.learn(field.old.target, target);
        self.fields.shifts[field.old.kind as usize & 15] = target.wrapping_sub(field.aim.mapped);
        self.bytes.missed <<= 1;
    }
}
