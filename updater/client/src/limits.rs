//! How long and how much a mirror may cost.

use std::time::Duration;

/// Bounds on waiting and on trying again. The defaults suit a desktop on a poor line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest wait for an answer's header, connecting and redirects included.
    pub header: Duration,
    /// Longest transfer of one metadata file.
    pub metadata: Duration,
    /// Longest transfer of one payload before it is begun again where it stopped.
    pub payload: Duration,
    /// Within each window of this length …
    pub window: Duration,
    /// … at least so many bytes must come, or the mirror is given up.
    pub least: u64,
    /// How often one mirror is asked again for a payload without a single byte in between.
    pub retries: u32,
    /// Pause before asking again; doubled each time.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header: Duration::from_secs(30),
            metadata: Duration::from_secs(5 * 60),
            payload: Duration::from_secs(6 * 60 * 60),
            window: Duration::from_secs(30),
            least: 16 * 1024,
            retries: 2,
            pause: Duration::from_millis(500),
        }
    }
}
