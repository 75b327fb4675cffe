//! Inserted AArch64 instructions: whole words, the end with the operation first, and branch and
//! page targets as addresses.

use std::io::Write;

use super::Walk;
use super::targets::Hint;
use crate::image::Span;
use crate::model::coder::Coder;
use crate::model::{Old, hash, magnitude};
use crate::refs;

/// What is known of a word before it is coded: words before it, and three that foretell it.
struct Sight {
    last: [u32; 2],
    foretold: [u32; 3],
    /// How well each of the three did so far.
    runs: [u32; 3],
    /// Where they lead, if they are branches or page addresses.
    targets: [Option<u64>; 3],
}

/// A word whose upper byte says that it holds an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Branch,
    Page,
    Other,
}

impl Operation {
    fn of(word: u32) -> Self {
        if word >> 26 & 0x1f == 5 {
            Self::Branch
        } else if word & 0x9f00_0000 == 0x9000_0000 {
            Self::Page
        } else {
            Self::Other
        }
    }

    /// Bits of the upper byte that are no part of an address.
    fn mask(self) -> u32 {
        match self {
            Self::Branch => 0xfc,
            Self::Page => 0x9f,
            Self::Other => 0xff,
        }
    }
}

impl<C: Coder, O: Old, W: Write> Walk<'_, C, O, W> {
    /// Walks a word.
    pub(super) fn word(&mut self, section: &Span) {
        let sight = self.sight(section);
        let truth = self.truth_word();
        // Bit i: the i-th that foretells was right so far.
        let mut right = 7;
        let operation = Operation::of(truth);
        let upper = truth >> 24 & operation.mask();
        let upper = self.word_byte(&sight, 3, right, 0, upper as u8);
        let operation = Operation::of(upper << 24);
        for (i, foretold) in sight.foretold.iter().enumerate() {
            if foretold >> 24 & operation.mask() != upper {
                right &= !(1 << i);
            }
        }
        let start = upper << 24;
        let word = match operation {
            Operation::Branch => self.branch(section, &sight, right, start, truth),
            Operation::Page => self.page(section, &sight, right, start, truth),
            Operation::Other => {
                let mut word = start;
                for place in [2, 1, 0] {
                    let byte = (truth >> (8 * place)) as u8;
                    let byte = self.word_byte(&sight, place, right, word, byte);
                    word |= byte << (8 * place);
                    for (i, foretold) in sight.foretold.iter().enumerate() {
                        if foretold >> (8 * place) & 255 != byte {
                            right &= !(1 << i);
                        }
                    }
                }
                word
            }
        };
        self.out.extend(&word.to_le_bytes());
        let inserts = &mut self.inserts;
        inserts.after.step_word(sight.foretold[0], word);
        inserts.before.step_word(sight.foretold[1], word);
        inserts.words_again.step(4, sight.foretold[2] == word);
        inserts.again.lose();
    }

    /// Looks around before a word.
    fn sight(&mut self, section: &Span) -> Sight {
        let position = self.out.position();
        let last = [self.out.word(), self.out.word_back(8)];
        let inserts = &mut self.inserts;
        inserts.words_again.find(&self.out, hash(last[0], last[1]), 8);
        let again = inserts.words_again.word(&self.out);
        let (again, length, distance) = again.unwrap_or((0, 0, 0));
        let foretold = [
            inserts.after.peek_word(&mut self.known, position),
            inserts.before.peek_word(&mut self.known, position),
            again,
        ];
        let pc = section.pc(position).wrapping_sub(distance);
        let led = match Operation::of(again) {
            Operation::Branch => Some(refs::branch(again, pc)),
            Operation::Page => Some(refs::page(again, pc)),
            Operation::Other => None,
        };
        Sight {
            last,
            foretold,
            runs: [
                magnitude(inserts.after.run.into()).min(5),
                magnitude(inserts.before.run.into()).min(5),
                magnitude(length.into()).min(6),
            ],
            targets: [inserts.after.target(), inserts.before.target(), led],
        }
    }

    /// Codes the byte at `place` of a word whose bytes above are those of `word`.
    fn word_byte(&mut self, sight: &Sight, place: u32, right: u32, word: u32, byte: u8) -> u32 {
        let way = hash(word, 40 + place);
        let [one, two, three] = sight.foretold.map(|word| word >> (8 * place) & 255);
        let [last, second] = sight.last;
        let sure = |i: usize| sight.runs[i] << 8 | right << 12;
        let contexts = [
            hash(way, 1),
            hash(way, hash(last >> 22, 2)),
            hash(way, hash(last >> 24 | second >> 24 << 8, 4)),
            hash(hash(one, sure(0)), 50 + place),
            hash(hash(two, sure(1)), 60 + place),
            hash(hash(three, sure(2)), 70 + place),
            hash(way, hash(last & 0x1f | (second & 0x1f) << 5 | last >> 24 << 10, 7)),
        ];
        let set = (place | right << 2) as usize;
        self.inserts.words.code(&mut self.coder, &contexts, set, byte).into()
    }

    /// Which of the three is trusted with an address, and how well it did.
    fn trusted(sight: &Sight, right: u32) -> Option<(u64, u32)> {
        let target = |i: usize| sight.targets[i].filter(|_| right >> i & 1 != 0);
        let [after, before, again] = sight.runs;
        match (target(0), target(1), target(2)) {
            (_, _, Some(target)) if again > after.max(before).max(4) => Some((target, 1)),
            (Some(target), None, _) => Some((target, 2 + after)),
            (Some(target), _, _) if after >= before => Some((target, 2 + after)),
            (_, Some(target), _) => Some((target, 8 + before)),
            (_, _, Some(target)) => Some((target, 1)),
            _ => None,
        }
    }

    fn branch(&mut self, section: &Span, sight: &Sight, right: u32, start: u32, truth: u32) -> u32 {
        let pc = section.pc(self.out.position());
        let (kind, (target, key)) = match Self::trusted(sight, right) {
            Some(trusted) => (12, trusted),
            None => (13, (pc, 0)),
        };
        let hint = Hint { kind, op: start >> 24, key, target, low: section.low };
        let wanted = refs::branch(truth, pc);
        let target = self.targets.code(&mut self.coder, hint, wanted);
        start | (target.wrapping_sub(pc) >> 2) as u32 & 0x03ff_ffff
    }

    fn page(&mut self, section: &Span, sight: &Sight, right: u32, start: u32, truth: u32) -> u32 {
        let pc = section.pc(self.out.position());
        let (kind, (target, key)) = match Self::trusted(sight, right) {
            Some(trusted) => (14, trusted),
            None => (15, (pc, 0)),
        };
        let [last, second] = sight.last;
        let hint = Hint { kind, op: last >> 24, key, target: target >> 12, low: section.low >> 12 };
        let wanted = refs::page(truth, pc) >> 12;
        let page = self.targets.code(&mut self.coder, hint, wanted);
        let pages = page.wrapping_sub(pc >> 12) as u32 & 0x1f_ffff;
        let word = start | (pages & 3) << 29 | (pages >> 2) << 5;
        let register = |i: usize| hash(sight.foretold[i] & 31, 102 + 10 * i as u32 + sight.runs[i]);
        let contexts = [
            hash(last & 31, 100),
            register(0),
            register(1),
            register(2),
            hash(page as u32, 103),
            hash(hash(last & 31, second & 31), 106),
            hash(sight.foretold[0] & 31, sight.foretold[1] & 31 | 107 << 8),
        ];
        let byte = (truth & 31) as u8;
        word | u32::from(self.inserts.words.code(&mut self.coder, &contexts, 62, byte)) & 31
    }
}
