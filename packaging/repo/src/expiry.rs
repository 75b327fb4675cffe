use exuvia_core::Time;

/// How many days each role's metadata stays valid after it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expiry {
    /// Root: kept by people, so it lives long.
    pub root: u32,
    /// The top-level `targets` role, which only delegates.
    pub targets: u32,
    /// The roles that list releases, one per channel and platform.
    pub channels: u32,
    /// Snapshot, signed at every change.
    pub snapshot: u32,
    /// Timestamp, signed at every change and by a weekly `refresh`.
    pub timestamp: u32,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { root: 730, targets: 365, channels: 365, snapshot: 60, timestamp: 30 }
    }
}

impl Expiry {
    /// Days of a delegated role.
    pub(crate) fn of(&self, role: &str) -> u32 {
        // Signed by an online key like the snapshot, and as often.
        if role == crate::ROLLOUT { self.snapshot } else { self.channels }
    }
}

/// Whether metadata is so near its end that a refresh signs it again: less than a third of its
/// life is left, so a weekly refresh has several chances before anybody is locked out.
pub(crate) fn is_due(expires: Time, days: u32, now: Time) -> bool {
    expires.as_unix() - now.as_unix() < i64::from(days) * 86_400 / 3
}
