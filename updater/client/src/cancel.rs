//! Ending a run from elsewhere.
//!
//! Dropping a step's future ends it too: nothing is left behind but the bytes already received, which
//! the next run continues from. [`Cancel`] is for those who cannot drop it, such as a button.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// A handle that ends the run begun by the latest check.
#[derive(Clone, Debug)]
pub struct Cancel {
    generation: watch::Sender<u64>,
}

impl Cancel {
    pub(crate) fn new() -> Self {
        Cancel { generation: watch::Sender::new(0) }
    }

    /// Ends every run that has begun: its present step, and any later one, fails with
    /// [`LocalError::Cancelled`](crate::LocalError::Cancelled). A check begun afterwards starts anew.
    pub fn cancel(&self) {
        self.generation.send_modify(|g| *g += 1);
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch { changed: self.generation.subscribe(), abandoned: Arc::default() }
    }
}

/// One run's view of its [`Cancel`].
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    changed: watch::Receiver<u64>,
    /// Set when nobody waits any more for work that blocks.
    abandoned: Arc<AtomicBool>,
}

/// Ends work that blocks when the future that waits for it is dropped.
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The run was ended.
#[derive(Debug)]
pub(crate) struct Cancelled;

impl Watch {
    /// A watch for work that blocks, which also ends when the second value is dropped.
    pub(crate) fn for_blocking_work(&self) -> (Watch, Waiting) {
        let abandoned = Arc::<AtomicBool>::default();
        let watch = Watch { changed: self.changed.clone(), abandoned: abandoned.clone() };
        (watch, Waiting(abandoned))
    }

    /// For code that blocks: look between two pieces of work.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        // An error means that no handle is left, so nobody can cancel.
        let ended = self.changed.has_changed().unwrap_or(false);
        if ended || self.abandoned.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// Runs `work` until it ends or the run does.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        let mut changed = self.changed.clone();
        let ended = async move {
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = ended => Err(Cancelled),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_ends_and_the_next_begins_anew() {
        let cancel = Cancel::new();
        let run = cancel.watch();
        assert_eq!(run.guard(async { 1 }).await.unwrap(), 1);
        cancel.cancel();
        assert!(run.check().is_err());
        assert!(run.guard(std::future::pending::<()>()).await.is_err());
        assert!(cancel.watch().check().is_ok());
    }

    #[test]
    fn blocking_work_ends_when_nobody_waits_for_it() {
        let (watch, waiting) = Cancel::new().watch().for_blocking_work();
        assert!(watch.check().is_ok());
        drop(waiting);
        assert!(watch.check().is_err());
    }
}
