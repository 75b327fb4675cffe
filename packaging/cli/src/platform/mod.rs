//! What only the operating system knows of a file.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{make_private, mode, read_at, special};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{make_private, mode, read_at, special};

/// What a file has that no bundle can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Special {
    /// The set-user-id or set-group-id bit.
    #[error("is set-uid or set-gid")]
    SetId,
    /// Linux file capabilities.
    #[error("has file capabilities")]
    Capabilities,
}

/// The part of a file's mode that a bundle keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) executable: bool,
}
