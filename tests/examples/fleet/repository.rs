//! The publisher: five releases in thirty days, one of them bad.

use std::collections::{BTreeMap, BTreeSet};

use exuvia_core::choose::{Choice, Installed, Policy, choose, wants_rollout};
use exuvia_core::release::Gated;
use exuvia_core::rollout::{Pace, Rollout};
use exuvia_core::{
    Answer, Channel, Floors, Kind, Limits, Machine as Driven, Refresh, Releases, Start, Time, Want,
};
use exuvia_tests::scene::good;
use exuvia_tests::sim::{APP, CHANNEL, Sim, platform};

use crate::machine::Machine;

/// When it begins: 2026-11-01, midnight.
pub(crate) const START: i64 = 1_793_491_200;
/// The minor number of the version that does not start.
pub(crate) const BAD: usize = 3;
/// The day on which it comes out.
pub(crate) const RELEASED: i64 = 9;
/// The day on which its rollout is paused.
pub(crate) const PAUSED: i64 = 10;
/// The day on which a critical one comes out.
pub(crate) const CRITICAL: i64 = 20;

/// What the publisher does on which day.
const PLAN: [(i64, Act); 13] = [
    (1, Act::Release(1, Some(10))),
    (3, Act::Pace(1, 25)),
    (5, Act::Pace(1, 100)),
    (6, Act::Release(2, None)),
    (7, Act::Refresh),
    (RELEASED, Act::Release(BAD, Some(5))),
    (PAUSED, Act::Pause(BAD, 5)),
    (12, Act::Release(4, Some(20))),
    (14, Act::Pace(4, 50)),
    (17, Act::Pace(4, 100)),
    (18, Act::Refresh),
    (CRITICAL, Act::Critical(5)),
    (25, Act::Refresh),
];

#[derive(Clone, Copy)]
enum Act {
    /// A version; gated, with a rollout for so many of a hundred, or for all.
    Release(usize, Option<u8>),
    Critical(usize),
    Pace(usize, u8),
    Pause(usize, u8),
    Refresh,
}

/// The repository, and what a client knows that has verified all of it.
pub(crate) struct Repository {
    sim: Sim,
    day: i64,
    releases: Option<Releases>,
    rollout: Option<Rollout>,
    none: BTreeSet<exuvia_core::Digest>,
}

impl Repository {
    /// With 1.0.0.
    pub(crate) fn new() -> Repository {
        let sim = Sim::at(Time::from_unix(START));
        let mut repository =
            Repository { sim, day: 0, releases: None, rollout: None, none: BTreeSet::new() };
        repository.release(0, None, false);
        repository.verify();
        repository
    }

    /// Does what is planned for a day.
    pub(crate) fn day(&mut self, day: i64) {
        self.sim.pass_days(day - self.day);
        self.day = day;
        let mut any = false;
        for (_, act) in PLAN.iter().filter(|(on, _)| *on == day) {
            any = true;
            match *act {
                Act::Release(minor, gated) => self.release(minor, gated, false),
                Act::Critical(minor) => self.release(minor, None, true),
                Act::Pace(minor, percent) => self.pace(minor, percent, false),
                Act::Pause(minor, percent) => self.pace(minor, percent, true),
                Act::Refresh => self.sim.refresh(),
            }
        }
        if any {
            self.verify();
        }
    }

    /// The percentage that holds until this day, if it changes then: version, percentage, since when.
    pub(crate) fn pace_on(&self, day: i64) -> Option<(usize, u8, i64)> {
        let is_change = |act: &Act| matches!(act, Act::Pace(..) | Act::Pause(..));
        let (_, change) = PLAN.iter().find(|(on, act)| *on == day && is_change(act))?;
        let (Act::Pace(minor, _) | Act::Pause(minor, _)) = change else { return None };
        let earlier = PLAN.iter().rev().filter(|(on, _)| *on < day);
        let mut paces = earlier.filter_map(|(on, act)| match act {
            Act::Release(of, Some(percent)) | Act::Pace(of, percent) if of == minor => {
                Some((*minor, *percent, START + on * 86_400))
            }
            _ => None,
        });
        paces.next()
    }

    /// What a machine does with what is published.
    pub(crate) fn choose(&self, machine: &Machine, time: i64) -> Choice {
        let version = semver::Version::new(1, machine.version as u64, 0);
        let installed = Installed { version, digest: machine.digest, kind: Kind::Folder };
        let policy = Policy {
            formats: &[exuvia_delta::FORMAT],
            avoid: &self.none,
            bad: &machine.bad,
            pin: None,
            floor: None,
            os_version: None,
            now: Time::from_unix(time),
            asked_by_user: false,
            rollout: self.rollout.as_ref(),
            install: Some(machine.id),
        };
        choose(self.releases.as_ref().unwrap(), &installed, &policy)
    }

    fn release(&mut self, minor: usize, gated: Option<u8>, critical: bool) {
        let version = format!("1.{minor}.0");
        self.sim.publish_with(&version, &good(&version), |facts| {
            facts.gated = gated.map(|_| Gated { max_days: 14 });
            facts.critical = critical;
        });
        if let Some(percent) = gated {
            self.pace(minor, percent, false);
        }
    }

    fn pace(&mut self, minor: usize, percent: u8, paused: bool) {
        self.sim.roll_out(&format!("1.{minor}.0"), Pace { percent, paused });
    }

    /// Reads what is served as a client does that knows only the first root.
    fn verify(&mut self) {
        let files = self.sim.served();
        let start = Start {
            embedded: &files["metadata/1.root.json"],
            stored: None,
            floors: Floors::default(),
            now: self.sim.now(),
            limits: Limits::default(),
        };
        let mut refresh = Refresh::new(start).unwrap();
        drive(&mut refresh, &files);
        let channel: Channel = CHANNEL.parse().unwrap();
        let mut search = refresh.finish().unwrap().list(&format!("{channel}/{}", platform()));
        drive(&mut search, &files);
        let (trusted, targets) = search.finish().unwrap();
        let releases = Releases::read(targets, &APP.parse().unwrap(), &channel, &platform());
        if wants_rollout(&releases, self.sim.now()) {
            let mut search = trusted.find(&Rollout::path(&channel));
            drive(&mut search, &files);
            let (_, found) = search.finish().unwrap();
            let read = |target| Rollout::of_target(target, &APP.parse().unwrap(), &channel);
            self.rollout = found.first().map(|target| read(target).unwrap());
        }
        self.releases = Some(releases);
    }
}

fn drive(machine: &mut dyn Driven, files: &BTreeMap<String, Vec<u8>>) {
    loop {
        let answer = match machine.wants() {
            Want::Nothing => return,
            Want::Load { .. } => Answer::Missing,
            Want::Fetch { name, .. } => {
                files.get(&format!("metadata/{name}")).map_or(Answer::Missing, |f| Answer::Bytes(f))
            }
            Want::Save { .. } | Want::SaveFloors { .. } => Answer::Done,
        };
        machine.accept(answer).unwrap();
    }
}
