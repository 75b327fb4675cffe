//! Mirrors that failed lately (formats §8): asked last for a while, never refused.
//!
//! Kept in the cache: losing it costs a detour. Written only once another mirror has served what a
//! failed one did not, so that being offline blames nobody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exuvia_core::Time;
use exuvia_durable::Dir;
use exuvia_plan::record::{self, Record};
use serde::{Deserialize, Serialize};

use crate::fetch::Fetch;

/// A mirror that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) mirror: String,
    /// How long it asked to be left alone.
    pub(crate) wait: Option<Duration>,
}

/// What is known about mirrors from earlier runs.
#[derive(Debug, Default)]
pub(crate) struct Penalties {
    dir: PathBuf,
    known: Known,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    mirrors: BTreeMap<String, Penalty>,
}

/// One mirror's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Penalty {
    /// When it ends.
    until: Time,
    /// How often it failed without serving anything in between.
    times: u32,
}

impl Record for Known {
    const NAME: &'static str = "exuvia-mirrors";
}

impl Penalties {
    /// What was written into `dir`; nothing if that cannot be read.
    pub(crate) fn load(dir: &Path) -> Penalties {
        let bytes = Dir::open(dir).ok().and_then(|dir| dir.read(NAME, LIMIT).ok().flatten());
        let known = bytes.and_then(|bytes| record::decode(&bytes).ok()).unwrap_or_default();
        Penalties { dir: dir.to_owned(), known }
    }

    /// The mirrors in the given order, those under a penalty last.
    pub(crate) fn order(&self, sources: &[Arc<dyn Fetch>], now: Time) -> Vec<Arc<dyn Fetch>> {
        let mut sources = sources.to_vec();
        sources.sort_by_key(|source| self.applies(source.name(), now));
        sources
    }

    fn applies(&self, mirror: &str, now: Time) -> bool {
        self.known.mirrors.get(mirror).is_some_and(|penalty| {
            // Further off than any is given: the clock was wrong then, or is now.
            now < penalty.until && penalty.until <= later(now, LONGEST)
        })
    }

    /// Takes down who failed and who served since.
    pub(crate) fn learn(&mut self, failed: &[Failed], served: &str, now: Time) {
        let before = self.known.clone();
        self.known.mirrors.remove(served);
        self.known.mirrors.retain(|_, penalty| later(penalty.until, LONGEST) > now);
        for Failed { mirror, wait } in failed.iter().filter(|failed| failed.mirror != served) {
            let times = self.known.mirrors.get(mirror).map_or(0, |penalty| penalty.times);
            let usual = SHORTEST.saturating_mul(2u32.saturating_pow(times));
            let length = usual.max(wait.unwrap_or_default()).min(LONGEST);
            let penalty = Penalty { until: later(now, length), times: times.saturating_add(1) };
            self.known.mirrors.insert(mirror.clone(), penalty);
        }
        if self.known != before {
            // What cannot be written costs a detour next time.
            let _ = self.save();
        }
    }

    fn save(&self) -> Result<(), exuvia_durable::Error> {
        let dir = Dir::open_or_create(&self.dir)?;
        if self.known.mirrors.is_empty() {
            return dir.remove_tree(NAME);
        }
        dir.write(NAME, &record::encode(&self.known))
    }
}

fn later(time: Time, length: Duration) -> Time {
    Time::from_unix(
        time.as_unix().saturating_add(i64::try_from(length.as_secs()).unwrap_or(i64::MAX)),
    )
}

const NAME: &str = "mirrors";
const LIMIT: u64 = 64 * 1024;
const SHORTEST: Duration = Duration::from_secs(10 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Folder;

    fn order(penalties: &Penalties, minute: i64) -> String {
        let sources = ["a", "b", "c"].map(|name| Arc::new(Folder::new(name)) as Arc<dyn Fetch>);
        let found = penalties.order(&sources, at(minute));
        found.iter().map(|source| source.name().to_owned()).collect()
    }

    fn at(minute: i64) -> Time {
        Time::from_unix(1_780_000_000 + minute * 60)
    }

    fn failed(mirror: &str) -> [Failed; 1] {
        asked_for(mirror, None)
    }

    fn asked_for(mirror: &str, wait: Option<Duration>) -> [Failed; 1] {
        [Failed { mirror: mirror.to_owned(), wait }]
    }

    #[test]
    fn a_failed_mirror_is_last_for_ten_minutes_and_longer_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let load = || Penalties::load(dir.path());
        load().learn(&failed("a"), "b", at(0));
        assert_eq!((order(&load(), 9), order(&load(), 11)), ("bca".into(), "abc".into()));
        load().learn(&failed("a"), "b", at(11));
        assert_eq!((order(&load(), 30), order(&load(), 32)), ("bca".into(), "abc".into()));
        load().learn(&[], "a", at(40));
        load().learn(&failed("a"), "b", at(50));
        assert_eq!(order(&load(), 61), "abc");
    }

    #[test]
    fn a_mirror_is_left_alone_as_long_as_it_asked_for_but_a_day_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let mut penalties = Penalties::load(dir.path());
        penalties.learn(&asked_for("a", Some(Duration::from_secs(3600))), "b", at(0));
        assert_eq!((order(&penalties, 59), order(&penalties, 61)), ("bca".into(), "abc".into()));
        penalties.learn(&asked_for("a", Some(Duration::MAX)), "b", at(100));
        let day = 100 + 24 * 60;
        assert_eq!(
            (order(&penalties, day - 1), order(&penalties, day + 1)),
            ("bca".into(), "abc".into())
        );
    }

    #[test]
    fn all_under_a_penalty_are_all_asked_and_a_wrong_clock_pins_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut penalties = Penalties::load(dir.path());
        for mirror in ["a", "b", "c"] {
            penalties.learn(&failed(mirror), "d", at(0));
        }
        assert_eq!(order(&penalties, 1), "abc");
        penalties.learn(&failed("a"), "b", at(1_000_000));
        assert_eq!(
            (order(&penalties, 1_000_001), order(&penalties, 0)),
            ("bca".into(), "abc".into())
        );
    }

    #[test]
    fn damage_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        Penalties::load(dir.path()).learn(&failed("a"), "b", at(0));
        let path = dir.path().join(NAME);
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(order(&Penalties::load(dir.path()), 1), "abc");
        }
    }
}
