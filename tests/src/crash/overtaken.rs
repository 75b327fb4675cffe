//! A start that is overtaken: at one of its calls, those that only look included, somebody else updates
//! twice, so that the version it was about to start is left and may be pruned. It must still start a whole
//! version, and hold the lock of no other.

use std::collections::BTreeSet;
use std::path::Path;

use exuvia_plan::files;

use super::Rig;
use super::call::Call;
use super::ground::{Ground, Shape, VERSIONS};
use super::oracle::{Wrong, settle};
use super::table::Results;
use super::trace::{self, End, Verdict, Watcher};

/// At each call of a start in the versioned layout; elsewhere nothing of ours is on the way of one.
pub(super) fn overtaken(rig: &Rig, results: &mut Results) {
    let ground = rig.ground(Shape::Versioned, 1);
    ground.install();
    let before = ground.save("before");
    let start = |point| {
        ground.restore(&before);
        let mut other = Overtaker { ground: &ground, point, calls: 0, held: BTreeSet::new() };
        let end = trace::run(&mut ground.start().traced(), &ground.roots(), &mut other);
        (end, other)
    };
    let (_, count) = start(usize::MAX);
    for point in rig.sample.of(0..count.calls, 0) {
        let (end, other) = start(point);
        let cell = ("start".to_owned(), Shape::Versioned, 1, "overtaken".to_owned());
        results.add(cell, point, judge(&ground, end, &other.held));
    }
}

fn judge(ground: &Ground, end: End, held: &BTreeSet<String>) -> Result<(), Wrong> {
    let printed = ground.start().printed();
    let says =
        |version: &&str| printed.lines().any(|line| line == format!("notes {version} probe"));
    let Some(started) = VERSIONS.into_iter().find(says).filter(|_| end == End::Code(0)) else {
        return Err(Wrong::new(format!("no version started, {end:?}: {printed}")));
    };
    if *held != BTreeSet::from([files::run(&started.parse().unwrap())]) {
        return Err(Wrong::new(format!("{started} runs and holds {held:?}")));
    }
    let ran = ground.start().now();
    if ran.output.trim_end() != format!("notes {} probe", VERSIONS[2]) {
        return Err(Wrong::new(format!("the next start gives {}", ran.output)));
    }
    Ok(())
}

struct Overtaker<'a> {
    ground: &'a Ground,
    point: usize,
    calls: usize,
    /// The locks of versions that the process held when it last looked at a version's files.
    held: BTreeSet<String>,
}

impl Watcher for Overtaker<'_> {
    fn looks_too(&self) -> bool {
        true
    }

    fn before(&mut self, call: &Call) -> Verdict {
        if self.calls == self.point {
            for version in &VERSIONS[1..] {
                self.ground.agent(version, &["update", "--yes"]).works();
                settle(self.ground);
            }
        }
        self.calls += 1;
        if call.path.starts_with(self.ground.app().join("versions")) {
            self.held = locks(call);
        }
        Verdict::Go
    }
}

/// The locks of versions that a process has open.
fn locks(call: &Call) -> BTreeSet<String> {
    let open = std::fs::read_dir(format!("/proc/{}/fd", call.thread)).unwrap();
    let names = open.filter_map(|entry| {
        let file = std::fs::read_link(entry.ok()?.path()).ok()?;
        Path::file_name(&file)?.to_str().map(str::to_owned)
    });
    names.filter(|name| files::version_of_run(name).is_some()).collect()
}
