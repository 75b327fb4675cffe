//! The model as a whole: what is written is read again, and nothing else is.

use std::io;

use proptest::prelude::*;

use super::body::Failure;
use super::{Copy, Old, body, copies};
use crate::image::{Format, Layout, Machine, Part, Section, Segment};
use crate::map::{Map, Piece};
use crate::refs::{Kind, Ref};

/// An old file with a reference wherever a byte is a multiple of 64.
struct Toy(Vec<u8>);

impl Old for Toy {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&mut self, position: u64, buf: &mut [u8]) -> io::Result<()> {
        for (at, byte) in (position..).zip(buf) {
            *byte = self.0.get(at as usize).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn refs(&mut self, from: u64, to: u64, out: &mut Vec<Ref>) -> io::Result<()> {
        const KINDS: [Kind; 4] = [Kind::Rel32, Kind::Abs64, Kind::Branch26, Kind::Adrp];
        for pos in from..to.min(self.len()) {
            let byte = self.0[pos as usize];
            if byte & 63 == 0 {
                let kind = KINDS[usize::from(byte >> 6)];
                let target = 0x1000 + pos * 7 % self.len();
                out.push(Ref { pos, kind, aux: 4, target, base: 0 });
            }
        }
        Ok(())
    }
}

/// A file that is code at its beginning.
fn layout(length: usize, machine: Machine) -> Layout {
    let length = length as u64;
    let part = Part {
        format: Format::Elf,
        machine,
        absolute: false,
        chain: crate::image::Chain::None,
        base: 0x1000,
    };
    let segment = Segment { part: 0, address: 0x1000, offset: 0, length, memory: length };
    let section = Section {
        part: 0,
        role: crate::image::Role::Code,
        address: 0x1000,
        offset: 0,
        length: length * 3 / 4,
        exec: true,
        link: 0,
    };
    Layout { parts: vec![part], segments: vec![segment], sections: vec![section] }
}

/// Two files and how one comes of the other.
#[derive(Clone, Debug)]
struct Pair {
    old: Vec<u8>,
    new: Vec<u8>,
    copies: Vec<Copy>,
    machine: Machine,
}

impl Pair {
    fn map(&self) -> (Map, Layout) {
        let new = layout(self.new.len(), self.machine);
        let mut at = 0;
        let pieces = self.copies.iter().map(|copy| {
            let piece = Piece { old: copy.old, new: at, length: copy.length.into() };
            at += u64::from(copy.length) + u64::from(copy.extra);
            piece
        });
        (Map::new(pieces, &layout(self.old.len(), self.machine), &new), new)
    }

    fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let (map, layout) = self.map();
        let mut old = Toy(self.old.clone());
        let body = body::encode(&mut old, &map, &layout, &self.copies, &self.new).unwrap();
        (copies::encode(&self.copies), body)
    }

    fn decode(&self, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let (map, layout) = self.map();
        let mut old = Toy(self.old.clone());
        let mut out = Vec::new();
        body::decode(body, &mut old, &map, &layout, &self.copies, &mut out)?;
        Ok(out)
    }

    fn decode_copies(&self, list: &[u8]) -> Result<Vec<Copy>, Failure> {
        let (old, new) = (self.old.len() as u64, self.new.len() as u64);
        copies::decode(list, self.copies.len(), old, new)
    }
}

prop_compose! {
    /// Copies of anything from anywhere, some bytes of which differ, and extra bytes.
    fn pairs()(
        old in prop::collection::vec(prop_oneof![4 => 0u8..4, 1 => any::<u8>()], 1..3000),
        parts in prop::collection::vec((any::<u16>(), 0usize..2500, 0usize..200), 1..6),
        changes in prop::collection::vec((any::<u16>(), any::<u8>()), 0..40),
        machine in prop_oneof![Just(Machine::X86_64), Just(Machine::Arm64), Just(Machine::None)],
        noise in prop::collection::vec(prop_oneof![Just(0xE8u8), 0u8..3, any::<u8>()], 200),
    ) -> Pair {
        let mut new = Vec::new();
        let mut copies = Vec::new();
        for (at, length, extra) in parts {
            let at = usize::from(at) % old.len();
            let length = length.min(old.len() - at);
            new.extend_from_slice(&old[at..at + length]);
            new.extend_from_slice(&noise[..extra]);
            copies.push(Copy { old: at as u64, length: length as u32, extra: extra as u32 });
        }
        for (at, byte) in changes {
            let length = new.len().max(1);
            if let Some(changed) = new.get_mut(usize::from(at) % length) {
                *changed = byte;
            }
        }
        Pair { old, new, copies, machine }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_encoded_is_decoded(pair in pairs()) {
        let (list, body) = pair.encode();
        prop_assert_eq!(pair.decode_copies(&list).unwrap(), pair.copies.clone());
        prop_assert_eq!(pair.decode(&body).unwrap(), pair.new.clone());
    }

    #[test]
    fn a_damaged_body_gives_the_right_length_or_nothing(
        pair in pairs(),
        at in any::<prop::sample::Index>(),
        byte in 1u8..,
    ) {
        let (list, mut body) = pair.encode();
        let index = at.index(body.len());
        body[index] ^= byte;
        if let Ok(new) = pair.decode(&body) {
            prop_assert_eq!(new.len(), pair.new.len());
        }
        let mut list = list;
        let index = at.index(list.len());
        list[index] ^= byte;
        if let Ok(copies) = pair.decode_copies(&list) {
            let total: u64 = copies.iter().map(|c| u64::from(c.length) + u64::from(c.extra)).sum();
            prop_assert_eq!(total, pair.new.len() as u64);
            let inside = |c: &Copy| c.old + u64::from(c.length) <= pair.old.len() as u64;
            prop_assert!(copies.iter().all(inside));
        }
    }
}

/// A pair with copies, changes and extra bytes of all kinds, the same every time.
fn example(machine: Machine) -> Pair {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let old: Vec<u8> = (0..4000).map(|_| next() & 0xC7).collect();
    let mut new = old[..2500].to_vec();
    for at in (100..2500).step_by(177) {
        new[at] = new[at].wrapping_add(3);
    }
    new.extend((0..100).map(|i| if i % 10 == 0 { 0xE8 } else { next() & 1 }));
    new.extend_from_slice(&old[2400..4000]);
    let copies =
        vec![Copy { old: 0, length: 2500, extra: 100 }, Copy { old: 2400, length: 1600, extra: 0 }];
    Pair { old, new, copies, machine }
}

#[test]
fn a_body_that_ends_early_or_late_is_refused() {
    let pair = example(Machine::X86_64);
    let (list, body) = pair.encode();
    for length in (0..body.len()).filter(|length| length % 29 == 0 || length + 5 > body.len()) {
        assert!(matches!(pair.decode(&body[..length]), Err(Failure::Damaged)), "{length}");
    }
    for length in 0..list.len() {
        assert!(matches!(pair.decode_copies(&list[..length]), Err(Failure::Damaged)), "{length}");
    }
    assert!(matches!(pair.decode(&[&body[..], &[0]].concat()), Err(Failure::Damaged)));
    assert!(matches!(pair.decode_copies(&[&list[..], &[0]].concat()), Err(Failure::Damaged)));
}

/// Adler-32, to state long results shortly.
fn sum(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

#[test]
fn the_bytes_are_the_same_from_every_build() {
    let vectors = [Machine::X86_64, Machine::Arm64, Machine::None].map(|machine| {
        let (list, body) = example(machine).encode();
        (list.len(), sum(&list), body.len(), sum(&body))
    });
    assert_eq!(vectors, VECTORS);
}

/// Made once; a difference is a change of the format.
const VECTORS: [(usize, u32, usize, u32); 3] = [
    (12, 668730973, 568, 3585874660),
    (12, 668730973, 585, 2943494092),
    (12, 668730973, 566, 2230524659),
];
