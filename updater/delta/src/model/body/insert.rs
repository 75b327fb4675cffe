//! Bytes that come from nowhere: what is inserted after a copy.

use std::io::Write;

use super::matches::Match;
use super::pointer::Pointer;
use super::targets::Hint;
use super::{Failure, Walk, x86};
use crate::image::{Machine, Span};
use crate::model::coder::Coder;
use crate::model::copies::Copy;
use crate::model::decision::{self, Decisions};
use crate::model::symbol::{self, Symbols};
use crate::model::{Old, hash, magnitude};

type Inserted = Symbols<7, 3>;
const INSERTED: symbol::Shape = symbol::Shape([16, 15], 16);
type Words = Symbols<7, 2>;
const WORDS: symbol::Shape = symbol::Shape([16, 15], 64);
type Address = Decisions<4>;
const ADDRESS: decision::Shape = decision::Shape(12, 1);
type Hit = Decisions<6>;
const HIT: decision::Shape = decision::Shape(16, 32);

/// What foretells inserted bytes.
pub(super) struct Inserts {
    bytes: Inserted,
    /// What foretells the bytes of whole instructions of AArch64.
    pub(super) words: Words,
    address: Address,
    /// Whether a foretold byte came, for the last ones so far in `hits`.
    hit: Hit,
    hits: u32,
    /// The old file after the copy before, and before the copy after.
    pub(super) after: Pointer,
    pub(super) before: Pointer,
    pub(super) again: Match,
    pub(super) words_again: Match,
}

impl Inserts {
    /// Bytes of memory.
    pub(super) const MEMORY: u64 = Inserted::memory(INSERTED)
        + Words::memory(WORDS)
        + Address::memory(ADDRESS)
        + Hit::memory(HIT)
        + 2 * Match::MEMORY;

    pub(super) fn new() -> Self {
        Self {
            bytes: Inserted::new(INSERTED),
            words: Words::new(WORDS),
            address: Address::new(ADDRESS),
            hit: Hit::new(HIT),
            hits: 0,
            after: Pointer::new(),
            before: Pointer::new(),
            again: Match::new(),
            words_again: Match::new(),
        }
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
        inserts.again.skip(4);
        true
    }

    /// What is foretold for the next byte.
    fn guess(&mut self) -> Guess {
        let position = self.out.position();
        let inserts = &mut self.inserts;
        let after = inserts.after.peek(&mut self.known, position);
        let before = inserts.before.peek(&mut self.known, position);
        let context = hash(self.out.word().swap_bytes(), self.out.back(5));
        inserts.again.find(&self.out, context, 5);
        let again = inserts.again.byte(&self.out);
        let (again, length) = again.map_or((0, 0), |(byte, length)| (byte | 256, length));
        let short = |run: u32| magnitude(run.into()).min(5);
        Guess {
            bytes: [after, before, again],
            runs: [short(inserts.after.run), short(inserts.before.run)],
            length: magnitude(length.into()),
        }
    }

    /// Walks a byte.
    fn inserted_byte(&mut self, section: &Span) {
        let guess = self.guess();
        let truth = self.truth_byte();
        let phase = (self.out.position() & 3) as u32;
        // The last byte lowest.
        let word = self.out.word().swap_bytes();
        let column = if section.machine == Machine::Arm64 && section.exec {
            hash(phase, word >> 24 << 8 | self.out.back(8) << 16)
        } else {
            hash(word >> 8 & 255, word >> 8 & 0xff00 | 0x90000)
        };
        let trusted = guess.trusted();
        let byte = match trusted {
            Some(trusted) if self.comes(&guess, trusted, word, column, truth) => trusted.0 as u8,
            _ => self.surprise(section, &guess, word, column, truth),
        };
        let [after, before, again] = guess.bytes;
        let inserts = &mut self.inserts;
        inserts.after.step(1, after == byte.into());
        inserts.before.step(1, before == byte.into());
        inserts.again.step(1, again & 255 == byte.into());
        self.out.push(byte);
    }

    /// Codes whether the byte comes that is trusted most.
    fn comes(
        &mut self,
        guess: &Guess,
        (byte, how): (u32, u32),
        word: u32,
        column: u32,
        truth: u8,
    ) -> bool {
        let Guess { runs, length, .. } = *guess;
        let inserts = &mut self.inserts;
        let contexts = [
            hash(how, byte << 8),
            hash(how, guess.agreement() << 8 | length.min(7) << 16 | runs[0] << 20 | runs[1] << 24),
            hash(word & 255, byte << 8 | 1 << 16),
            hash(word & 0xffff, byte << 16),
            hash(inserts.hits & 255, how << 8),
            hash(column, byte),
        ];
        let hit = u32::from(truth) == byte;
        let hit = inserts.hit.flag(&mut self.coder, contexts, how as usize, hit);
        inserts.hits = inserts.hits << 1 | u32::from(hit);
        hit
    }

    /// Codes a byte that nothing foretold, or another one than was.
    fn surprise(&mut self, section: &Span, guess: &Guess, word: u32, column: u32, truth: u8) -> u8 {
        let Guess { bytes: [after, before, again], runs, length } = *guess;
        let last = word & 255;
        let contexts = [
            hash(last, 1 + u32::from(section.class)),
            hash(word & 0xffff, 2),
            column,
            hash(word, 4),
            hash(before, runs[1] << 8 | last << 16),
            hash(again, length),
            hash(after, before << 8 | runs[0] << 16 | runs[1] << 20),
        ];
        let set = runs[0].min(3) | runs[1].min(3) << 2;
        self.inserts.bytes.code(&mut self.coder, &contexts, set as usize, truth)
    }
}

/// What foretells an inserted byte.
struct Guess {
    /// By the pointers, and by a match: that one plus 256, or 0 for none.
    bytes: [u32; 3],
    /// How well the pointers did so far.
    runs: [u32; 2],
    /// How long the match is.
    length: u32,
}

impl Guess {
    /// The byte of whoever did best, and who that is and how well it did. None if nobody did well.
    fn trusted(&self) -> Option<(u32, u32)> {
        let [after, before, again] = self.bytes;
        match (self.length.min(7), self.runs[0], self.runs[1]) {
            (0, 0, 0) => None,
            (m, a, b) if m > a.max(b) => Some((again & 255, 16 + m)),
            (_, a, b) if b > a => Some((before, 8 + b)),
            (_, a, _) => Some((after, a)),
        }
    }

    /// Who agrees with whom.
    fn agreement(&self) -> u32 {
        let [after, before, again] = [self.bytes[0], self.bytes[1], self.bytes[2] & 255];
        u32::from(after == before)
            | u32::from(after == again) << 1
            | u32::from(before == again) << 2
    }
}
