//! The parts of the rig: what is done to which operation, and how it is counted.

use super::Rig;
use super::call::Call;
use super::fault::{At, Fault};
use super::ground::{Ground, Shape, VERSIONS};
use super::legal::{Model, Recorder, lay_out};
use super::oracle::{Case, Op};
use super::power::{Cut, CutAt, Disk, System};
use super::table::{Results, strike};
use super::trace::{self, End, Verdict, Watcher};

/// A part of the rig, by the name it is asked for.
pub type Mode = (&'static str, fn(&Rig, &mut Results));

/// All parts.
pub const MODES: [Mode; 11] = [
    ("calls", calls),
    ("power", power),
    ("recovery", recovery),
    ("starts", starts),
    ("states", states),
    ("race", super::race::race),
    ("overtaken", super::overtaken::overtaken),
    ("swaps", super::endurance::swaps),
    ("faults", super::endurance::faults),
    ("times", super::endurance::times),
    ("itself", super::sequences::prove_the_rig),
];

/// Each fault at each call of each operation.
fn calls(rig: &Rig, results: &mut Results) {
    for disks in [1, 2] {
        if disks == 2 && !rig.has_two_disks() {
            results.skipped.push("two file systems: needs /dev/shm apart from the rest".to_owned());
            continue;
        }
        for shape in Shape::ALL {
            let ground = rig.ground(shape, disks);
            for op in Op::ALL {
                let case = Case::prepare(&ground, op);
                strike(&case, disks, &Fault::ALL, rig.sample, results);
            }
        }
    }
}

/// The power goes at each call, and after the end.
fn power(rig: &Rig, results: &mut Results) {
    for (system, disks) in
        [(System::Ext4, 1), (System::Ext4, 2), (System::Xfs, 1), (System::Xfs, 2)]
    {
        let made: Result<Vec<Disk>, String> =
            (0..disks).map(|n| Disk::new(rig.folder(), &format!("disk{n}"), system)).collect();
        let made = match made {
            Ok(made) => made,
            Err(why) => {
                results.skipped.push(why);
                continue;
            }
        };
        for shape in Shape::ALL {
            let ground = Ground::new(rig.publisher(shape), made[0].path(), made[disks - 1].path());
            for op in Op::ALL {
                let case = Case::prepare(&ground, op);
                cut_everywhere(rig, &case, &made, system, results);
            }
        }
    }
}

fn cut_everywhere(
    rig: &Rig,
    case: &Case<'_>,
    disks: &[Disk],
    system: System,
    results: &mut Results,
) {
    let ends = case.calls().len();
    for (salt, cut) in [Cut::AtOnce, Cut::AfterTheLog].into_iter().enumerate() {
        for point in rig.sample.of(0..=ends, salt * 13 + case.op as usize) {
            case.restore();
            disks.iter().for_each(Disk::settle);
            let mut watcher = CutAt { disks, cut, point, seen: 0 };
            let end = case.trace_from_here(&mut watcher);
            if watcher.seen <= point {
                // It came to its end: success was reported, and then the power went.
                disks.iter().for_each(|disk| disk.cut(cut));
            }
            disks.iter().for_each(Disk::come_back);
            let cell = (case.op.to_string(), case.ground.shape(), disks.len(), system.to_string());
            results.add(cell, point, case.judge(end == End::Code(0)));
        }
    }
}

/// Operations are killed at their calls, and then the recovery from that at each of its calls.
fn recovery(rig: &Rig, results: &mut Results) {
    for shape in Shape::ALL {
        let ground = rig.ground(shape, 1);
        for op in [Op::Delta, Op::Rollback, Op::Prune] {
            let case = Case::prepare(&ground, op);
            let mut last = None;
            for point in rig.sample.of(0..case.calls().len(), op as usize) {
                case.trace(&mut At::new(Fault::Kill, point));
                let found = ground.everything();
                if last.as_ref() == Some(&found) {
                    continue;
                }
                last = Some(found);
                recover_everywhere(&case, point, results);
            }
        }
    }
}

fn recover_everywhere(case: &Case<'_>, point: usize, results: &mut Results) {
    let ground = case.ground;
    let killed = ground.save("killed");
    for again in 0.. {
        ground.restore(&killed);
        let mut at = At::new(Fault::Kill, again);
        trace::run(&mut ground.helper("recover").traced(), &ground.roots(), &mut at);
        let cell = (format!("recovery of a killed {}", case.op), ground.shape(), 1, "kill".into());
        results.add(cell, point * 1000 + again, case.judge(false));
        if at.struck.is_none() {
            break;
        }
    }
}

/// Everything that a crash may legally leave, by a record of the calls.
fn states(rig: &Rig, results: &mut Results) {
    for shape in Shape::ALL {
        let ground = rig.ground(shape, 1);
        for op in [Op::Delta, Op::Rollback, Op::RecoverBefore, Op::RecoverAfter, Op::Prune] {
            let case = Case::prepare(&ground, op);
            case.restore();
            let mut recorder = Recorder::new(&ground.roots());
            let end = case.trace_from_here(&mut recorder);
            let (seen, found) = (recorder.model.seen(), Model::new(&ground.roots()).seen());
            let same = seen.keys().eq(found.keys())
                && seen.iter().all(|(path, content)| content.thing == found[path].thing);
            assert!(same, "the record of {op}, {shape} does not give what is on the disk");
            recorder.end(end == End::Code(0));
            let states: Vec<_> = recorder.states.into_values().collect();
            let cell = (op.to_string(), shape, 1, "legal state".to_owned());
            for point in rig.sample.of(0..states.len(), op as usize) {
                let (state, reported) = &states[point];
                lay_out(&ground.roots(), state);
                results.add(cell.clone(), point, case.judge(*reported));
            }
        }
    }
}

/// The application is started at every call: it always starts, as the old or the new version.
fn starts(rig: &Rig, results: &mut Results) {
    for shape in Shape::ALL {
        let ground = rig.ground(shape, 1);
        for op in [Op::Full, Op::Delta, Op::Rollback, Op::Prune] {
            let case = Case::prepare(&ground, op);
            let mut starter = Starter { ground: &ground, failed: Vec::new(), calls: 0 };
            let end = case.trace(&mut starter);
            let Starter { failed, calls, .. } = starter;
            let cell = || (op.to_string(), shape, 1, "start at every call".to_owned());
            for point in 0..calls {
                let found = failed.iter().find(|(at, _)| *at == point);
                let result = found.map_or(Ok(()), |(_, why)| Err(why.as_str().into()));
                results.add(cell(), point, result);
            }
            results.add(cell(), calls, case.judge(end == End::Code(0)));
        }
    }
}

struct Starter<'a> {
    ground: &'a Ground,
    failed: Vec<(usize, String)>,
    calls: usize,
}

impl Watcher for Starter<'_> {
    fn before(&mut self, call: &Call) -> Verdict {
        let ran = self.ground.start().now();
        let says = |v: &&str| ran.output.lines().any(|line| line == format!("notes {v} probe"));
        if ran.code != Some(0) || !VERSIONS.iter().any(says) {
            let why = format!("{:?} before {:?} {}", ran.output, call.kind, call.path.display());
            self.failed.push((self.calls, why));
        }
        self.calls += 1;
        Verdict::Go
    }
}
