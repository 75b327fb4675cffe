//! The tree of one version as one deterministic stream, and the manifest that describes it
//! (`docs/formats.md` §4).
//!
//! # Rules
//! - **One tree, one stream.** A bundle is a pure function of its [`Manifest`] and the contents of
//!   its files. Its SHA-256 names the version.
//! - **The manifest comes first** and is judged whole (paths, links, limits, canonical bytes)
//!   before a [`Sink`] hears of it: a hostile bundle is refused before anything is written.
//! - **Headers are computed, never interpreted.** Of the tar headers only the length in the very
//!   first one is read; every other header, and all padding, must be the bytes that the manifest
//!   calls for. Sparse, overlapping, hard-linked or extended entries therefore cannot exist.
//! - **Nothing is trusted after the fact.** Each file's hash is checked as it ends, and a
//!   [`Bundle`] comes only out of [`Unpacker::finish`], when the last byte was right.
//! - **Memory is the manifest's.** Contents stream; what is held is bounded by [`Limits`].
//!
//! # Header bytes
//! A header is what `tar --format=gnu --numeric-owner --owner=0 --group=0 --mtime=@0
//! --no-recursion` writes: modes, owners and times in octal digits ended by NUL, the checksum as
//! six octal digits, NUL and a space, `ustar  ` and NUL as magic, zero for all the rest. Sizes of
//! 8 GiB and more are written in base 256 (0x80, then eleven bytes, highest first). A header name
//! (with the `/` of a directory) or a link target over 100 bytes is preceded by an entry named
//! `././@LongLink`, mode 0644, that holds the text and a NUL: `K` for the target, then `L` for the
//! name; the header itself keeps the first 100 bytes.
//!
//! # Example
//! ```
//! use std::io::Write;
//! use exuvia_bundle::{pack, Item, Limits, MemoryTree, Tree, Unpacker};
//!
//! let tree = MemoryTree::new([
//!     ("bin/notes", Item::File { executable: true, bytes: b"ELF".to_vec() }),
//!     ("start", Item::Link { target: "bin/notes".to_owned() }),
//! ])?;
//! let mut stream = Vec::new();
//! let written = pack(&tree, &mut stream)?;
//!
//! let mut unpacker = Unpacker::new(MemoryTree::default(), Limits::default());
//! unpacker.write_all(&stream)?;
//! let bundle = unpacker.finish()?;
//! assert_eq!(bundle.digest(), written.digest);
//! assert_eq!(bundle.manifest(), tree.manifest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod digest;
mod error;
mod header;
mod limits;
mod links;
mod manifest;
mod memory;
mod path;
mod sink;
mod syntax;
mod tree;
mod unpack;
mod write;

pub use digest::{Digest, DigestError, Hasher};
pub use error::{Error, LinkFault};
pub use limits::{Limit, Limits};
pub use manifest::{Entry, Manifest, Node};
pub use memory::{Item, MemoryTree};
pub use path::{PathError, PathFault, RelPath};
pub use sink::Sink;
pub use tree::{ReadAt, Reader, Tree};
pub use unpack::{Bundle, Unpacker};
pub use write::{FileWriter, Stream, Writer, Written, pack};
