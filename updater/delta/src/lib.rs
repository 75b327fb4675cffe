//! Deltas between two bundles: `exuvia-delta-1` (`docs/formats.md` §5).
//!
//! # Rules
//! - **Checked before, during and after.** Another base is refused before a byte comes out; no
//!   length is believed beyond [`Limits`]; every file must have the hash of the new manifest, and
//!   the whole stream the digest that the delta states. [`Applied`] comes only out of that.
//! - **Streamed and bounded.** Output is the new bundle's stream, old files are read by position,
//!   and memory is [`Limits::memory`] however large the trees are.
//! - **Old files are judged by what comes of them.** A whole old file that is taken over must have
//!   the hash of the new entry, which is the hash of the old one. A piece of an old file that only
//!   serves as reference is not hashed before: a wrong piece can only give a wrong new file, which
//!   its own hash refuses. When that happens the old files are hashed, to tell a damaged
//!   installation ([`Error::BaseChanged`]) from a damaged delta.
//! - **One result.** The format is replaced as a whole by a later number, never amended.
//!
//! # Grammar
//! ```text
//! delta     = magic base result manifest block* end checksum
//! magic     = "EXUDELT1"                      8 bytes
//! base      = digest of the old bundle        32 bytes
//! result    = digest of the new bundle        32 bytes
//! manifest  = length packed frame             reference: the bytes of the old manifest
//! block     = length slices slice* packed frame
//! slice     = entry offset count
//! end       = 0                               a block of length 0
//! checksum  = SHA-256 of all bytes before     32 bytes, and nothing after them
//! ```
//! - `length` (bytes of the frame's content), `packed` (bytes of the frame), `slices` (how many
//!   follow), `entry`, `offset` and `count` are unsigned LEB128 numbers of at most 64 bits in the
//!   fewest bytes possible: seven bits a byte, lowest first, the high bit set on all but the last.
//! - `frame` is exactly one Zstandard frame (RFC 8878) made with a *prefix*: bytes that stand right
//!   before its content, to which its offsets may reach back, with fresh repeat offsets and entropy
//!   tables. Its content is `length` bytes; `packed` is at most `length` + `length`/128 + 1,024.
//! - The manifest's frame gives the new manifest in its canonical bytes, with the old manifest's as
//!   prefix: entries that did not change cost next to nothing, their hashes included.
//! - A new file whose length and SHA-256 are those of a file in the old manifest is **taken over**:
//!   from the same path if that is such a file, else from the first such entry. Kept, moved and
//!   copied files therefore need no instruction at all.
//! - All other new files are **fresh**. Their contents, one after another in manifest order, are
//!   the contents of the blocks' frames, one after another; a file may begin and end anywhere in a
//!   block. Blocks give exactly these bytes, so there are none if no file is fresh.
//! - The prefix of a block is its slices, one after another: `count` bytes from `offset` on of the
//!   file at position `entry` (from 0) among *all* entries of the old manifest. A slice lies inside
//!   its file and is not empty.
//! - Bounds: `length` of a block 1 to 16 MiB, its slices together at most 32 MiB and at most
//!   200,000 of them; the manifest as in §4.
//!
//! # Memory
//! A block is held with its frame and its prefix: 32 + 2 × 16 MiB, just over 64 MiB at worst
//! ([`Limits::memory`]). Deltas made here stay below that: a large executable comes in blocks of
//! 7 MiB that refer to 9 MiB each. Both manifests come on top.
#![cfg_attr(
    feature = "make",
    doc = r##"
# Example
```
use exuvia_bundle::{Item, MemoryTree, Tree, pack};
use exuvia_delta::{Limits, Options, apply, make};

let file = |text: &str| Item::File { executable: false, bytes: text.as_bytes().to_vec() };
let old = MemoryTree::new([("a", file("one")), ("b", file("two"))])?;
let new = MemoryTree::new([("a", file("one")), ("c", file("two and a half"))])?;

let mut patch = Vec::new();
let made = make(&old, &new, &mut patch, &Options::default(), &mut |_| {})?;

let mut stream = Vec::new();
let applied = apply(&old, made.base, &mut &patch[..], &Limits::default(), &mut stream)?;
let mut expected = Vec::new();
assert_eq!(applied.digest, pack(&new, &mut expected)?.digest);
assert_eq!(stream, expected);
# Ok::<(), Box<dyn std::error::Error>>(())
```
"##
)]
#![forbid(unsafe_code)]

mod apply;
mod error;
mod frame;
mod info;
mod input;
mod limits;
#[cfg(feature = "make")]
mod make;
mod origin;

pub use apply::{Applied, apply};
pub use error::{Bound, Error};
pub use info::{Info, info};
pub use limits::Limits;
#[cfg(feature = "make")]
pub use make::{Made, Options, Phase, Progress, make};

/// The name of the format in signed release facts (`delta.format`, `reads`).
pub const FORMAT: &str = "exuvia-delta-1";

/// The first bytes of a delta.
const MAGIC: &[u8; 8] = b"EXUDELT1";
