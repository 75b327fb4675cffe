//! Work that waits for a disk, away from the caller's thread.

use tokio::sync::oneshot;

use crate::error::LocalError;

/// Runs `work` where blocking is allowed. It goes on to its end even if the future is dropped.
///
/// # Errors
/// [`LocalError::Cancelled`] if the runtime shuts down before the work begins.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LocalError> {
    let (done, outcome) = oneshot::channel();
    // One type for all work: the runtime's machinery around a task is compiled for each type anew,
    // into every application.
    let work: Box<dyn FnOnce() + Send> = Box::new(move || drop(done.send(work())));
    match tokio::task::spawn_blocking(work).await {
        Ok(()) => outcome.await.map_err(|_| LocalError::Cancelled),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(LocalError::Cancelled),
        },
    }
}
