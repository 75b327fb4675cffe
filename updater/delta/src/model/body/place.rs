//! What is known of a place in the new file before its bytes.

use crate::image::{Layout, Span};

/// The layout of the new file, with the answers that were asked for last.
pub(super) struct Place<'a> {
    layout: &'a Layout,
    section: Span,
    segment: Span,
}

impl<'a> Place<'a> {
    pub(super) fn new(layout: &'a Layout) -> Self {
        Self { layout, section: layout.section(0), segment: layout.segment(0) }
    }

    /// The section at `offset`, or the gap.
    #[inline]
    pub(super) fn section(&mut self, offset: u64) -> &Span {
        if !(self.section.start..self.section.end).contains(&offset) {
            self.section = self.layout.section(offset);
        }
        &self.section
    }

    /// The segment at `offset`, or the gap.
    #[inline]
    pub(super) fn segment(&mut self, offset: u64) -> &Span {
        if !(self.segment.start..self.segment.end).contains(&offset) {
            self.segment = self.layout.segment(offset);
        }
        &self.segment
    }
}
