//! Durable file steps: the only place where Exuvia writes, flushes, renames and flushes the directory.
//!
//! Rules that hold for everything in this crate:
//!
//! - Work is done relative to an open [`Dir`]. Names are relative, never contain `..`, and no link
//!   is followed on the way or at the end: each segment is opened by itself with `O_NOFOLLOW`; on
//!   Windows, where a directory is a path, each is looked at first.
//!   Only [`Dir::open`], whose path comes from the caller, follows links.
//! - What [`Dir`] does is durable when it returns: [`Dir::write`], [`Dir::rename`],
//!   [`Dir::exchange`], [`Dir::point`], [`Dir::create_dir`] and the removals flush the
//!   directories they changed. A tree is the exception, as it would cost thousands of flushes: a
//!   [`Staging`] is durable after [`Staging::finish`], which is the only way to leave it.
//! - A reader of a name that [`Dir::write`] replaces sees the old bytes or the new bytes, through
//!   kills and power cuts.
//! - A failed flush is a failure. It is never tried again, because the kernel may have dropped the
//!   pages that it could not write and would then call the second try a success.
//! - `Drop` tidies unfinished temporary files and nothing else; it is never part of a rollback.
//! - Each mutating step passes through one function, which feature `faults` can make fail, so that
//!   a test can visit every point at which a process may die or a disk may fill.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! use exuvia_durable::Dir;
//!
//! let dir = Dir::open(folder.path())?;
//! dir.write("journal", b"settled")?;
//! dir.write("journal", b"staged")?;
//! assert_eq!(dir.read("journal", 1024)?.as_deref(), Some(b"staged".as_slice()));
//! # Ok(()) }
//! ```
#![deny(unsafe_code)]

mod at;
mod dir;
mod error;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod file;
mod labels;
mod lock;
mod platform;
mod pointer;
mod remove;
mod staging;
mod steps;

pub use dir::{Dir, Entry, Exchange, FileKind, Metadata};
pub use error::{Error, Kind, Step};
pub use file::{FileWriter, Replacement};
pub use lock::Lock;
pub use staging::Staging;

#[cfg(test)]
mod tests;
