//! Files with their references written anew.

use std::io;

use crate::model::Old;
use crate::old::Source;
use crate::refs::{Kind, Ref};

/// Bytes that are masked at a time.
const WINDOW: u64 = 4096;

/// Writes `target(reference)` into every reference of `masked`, which is the file of `source`.
/// Fields hold targets as they are, whatever they would count from, so that what names the same
/// place is the same bytes.
pub(super) fn mask(
    source: &mut Source<'_>,
    masked: &mut [u8],
    target: impl Fn(&Ref) -> u64,
) -> io::Result<()> {
    let mut refs = Vec::new();
    let end = masked.len() as u64;
    for start in (0..end).step_by(WINDOW as usize) {
        refs.clear();
        source.refs(start, end.min(start + WINDOW), &mut refs)?;
        for found in &refs {
            let Some(field) = masked.get_mut(found.pos as usize..) else { continue };
            if field.len() < found.kind.width() {
                continue;
            }
            let aux = if found.kind == Kind::Lo12 { found.aux } else { 0 };
            Ref { aux, ..*found }.put(field, target(found), 0, 0);
        }
    }
    Ok(())
}
