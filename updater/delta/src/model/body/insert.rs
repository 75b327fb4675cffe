//! Bytes that come from nowhere: what is inserted after a copy.

use std::io::Write;

use super::matches::Match;
use super::pointer::Pointer;
use super::targets::Hint;
use super::{Failure, Walk, x86};
use crate::image::{Machine, Span};
use crate::model::coder::Coder;
use crate::model::copies::Copy;
use crate::model::decision::Decisions;
use crate::model::symbol::Symbols;
use crate::model::{Old, hash, magnitude};

/// What foretells inserted bytes.
pub(super) struct Inserts {
    bytes: Symbols<13, 16>,
    /// Only made for AArch64.
    words: Option<Symbols<11, 16>>,
    address: Decisions<4, 8>,
    /// The old file after the copy before, and before the copy after.
    pub(super) after: Pointer,
    pub(super) before: Pointer,
    pub(super) again: Match,
    pub(super) words_again: Match,
}

impl Inserts {
    pub(super) fn new() -> Self {
        Self {
            bytes: Symbols::new(16, 64, 0b110_0000_0111),
            words: None,
            address: Decisions::new(12, 1),
            after: Pointer::new(),
            before: Pointer::new(),
            again: Match::new(),
            words_again: Match::new(),
        }
    }

    /// What foretells the bytes of whole instructions.
    pub(super) fn words(&mut self) -> &mut Symbols<11, 16> {
        self.words.get_or_insert_with(|| Symbols::new(16, 64, 0b111))
    }
}

impl<C: Coder, O: Old, W: Write> Walk<'_, C, O, W> {
    /// Walks what is inserted after a copy; the next one begins at `next` in the old file.
    pub(super) fn insert(&mut self, copy: &Copy, next: u64) -> Result<(), Failure> {
        if copy.extra == 0 {
            return Ok(());
        }
        self.inserts.again.lose();
        self.inserts.words_again.lose();
        self.inserts.after.jump(copy.old.checked_add(copy.length.into()));
        self.inserts.before.jump(next.checked_sub(copy.extra.into()));
        let end = self.out.position() + u64::from(copy.extra);
        // The first byte that may begin a displacement.
        let mut free = self.out.position();
        while self.out.position() < end {
            self.check()?;
            let position = self.out.position();
            let section = *self.known.place.section(position);
            let room = end - position;
            if section.exec && room >= 4 && position > 16 {
                match section.machine {
                    Machine::X86_64 if position >= free && self.displacement(&section) => {
                        free = self.out.position() + 1;
                        continue;
                    }
                    Machine::Arm64 if position.is_multiple_of(4) => {
                        self.word(&section);
                        continue;
                    }
                    _ => {}
                }
            }
            self.inserted_byte(&section);
        }
        Ok(())
    }

    /// Walks a displacement as the address that it means, if one begins here.
    fn displacement(&mut self, section: &Span) -> bool {
        let before = [1, 2, 3, 4, 5].map(|n| self.out.back(n) as u8);
        let Some(length) = x86::displacement(before) else { return false };
        let [last, op, ..] = before;
        let kind = 8 + x86::kind(last, op);
        let position = self.out.position();
        let from = section.pc(position).wrapping_add(length.into());
        let wanted = from.wrapping_add(i64::from(self.truth_word() as i32) as u64);
        let inside = (section.low..section.high).contains(&wanted);
        let (last, op) = (u32::from(last), u32::from(op));
        let contexts = [hash(kind, 500), hash(last, 501), hash(op, 502 + kind), 503];
        let inserts = &mut self.inserts;
        if !inserts.address.flag(&mut self.coder, contexts, 0, inside) {
            return false;
        }
        for pointer in [&mut inserts.after, &mut inserts.before] {
            pointer.peek(&mut self.known, position);
        }
        let (after, before) = (inserts.after.target(), inserts.before.target());
        let (after_run, before_run) = (inserts.after.run, inserts.before.run);
        let (target, key) = match (after, before) {
            (Some(target), None) => (target, 2 + after_run.min(3)),
            (Some(target), Some(_)) if after_run >= before_run => (target, 2 + after_run.min(3)),
            (_, Some(target)) => (target, 8 + before_run.min(3)),
            (None, None) => (from, 0),
        };
        let known = if key > 0 { kind - 5 } else { kind };
        let hint = Hint { kind: known, op: last | op << 8, key, target, low: section.low };
        let target = self.targets.code(&mut self.coder, hint, wanted);
        self.out.extend(&(target.wrapping_sub(from) as u32).to_le_bytes());
        for pointer in [&mut inserts.after, &mut inserts.before] {
            pointer.pass_field(target);
        }
        true
    }

    /// Walks a byte.
    fn inserted_byte(&mut self, section: &Span) {
        let position = self.out.position();
        let truth = self.truth_byte();
        // The last byte lowest.
        let word = self.out.word().swap_bytes();
        let (five, six) = (self.out.back(5), self.out.back(6));
        let inserts = &mut self.inserts;
        let one = inserts.after.peek(&mut self.known, position);
        let two = inserts.before.peek(&mut self.known, position);
        inserts.again.find(&self.out, hash(word, five), 5);
        let again = inserts.again.byte(&self.out);
        let (copied, length) = again.map_or((0, 0), |(byte, length)| (byte | 256, length));
        let runs = [inserts.after.run, inserts.before.run].map(|run| magnitude(run.into()).min(5));
        let phase = (position & 3) as u32;
        let arm = section.machine == Machine::Arm64 && section.exec;
        let class = u32::from(section.class);
        let (last, eight) = (word & 255, self.out.back(8));
        let four = word >> 24;
        let columns = if arm {
            [hash(phase, four << 8 | eight << 16), hash(phase + 16, last | class << 8)]
        } else {
            [
                hash(word >> 8 & 255, word >> 8 & 0xff00 | 0x90000),
                hash(phase, four << 8 | eight << 16 | class << 24),
            ]
        };
        let contexts = [
            hash(last, 1 + class),
            hash(word & 0xffff, 2),
            hash(word & 0xff_ffff, 3),
            hash(word, 4),
            hash(hash(word, five), six + 5),
            hash(one, runs[0] << 8 | last << 16),
            hash(two, runs[1] << 8 | last << 16),
            hash(copied, magnitude(length.into())),
            hash(one, two << 8 | runs[0] << 16 | runs[1] << 20),
            columns[0],
            columns[1],
            hash(
                inserts.after.failed.min(3) << 3 | runs[0],
                inserts.before.failed.min(3) << 3 | runs[1],
            ),
            hash(0, one << 8 | last << 20),
        ];
        let set = runs[0].min(3) | runs[1].min(3) << 2;
        let byte = inserts.bytes.code(&mut self.coder, &contexts, set as usize, truth);
        inserts.after.step(1, one == byte.into());
        inserts.before.step(1, two == byte.into());
        inserts.again.step(1, copied & 255 == byte.into());
        self.out.push(byte);
    }
}
