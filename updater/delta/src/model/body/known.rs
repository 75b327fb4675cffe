//! What both ends know: the old file, the map, the layout of the new file, and what was learnt.

use std::io;

use super::place::Place;
use super::targets::Learnt;
use super::window::{Aim, aim};
use crate::map::Map;
use crate::model::Old;
use crate::refs::Ref;

/// All that a prediction may draw on.
pub(super) struct Known<'a, O> {
    pub(super) old: &'a mut O,
    pub(super) map: &'a Map,
    pub(super) place: Place<'a>,
    pub(super) learnt: Learnt,
    /// Why the old file could not be read, at some time since that was asked last.
    error: Option<io::Error>,
}

impl<'a, O: Old> Known<'a, O> {
    pub(super) fn new(old: &'a mut O, map: &'a Map, place: Place<'a>) -> Self {
        Self { old, map, place, learnt: Learnt::new(), error: None }
    }

    /// Reads old bytes and the references among the first `count` of them. What cannot be read is
    /// zeros, and [`Known::check`] tells.
    pub(super) fn read(
        &mut self,
        position: u64,
        buf: &mut [u8],
        count: usize,
        refs: &mut Vec<Ref>,
    ) {
        refs.clear();
        let end = position.saturating_add(count as u64);
        let read = self.old.read(position, buf);
        if let Err(error) = read.and_then(|()| self.old.refs(position, end, refs)) {
            self.error.get_or_insert(error);
            refs.clear();
            buf.fill(0);
        }
    }

    /// What a reference counts from and where it leads, if it stands at `position` of the new file;
    /// and the address there.
    #[inline]
    pub(super) fn aim(&mut self, reference: &Ref, position: u64) -> (u64, u64, Aim) {
        let segment = self.place.segment(position);
        let pc = segment.pc(position);
        let base = reference.base_in_new(self.map, segment);
        (pc, base, aim(reference, base, self.map, &self.learnt))
    }

    /// Whether all reads went well.
    pub(super) fn check(&mut self) -> io::Result<()> {
        if self.error.is_none() { Ok(()) } else { self.error.take().map_or(Ok(()), Err) }
    }
}
