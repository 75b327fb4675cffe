use semver::Version;

/// Who wants to know how far long work is. Called from several threads.
pub trait Watch: Sync {
    /// Some of a task is done.
    fn progress(&self, task: Task<'_>, done: u64, total: u64);

    /// A task is over, whatever its outcome.
    fn end(&self, task: Task<'_>);
}

/// What is being worked on; sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task<'a> {
    /// The full bundle is compressed.
    Compress,
    /// A delta from a version is made and proved.
    Delta(&'a Version),
    /// A delta between two files or folders is made.
    Make,
    /// Files are copied to the destination.
    Copy,
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _: Task<'_>, _: u64, _: u64) {}

    fn end(&self, _: Task<'_>) {}
}
