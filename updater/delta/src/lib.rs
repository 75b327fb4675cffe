//! Deltas between two bundles: `exuvia-delta-3` (`docs/delta-format.md`).
//!
//! # Rules
//! - **Checked before, during and after.** Another base is refused before a byte comes out; no
//!   length is believed beyond [`Limits`]; every file must have the hash of the new manifest, and
//!   that manifest the digest that the delta states. [`Applied`] comes only out of that, and each
//!   byte is hashed once for it.
//! - **Streamed and bounded.** The new tree goes to a [`Sink`](exuvia_bundle::Sink) as it comes, old
//!   files are read by position, and memory is bounded however large the trees are.
//! - **Old files are judged by what comes of them.** A whole old file that is taken over must have
//!   the hash of the new entry, which is the hash of the old one. An old file that only serves as
//!   reference is not hashed before: a wrong one can only give a wrong new file, which its own
//!   hash refuses. When that happens the old files are hashed, to tell a damaged installation
//!   ([`Error::BaseChanged`]) from a damaged delta. Who wants to know before hashes the base.
//! - **One result.** The format is replaced as a whole by a later number, never amended.
#![cfg_attr(
    feature = "make",
    doc = r##"
# Example
```
use exuvia_bundle::{Item, MemoryTree, Tree};
use exuvia_delta::{Limits, Options, apply, make};

let file = |text: &str| Item::File { executable: false, bytes: text.as_bytes().to_vec() };
let old = MemoryTree::new([("a", file("one")), ("b", file("two"))])?;
let new = MemoryTree::new([("a", file("one")), ("c", file("two and a half"))])?;

let mut patch = Vec::new();
make(&old, &new, &mut patch, &Options::default(), &mut |_| {})?;

let mut result = MemoryTree::default();
let applied = apply(&old, &mut &patch[..], &Limits::default(), &mut result)?;
assert_eq!(applied.manifest, new.manifest().digest());
assert_eq!(result, new);
# Ok::<(), Box<dyn std::error::Error>>(())
```
"##
)]
#![forbid(unsafe_code)]

#[cfg(feature = "make")]
mod align;
mod apply;
mod base;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod image;
mod info;
mod input;
mod limits;
#[cfg(feature = "make")]
mod make;
mod map;
mod model;
mod old;
mod origin;
mod pool;
mod refs;
mod walk;

pub use apply::{Applied, apply};
pub use error::{Bound, Error};
pub use info::{Info, info};
pub use limits::Limits;
#[cfg(feature = "make")]
pub use make::{Made, Options, Phase, Progress, make, memory_wanted};

/// The name of the format in signed release facts (`delta.format`, `reads`).
pub const FORMAT: &str = "exuvia-delta-3";

/// The first bytes of a delta.
const MAGIC: &[u8; 8] = b"EXUDELT3";

/// What the parts of a delta begin with.
mod tag {
    /// Nothing follows but the checksum.
    pub(crate) const END: u8 = 0;
    /// A run of fresh files whose contents come from the blocks.
    pub(crate) const RUN: u8 = 1;
    /// A block of content.
    pub(crate) const BLOCK: u8 = 2;
    /// One fresh file as a walk along one old file.
    pub(crate) const WALK: u8 = 3;
}
