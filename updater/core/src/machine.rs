//! How this crate asks for I/O without doing any.
//!
//! A machine says what it wants, its driver does that and answers, until nothing is wanted. So the
//! order of every fetch and every write to disk is decided here, and one driver serves all.

use crate::error::Error;
use crate::floors::Floors;

/// Work that is done by asking for one thing after the other.
///
/// ```
/// use exuvia_core::{Answer, Error, Machine, Want};
///
/// /// A driver: `fetch` gives the bytes of a file below `metadata/`, or `None` if there is none.
/// fn drive(
///     machine: &mut impl Machine,
///     mut fetch: impl FnMut(&str, u64) -> Option<Vec<u8>>,
/// ) -> Result<(), Error> {
///     loop {
///         let bytes;
///         let answer = match machine.wants() {
///             Want::Nothing => return Ok(()),
///             Want::Load { .. } => Answer::Missing, // this driver keeps nothing
///             Want::Save { .. } | Want::SaveFloors { .. } => Answer::Done,
///             Want::Fetch { name, limit, .. } => {
///                 bytes = fetch(name, limit);
///                 bytes.as_deref().map_or(Answer::Missing, Answer::Bytes)
///             }
///         };
///         machine.accept(answer)?;
///     }
/// }
/// ```
pub trait Machine {
    /// What is wanted next. Asking changes nothing.
    fn wants(&self) -> Want<'_>;

    /// Takes the answer to what is wanted now.
    ///
    /// # Errors
    /// The answer was refused ([`Error`], repository family). The machine then still wants the same
    /// thing, so that another mirror may be asked; a driver that gives up drops the machine.
    fn accept(&mut self, answer: Answer<'_>) -> Result<(), Error>;
}

/// One thing that a machine needs done. Names of files are percent-encoded wherever a role's name
/// has unusual characters: use them as they stand, on disk and in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want<'a> {
    /// Read a file of the metadata store: answer `Bytes` or `Missing`. A file that cannot be read
    /// is `Missing`.
    Load {
        /// The file, such as `timestamp.json`.
        name: &'a str,
    },
    /// Fetch a file of the repository: answer `Bytes`, `Missing` (only if a server says so by 403
    /// or 404) or, if `conditional`, `NotModified`. Any other failure is the driver's: it may ask
    /// again or elsewhere, or give up, but there is no answer for it, so that a broken connection
    /// can never be taken for "there is no newer root".
    Fetch {
        /// The file below `metadata/`, such as `2.root.json`.
        name: &'a str,
        /// The most bytes to accept; stop reading beyond.
        limit: u64,
        /// Whether the file may be asked for only if it differs from what `Load` gave.
        conditional: bool,
    },
    /// Replace a file of the metadata store and flush it, then answer `Done`.
    Save {
        /// The file, such as `root.json`.
        name: &'a str,
        /// The bytes as they were received.
        bytes: &'a [u8],
    },
    /// Replace the floors and flush them, then answer `Done`.
    SaveFloors {
        /// The floors.
        floors: &'a Floors,
    },
    /// Nothing: the result is ready.
    Nothing,
}

/// The answer to a [`Want`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The bytes of the file.
    Bytes(&'a [u8]),
    /// There is no such file.
    Missing,
    /// The file is the one that was loaded.
    NotModified,
    /// It is written and flushed.
    Done,
}
