//! Pulling a body, never for longer than it is worth.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::fetch::{Body, BoxStream, Fetch, FetchError, Reply, Request, Wait};
use crate::limits::Limits;

/// Asks a mirror, within the deadline for headers.
pub(crate) async fn open(
    mirror: &dyn Fetch,
    request: Request<'_>,
    limits: &Limits,
) -> Result<Reply, FetchError> {
    timeout(limits.header, mirror.open(request))
        .await
        .unwrap_or(Err(FetchError::Deadline { step: Wait::Header, limit: limits.header }))
}

/// A body under a deadline and a least rate.
pub(crate) struct Pull {
    chunks: BoxStream<'static, Result<Vec<u8>, FetchError>>,
    end: Instant,
    whole: Duration,
    window: Duration,
    least: u64,
    window_end: Instant,
    in_window: u64,
}

impl Pull {
    pub(crate) fn new(body: Body, whole: Duration, limits: &Limits) -> Self {
        let now = Instant::now();
        Pull {
            chunks: body.chunks,
            end: now + whole,
            whole,
            window: limits.window,
            least: limits.least,
            window_end: now + limits.window,
            in_window: 0,
        }
    }

    /// Time in which nothing was asked for does not count.
    pub(crate) fn excuse(&mut self, waited: Duration) {
        self.end += waited;
        self.window_end += waited;
    }

    /// The next chunk; `None` after the last. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        loop {
            let now = Instant::now();
            if now >= self.end {
                return Err(FetchError::Deadline { step: Wait::Whole, limit: self.whole });
            }
            if now >= self.window_end {
                if self.in_window < self.least {
                    let (received, window) = (self.in_window, self.window);
                    return Err(FetchError::TooSlow { received, window });
                }
                self.window_end = now + self.window;
                self.in_window = 0;
            }
            // A wait that ends without a chunk is judged at the top.
            if let Ok(next) = timeout_at(self.window_end.min(self.end), self.chunks.next()).await {
                let chunk = next.transpose()?;
                self.in_window += chunk.as_ref().map_or(0, |c| c.len() as u64);
                return Ok(chunk);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drip(bytes: usize, every: Duration) -> Body {
        let chunks = futures_util::stream::unfold((), move |()| async move {
            tokio::time::sleep(every).await;
            Some((Ok(vec![0; bytes]), ()))
        });
        Body { offset: 0, validator: None, in_pieces: false, chunks: chunks.boxed() }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_was_asked_for_does_not_count() {
        let hour = Duration::from_secs(3600);
        let limits = Limits::default();
        let mut pull = Pull::new(drip(1 << 20, Duration::from_secs(1)), hour, &limits);
        for _ in 0..3 {
            assert!(pull.next().await.unwrap().is_some());
            tokio::time::sleep(hour).await;
            pull.excuse(hour);
        }
        assert!(pull.next().await.unwrap().is_some());
    }

    async fn exhaust(body: Body, whole: Duration) -> FetchError {
        let mut pull = Pull::new(body, whole, &Limits::default());
        loop {
            match pull.next().await {
                Ok(chunk) => assert!(chunk.is_some()),
                Err(error) => return error,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_mirror_is_given_up_after_one_window() {
        let begun = Instant::now();
        let error = exhaust(drip(10, Duration::from_secs(1)), Duration::from_secs(3600)).await;
        assert!(matches!(error, FetchError::TooSlow { received: 290..=300, .. }), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(32));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_mirror_is_given_up_after_one_window() {
        let error = exhaust(drip(1, Duration::from_secs(9999)), Duration::from_secs(3600)).await;
        assert!(matches!(error, FetchError::TooSlow { received: 0, .. }), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_but_endless_mirror_meets_the_deadline() {
        let error = exhaust(drip(1 << 20, Duration::from_secs(1)), Duration::from_secs(100)).await;
        assert!(matches!(error, FetchError::Deadline { step: Wait::Whole, .. }), "{error:?}");
    }
}
