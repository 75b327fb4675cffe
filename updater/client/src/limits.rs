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
    /// Longest time that a check may take, and each route's download. Pauses that were asked for do
    /// not count.
    pub total: Duration,
    /// Within each window of this length …
    pub window: Duration,
    /// … at least so many bytes must come, or the mirror is left for another. The only one is asked
    /// again, as after any other failure.
    pub least: u64,
    /// How often one mirror is asked again for a payload after nothing came, or less than `least` in a
    /// window. Where there is another one it is left as soon as it brings less than that.
    pub retries: u32,
    /// Pause before asking again; doubled each time, and spread at random over its upper half.
    pub pause: Duration,
    /// Longest such pause.
    pub longest_pause: Duration,
    /// Longest `Retry-After` that is waited for. A mirror that asks for more is left, and not asked
    /// first until then (but at most a day).
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header: Duration::from_secs(30),
            metadata: Duration::from_secs(5 * 60),
            payload: Duration::from_secs(6 * 60 * 60),
            total: Duration::from_secs(24 * 60 * 60),
            window: Duration::from_secs(30),
            least: 16 * 1024,
            retries: 2,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_secs(30),
        }
    }
}
