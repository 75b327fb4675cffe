//! Work that waits for a disk, away from the caller's thread.

use crate::error::LocalError;

/// Runs `work` where blocking is allowed. It goes on to its end even if the future is dropped.
///
/// # Errors
/// [`LocalError::Cancelled`] if the runtime shuts down before the work begins.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LocalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(LocalError::Cancelled),
        },
    }
}
