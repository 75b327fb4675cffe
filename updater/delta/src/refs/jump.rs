//! Switch tables of x86-64: 32-bit offsets of code from the table's start, which code takes the
//! address of.

use super::find::Finder;
use super::resolve::code;
use crate::image::{Layout, Role};

const MAX_ENTRIES: u64 = 4096;
const MAX_CANDIDATES: usize = 1 << 21;

/// Addresses among constants that code takes.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Where constants are.
    ranges: Vec<(u64, u64)>,
    low: u64,
    /// Relative to `low`.
    offsets: Vec<u32>,
}

impl Candidates {
    pub(super) fn new(layout: &Layout) -> Self {
        let constants = layout.sections.iter().filter(|s| s.role == Role::Constants && s.part == 0);
        let ranges: Vec<_> =
            constants.map(|s| (s.address, s.address.saturating_add(s.length))).collect();
        let low = ranges.iter().map(|range| range.0).min().unwrap_or(0);
        Self { ranges, low, offsets: Vec::new() }
    }

    /// Adds an address if constants are there.
    #[inline]
    pub(super) fn push(&mut self, address: u64) {
        if !self.ranges.iter().any(|range| (range.0..range.1).contains(&address)) {
            return;
        }
        let Ok(offset) = u32::try_from(address - self.low) else { return };
        if self.offsets.len() == self.offsets.capacity() {
            self.tidy();
            if self.offsets.len() >= MAX_CANDIDATES {
                return;
            }
            let more = (self.offsets.len() / 2).max(1024);
            self.offsets.reserve_exact(more);
        }
        self.offsets.push(offset);
    }

    fn tidy(&mut self) {
        self.offsets.sort_unstable();
        self.offsets.dedup();
    }
}

/// Looks for a table at each candidate.
pub(super) fn find(finder: &mut Finder<'_, '_>) {
    finder.tables.tidy();
    let layout = finder.layout;
    let low = finder.tables.low;
    let offsets = std::mem::take(&mut finder.tables.offsets);
    let ranges = std::mem::take(&mut finder.tables.ranges);
    let code: Vec<_> = layout.sections.iter().filter(|s| s.exec).collect();
    let in_code = |address: u64| code.iter().any(|s| address.wrapping_sub(s.address) < s.length);
    for (index, offset) in offsets.iter().enumerate() {
        let table = low + u64::from(*offset);
        let range = ranges.iter().find(|range| (range.0..range.1).contains(&table));
        let (Some(range), true) = (range, table.is_multiple_of(4)) else { continue };
        let next = offsets.get(index + 1).map_or(u64::MAX, |next| low + u64::from(*next));
        let most = (next.min(range.1) - table) / 4;
        let Some(place) = layout.offset(table) else { continue };
        let target = |finder: &mut Finder<'_, '_>, entry: u64| {
            table.wrapping_add(i64::from(finder.file.u32(place + entry * 4) as i32) as u64)
        };
        let mut count = 0;
        while count < most.min(MAX_ENTRIES) && in_code(target(finder, count)) {
            count += 1;
        }
        if count >= 2 && finder.base(place, table) {
            for entry in 0..count {
                finder.push(place + entry * 4, code::BASE_32);
            }
        }
    }
}
