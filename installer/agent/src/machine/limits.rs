//! How much anybody may ask for. Pure: users and times come in.

use std::collections::BTreeMap;
use std::time::Instant;

/// Who is here, and how much each may still ask for.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    here: BTreeMap<u32, usize>,
    users: BTreeMap<u32, Allowance>,
    lines: Option<Allowance>,
}

/// So much at once, and then one a second.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u64,
    at: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Allowance {
        Allowance { left: AT_ONCE, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs();
        if seconds > 0 {
            *self = Allowance { left: (self.left + seconds).min(AT_ONCE), at: now };
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let any = self.left > 0;
        self.left = self.left.saturating_sub(1);
        any
    }
}

impl Limits {
    /// Whether a user may come in now; who does leaves again.
    pub(crate) fn enter(&mut self, user: u32, now: Instant) -> bool {
        let here = self.here.get(&user).copied().unwrap_or_default();
        let all: usize = self.here.values().sum();
        let room = here < OF_ONE && all < OF_ALL;
        if self.users.len() >= KNOWN && !self.users.contains_key(&user) {
            self.users.retain(|_, allowance| {
                allowance.refill(now);
                allowance.left < AT_ONCE
            });
            if self.users.len() >= KNOWN {
                return false;
            }
        }
        let allowance = self.users.entry(user).or_insert_with(|| Allowance::new(now));
        let let_in = allowance.take(now) && room;
        if let_in {
            self.here.insert(user, here + 1);
        }
        let_in
    }

    /// Somebody who came in leaves.
    pub(crate) fn leave(&mut self, user: u32) {
        match self.here.get_mut(&user) {
            Some(here @ 2..) => *here -= 1,
            _ => drop(self.here.remove(&user)),
        }
    }

    /// Whether nobody is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.here.is_empty()
    }

    /// Whether another refusal may be written into the log.
    pub(crate) fn log(&mut self, now: Instant) -> bool {
        self.lines.get_or_insert_with(|| Allowance::new(now)).take(now)
    }
}

/// Requests that a user may make at once; one a second after that.
const AT_ONCE: u64 = 30;
/// Guests of one user.
const OF_ONE: usize = 8;
/// Guests.
const OF_ALL: usize = 32;
/// Users that are kept in mind.
const KNOWN: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_user_who_floods_is_refused_and_nobody_else_is() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let let_in = |limits: &mut Limits, user, now| {
            let let_in = limits.enter(user, now);
            if let_in {
                limits.leave(user);
            }
            let_in
        };
        let flood = (0..1_000).filter(|_| let_in(&mut limits, 1, now)).count();
        assert_eq!(flood, 30);
        assert!(let_in(&mut limits, 2, now));
        let later = now + Duration::from_secs(5);
        assert_eq!((0..1_000).filter(|_| let_in(&mut limits, 1, later)).count(), 5);
        assert!(limits.is_empty());
    }

    #[test]
    fn who_stays_takes_the_room_of_few() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        assert_eq!((0..100).filter(|_| limits.enter(1, now)).count(), 8);
        assert!(limits.enter(2, now));
        limits.leave(1);
        let later = now + Duration::from_secs(60);
        assert!(limits.enter(1, later) && !limits.enter(1, later));
        let others = (3..100).filter(|user| limits.enter(*user, now)).count();
        assert_eq!(others, 32 - 8 - 1);
    }

    #[test]
    fn users_that_are_quiet_are_forgotten_when_many_come() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for user in 0..1_024 {
            limits.enter(user, now);
            limits.leave(user);
        }
        assert!(!limits.enter(5_000, now));
        assert!(limits.enter(5_000, now + Duration::from_secs(2)));
    }
}
