//! The root that an installation trusts, kept twice (formats §7): a torn file must not be the end of
//! all updates.

use exuvia_core::metadata::{Role, Root};
use exuvia_core::verify::Unverified;

use crate::record::{Damage, RecordError};

/// Of the copies that are there, the newest that is a root signed by its own keys. The floor of the
/// root tells whether it is too old.
///
/// # Errors
/// [`RecordError::Damaged`] if something is there, and none of it is a root.
pub fn newest(copies: [Option<Vec<u8>>; 2]) -> Result<Option<Vec<u8>>, RecordError> {
    let there: Vec<Vec<u8>> = copies.into_iter().flatten().collect();
    let is_empty = there.is_empty();
    let version = |bytes: &[u8]| {
        let root = Unverified::<Root>::new(Root::NAME, bytes).trust_by_origin().ok()?;
        Some(root.version)
    };
    let roots = there.into_iter().filter_map(|bytes| Some((version(&bytes)?, bytes)));
    match roots.max_by_key(|(version, _)| *version) {
        Some((_, bytes)) => Ok(Some(bytes)),
        None if is_empty => Ok(None),
        None => Err(RecordError::Damaged { name: "root", why: Damage::Body }),
    }
}
