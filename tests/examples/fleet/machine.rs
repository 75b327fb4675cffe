//! A machine with one installation: when it is on, and what it does.

use exuvia_core::choose::Bad;
use exuvia_core::rollout::InstallId;
use exuvia_core::{Digest, Release, Time};

use crate::schedule::{Last, Wait};

/// Numbers that are the same in each run (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Something from 0 to before `end`.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}

/// One installation.
pub(crate) struct Machine {
    pub(crate) id: InstallId,
    /// The minor number of the installed version.
    pub(crate) version: usize,
    pub(crate) digest: Option<Digest>,
    pub(crate) bad: Vec<Bad>,
    /// When it was last answered.
    pub(crate) checked: i64,
    taken: [bool; 6],
    failures: u32,
    /// The hour of the day, in UTC, at which it is switched on, and for how many it stays on.
    on: (i64, i64),
}

impl Machine {
    /// A third is always on; the others for 4 to 12 hours from the morning of their time zone on.
    pub(crate) fn new(random: &mut Random) -> Machine {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&random.next().to_be_bytes());
        id[8..].copy_from_slice(&random.next().to_be_bytes());
        // Most live in Europe and America.
        let zone = [0, 1, 1, 1, 2, 2, 3, 5, 8, 9, -3, -5, -5, -6, -8, -8];
        let zone = zone[usize::try_from(random.below(16)).unwrap()];
        let on = match random.below(3) {
            0 => (0, 24),
            _ => ((7 + random.below(4) - zone).rem_euclid(24), 4 + random.below(9)),
        };
        let (digest, bad, taken) = (None, Vec::new(), [false; 6]);
        Machine { id: InstallId(id), version: 0, digest, bad, checked: 0, taken, failures: 0, on }
    }

    /// When it runs the agent that is due at this time: then, or within half an hour of being switched
    /// on, as the timer has it.
    pub(crate) fn on_from(&self, due: i64, random: &mut Random) -> i64 {
        let (from, hours) = self.on;
        let since = (due - from * 3_600).rem_euclid(86_400);
        match since < hours * 3_600 {
            true => due,
            false => due - since + 86_400 + random.below(1_800),
        }
    }

    /// Takes a release. One that does not start is gone back from; whether it was that one.
    pub(crate) fn take(&mut self, release: &Release, time: i64) -> bool {
        let minor = usize::try_from(release.version().minor).unwrap();
        self.taken[minor] = true;
        if minor == crate::repository::BAD {
            let since = Time::from_unix(time);
            self.bad.push(Bad { digest: release.digest(), since, times: 1 });
            return true;
        }
        self.version = minor;
        self.digest = Some(release.digest());
        false
    }

    /// Whether it took this version, or one after it.
    pub(crate) fn took(&self, version: usize) -> bool {
        self.taken[version..].contains(&true)
    }

    /// When it asks again.
    pub(crate) fn next(&mut self, time: i64, failed: bool, random: &mut Random) -> i64 {
        self.failures = if failed { self.failures + 1 } else { 0 };
        let wait = match failed {
            true => Wait::Failed { times: self.failures, at_least: 0 },
            false => Wait::Interval,
        };
        let (at, lot) = (Time::from_unix(time), u16::try_from(random.below(65_536)).unwrap());
        time + Last { at, wait, lot }.remaining(86_400, at)
    }
}
