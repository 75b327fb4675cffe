//! What happened to an installation since its application was last started.

use std::path::Path;

use exuvia_helper::Install;
use exuvia_plan::history::{Entry, Event};
use semver::Version;

use crate::store;

/// What [`startup`](crate::startup) found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// The program does not run from an installation.
    NotInstalled,
    /// Nothing happened since the last start.
    Unchanged,
    /// A new version runs. At its first start it is on trial until
    /// [`healthy`](crate::App::healthy) is called.
    Updated {
        /// The version before.
        from: Version,
        /// The version running.
        to: Version,
    },
    /// A new version failed and was switched back.
    Reverted {
        /// The version that failed.
        from: Version,
        /// The version running.
        to: Version,
        /// How it failed.
        reason: String,
    },
    /// Somebody went back to the version before.
    RolledBack {
        /// The version that was left.
        from: Version,
        /// The version running.
        to: Version,
    },
    /// A step that was cut off was put right.
    Recovered,
    /// The installation's state cannot be used, and was left as it is: the application runs, and
    /// cannot be updated.
    Unusable {
        /// Why, in one line.
        reason: String,
    },
}

/// Compares the installation's history with what this user saw of it last.
///
/// A mark that cannot be kept costs a repetition of the report, so its errors are nobody's concern.
pub(crate) fn since_last_start(install: &Install, state: Option<&Path>) -> Report {
    let (Ok(history), Some(state)) = (install.history(), state) else { return Report::Unchanged };
    let Some(last) = history.last().and_then(|entry| serde_json::to_string(entry).ok()) else {
        return Report::Unchanged;
    };
    let dir = store::dir(state, install.layout().app.as_str(), install.path());
    let mark = dir.join("seen");
    let seen = std::fs::read_to_string(&mark).ok();
    if seen.as_ref() == Some(&last) {
        return Report::Unchanged;
    }
    let _ = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&mark, &last));
    // A user's first start has no "since".
    seen.map_or(Report::Unchanged, |seen| summary(since(&history, &seen)))
}

/// The entries after the one seen last; all of them if that one is gone.
fn since<'a>(history: &'a [Entry], seen: &str) -> &'a [Entry] {
    let is_seen = |entry: &Entry| serde_json::to_string(entry).is_ok_and(|line| line == seen);
    let at = history.iter().rposition(is_seen).map_or(0, |at| at + 1);
    &history[at..]
}

/// The latest thing that a user would want to hear of.
fn summary(entries: &[Entry]) -> Report {
    let told = entries.iter().rev().find_map(|entry| {
        let (from, to) = (entry.from.clone()?, entry.to.clone()?);
        match entry.event {
            // That it proved healthy afterwards is no second update.
            Event::Swapped => Some(Report::Updated { from, to }),
            Event::RolledBack => Some(Report::RolledBack { from, to }),
            Event::Reverted => {
                let reason = entry.reason.clone().unwrap_or_default();
                Some(Report::Reverted { from, to, reason })
            }
            _ => None,
        }
    });
    let recovered = entries.iter().any(|entry| entry.event == Event::Recovered);
    told.unwrap_or(if recovered { Report::Recovered } else { Report::Unchanged })
}

#[cfg(test)]
mod tests {
    use exuvia_core::Time;

    use super::*;

    fn entry(event: Event, from: u64, to: u64, at: i64) -> Entry {
        let version = |minor| Some(Version::new(1, minor, 0));
        let (from, to) = (version(from), version(to));
        Entry { time: Time::from_unix(at), event, from, to, reason: Some("exit 1".to_owned()) }
    }

    #[test]
    fn only_what_was_not_seen_counts() {
        let history = [entry(Event::Swapped, 0, 1, 5), entry(Event::Committed, 0, 1, 6)];
        let line = |at: usize| serde_json::to_string(&history[at]).unwrap();
        assert_eq!(summary(since(&history, &line(0))), Report::Unchanged);
        let (from, to) = (Version::new(1, 0, 0), Version::new(1, 1, 0));
        assert_eq!(summary(since(&history, "gone")), Report::Updated { from, to });
    }

    #[test]
    fn the_latest_word_is_told() {
        let history = [entry(Event::Swapped, 1, 2, 5), entry(Event::Reverted, 2, 1, 6)];
        let (from, to) = (Version::new(1, 2, 0), Version::new(1, 1, 0));
        let reason = "exit 1".to_owned();
        assert_eq!(summary(&history), Report::Reverted { from, to, reason });
    }
}
