//! Where the chain of roots begins.
//!
//! The helper walks the chain again from the root that the installation trusts, over the roots that
//! are kept under their numbers. One of them may be missing: it was damaged, or it was never wanted
//! here because the configuration came with a later one. Then this side begins where the helper will,
//! and so fetches and keeps every root that the helper needs.

use exuvia_core::metadata::{Role, Root};
use exuvia_core::verify::{Unverified, Verified};

/// The roots that a refresh starts from, and the version it must reach.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) embedded: Vec<u8>,
    pub(crate) stored: Option<Vec<u8>>,
    /// The newest version that is trusted already; 0 when the start tells it.
    pub(crate) floor: u64,
}

/// Begins with the newest root known here, or with the `installed` one if the helper could not
/// follow. `kept` gives a file of the metadata store.
pub(crate) fn begin(
    configured: &[u8],
    stored: Option<Vec<u8>>,
    installed: Option<Vec<u8>>,
    kept: impl Fn(&str) -> Option<Vec<u8>>,
) -> Beginning {
    let here = [Some(configured), stored.as_deref()].into_iter().flatten();
    let newest = here.filter_map(trusted).map(|root| root.version).max().unwrap_or(0);
    match installed {
        Some(installed) if !leads(&installed, newest, stored.as_deref(), kept) => {
            Beginning { embedded: installed, stored: None, floor: newest }
        }
        _ => Beginning { embedded: configured.to_vec(), stored, floor: 0 },
    }
}

/// Whether a chain of kept roots leads from one root to a version. A root that is none leads nowhere,
/// and beginning with it would not help.
fn leads(
    from: &[u8],
    to: u64,
    stored: Option<&[u8]>,
    kept: impl Fn(&str) -> Option<Vec<u8>>,
) -> bool {
    let Some(mut root) = trusted(from) else { return true };
    while root.version < to {
        let file = kept(&format!("{}.root.json", root.version + 1));
        // The helper takes the newest one from where it is stored, too.
        let next = file.as_deref().or(stored);
        match next.and_then(|next| Unverified::new(Root::NAME, next).succeed(&root).ok()) {
            Some(next) => root = next,
            None => return false,
        }
    }
    true
}

fn trusted(root: &[u8]) -> Option<Verified<Root>> {
    Unverified::new(Root::NAME, root).trust_by_origin().ok()
}
