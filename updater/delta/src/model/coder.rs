//! Binary arithmetic coding: one decision at a time, each under a probability.
//!
//! Both ends keep an interval of 32-bit numbers. A decision cuts it at the probability and goes on
//! with one part; leading bytes that are the same at both ends of the interval are settled and
//! leave. An encoder ends with the four bytes of the upper end, so that a decoder, which reads four
//! bytes ahead, has read all bytes and none more when it has made the last decision.

use std::io::{self, Read};

/// One end of the wire. The same code describes a stream to both: an encoder is given decisions
/// and returns them, a decoder ignores what it is given and returns what was written.
pub(crate) trait Coder {
    /// Codes `bit`, which is 1 with a probability of `chance` / 65,536 (1 to 65,535).
    fn code(&mut self, bit: u32, chance: u32) -> u32;

    /// Whether the stream has ended before its time, or cannot be read: there is no use in going on.
    fn broken(&self) -> bool;
}

/// Where the interval is cut.
#[inline]
fn cut(low: u32, high: u32, chance: u32) -> u32 {
    low + ((u64::from(high - low) * u64::from(chance)) >> 16) as u32
}

/// Whether the first byte is settled.
#[inline]
fn settled(low: u32, high: u32) -> bool {
    (low ^ high) >> 24 == 0
}

/// Writes decisions.
#[cfg(any(test, feature = "make"))]
pub(crate) struct Encoder {
    low: u32,
    high: u32,
    bytes: Vec<u8>,
}

#[cfg(any(test, feature = "make"))]
impl Encoder {
    /// An empty stream.
    pub(crate) fn new() -> Self {
        Self { low: 0, high: u32::MAX, bytes: Vec::new() }
    }

    /// The bytes of all decisions.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&self.high.to_be_bytes());
        self.bytes
    }
}

#[cfg(any(test, feature = "make"))]
impl Coder for Encoder {
    #[inline]
    fn code(&mut self, bit: u32, chance: u32) -> u32 {
        let middle = cut(self.low, self.high, chance);
        if bit != 0 {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while settled(self.low, self.high) {
            self.bytes.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
        bit
    }

    fn broken(&self) -> bool {
        false
    }
}

/// Bytes that a decoder asks for at once.
const BUFFER: usize = 1 << 14;

/// Reads decisions.
pub(crate) struct Decoder<R> {
    low: u32,
    high: u32,
    code: u32,
    input: R,
    buffer: Vec<u8>,
    next: usize,
    ended: bool,
    overrun: bool,
    error: Option<io::Error>,
}

impl<R: Read> Decoder<R> {
    /// Begins with the first bytes of `input`.
    pub(crate) fn new(input: R) -> Self {
        let mut decoder = Self {
            low: 0,
            high: u32::MAX,
            code: 0,
            input,
            buffer: Vec::new(),
            next: 0,
            ended: false,
            overrun: false,
            error: None,
        };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    /// Whether all decisions came out of exactly the bytes that were there.
    ///
    /// # Errors
    /// `None`: there are too few bytes, or some are left. `Some`: reading them failed.
    pub(crate) fn finish(mut self) -> Result<(), Option<io::Error>> {
        if self.next == self.buffer.len() && !self.overrun {
            self.refill();
        }
        match self.error {
            Some(error) => Err(Some(error)),
            None if self.overrun || self.next < self.buffer.len() => Err(None),
            None => Ok(()),
        }
    }

    #[inline]
    fn shift(&mut self) {
        if self.next == self.buffer.len() {
            self.refill();
        }
        let byte = match self.buffer.get(self.next) {
            Some(byte) => *byte,
            None => {
                self.overrun = true;
                0
            }
        };
        self.next = (self.next + 1).min(self.buffer.len());
        self.code = self.code << 8 | u32::from(byte);
    }

    #[cold]
    fn refill(&mut self) {
        self.next = 0;
        self.buffer.resize(BUFFER, 0);
        let mut filled = 0;
        while filled == 0 && !self.ended {
            match self.input.read(&mut self.buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => filled = count.min(BUFFER),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    self.ended = true;
                }
            }
        }
        self.buffer.truncate(filled);
    }
}

impl<R: Read> Coder for Decoder<R> {
    #[inline]
    fn code(&mut self, _: u32, chance: u32) -> u32 {
        let middle = cut(self.low, self.high, chance);
        let bit = u32::from(self.code <= middle);
        // No branch: what is coded well goes either way.
        let ones = bit.wrapping_neg();
        self.high = middle & ones | self.high & !ones;
        self.low = self.low & ones | middle.wrapping_add(1) & !ones;
        while settled(self.low, self.high) {
            self.low <<= 8;
            self.high = self.high << 8 | 255;
            self.shift();
        }
        bit
    }

    fn broken(&self) -> bool {
        self.overrun || self.error.is_some()
    }
}
