//! An attacker who is another user of the machine, with an own user id: at every call nothing of ours may
//! be there for him to write to; and what the helper receives from a folder of his it takes as it was
//! signed or not at all.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Rig;
use super::call::Call;
use super::ground::Ground;
use super::oracle::Case;
use super::race::{old_or_new, receive};
use super::table::Results;
use super::trace::{self, End, Verdict, Watcher};
use crate::home::{STRANGER, as_stranger, open_to_strangers};

/// What he does in his own folder while the helper reads from it.
const CHANGES: [(&str, &str); 5] = [
    ("stranger exchanges the bundle", "mv other.tar bundle.tar"),
    ("stranger overwrites the bundle", "cat other.tar >bundle.tar"),
    ("stranger cuts the bundle", ": >bundle.tar"),
    ("stranger exchanges the metadata", "mv metadata before; ln -s old metadata"),
    ("stranger overwrites the metadata", "for f in metadata/*; do echo '{}' >\"$f\"; done"),
];

/// At each call of an operation he looks for what he could write to.
pub(super) fn looks_for_a_way_in(rig: &Rig, case: &Case<'_>, results: &mut Results) {
    let Some(roots) = others_may_pass(case.ground, results) else { return };
    let outside = case.ground.outside();
    std::fs::write(outside.join("open"), "").unwrap();
    std::fs::set_permissions(outside.join("open"), PermissionsExt::from_mode(0o666)).unwrap();
    assert!(!writable(&[outside]).is_empty(), "the search finds nothing at all");
    case.restore();
    let mut count = Stranger::new(&roots, usize::MAX);
    trace::run(&mut case.run().traced(), &roots, &mut count);
    for point in rig.sample.of(0..count.calls, case.op as usize) {
        case.restore();
        let mut stranger = Stranger::new(&roots, point);
        let end = trace::run(&mut case.run().traced(), &roots, &mut stranger);
        let name = "stranger looks for a way in".to_owned();
        let cell = (case.op.to_string(), case.ground.shape(), 1, name);
        let result = match stranger.found.is_empty() {
            true => case.judge(end == End::Code(0)),
            false => Err(format!("anybody may write to {}", stranger.found)[..].into()),
        };
        results.add(cell, point, result);
    }
}

/// The helper, with more rights than he has, receives from his folder.
pub(super) fn gives(rig: &Rig, ground: &Ground, results: &mut Results) {
    if others_may_pass(ground, results).is_none() {
        return;
    }
    ground.install();
    let before = ground.save("given");
    let give = || {
        ground.restore(&before);
        let given = ground.give("1.1.0", "1.2.0");
        let own = Command::new("chown")
            .args(["-R", &format!("{STRANGER}:{STRANGER}")])
            .arg(&given)
            .status();
        assert!(own.unwrap().success());
        given
    };
    let given = give();
    let roots = [&ground.roots()[..], std::slice::from_ref(&given)].concat();
    let mut count = Giver { given: &given, change: None, point: usize::MAX, calls: 0 };
    trace::run(&mut receive(ground, &given).traced(), &roots, &mut count);
    let calls = count.calls;
    for (salt, (name, change)) in CHANGES.into_iter().enumerate() {
        for point in rig.sample.of(0..calls, salt * 5) {
            let given = give();
            let mut giver = Giver { given: &given, change: Some(change), point, calls: 0 };
            let end = trace::run(&mut receive(ground, &given).traced(), &roots, &mut giver);
            let cell = ("receive".to_owned(), ground.shape(), 1, name.to_owned());
            results.add(cell, point, old_or_new(ground, end == End::Code(0)));
        }
    }
}

/// The machine's folders, once another user gets as far as them; or it is said why there is no other
/// user.
fn others_may_pass(ground: &Ground, results: &mut Results) -> Option<Vec<PathBuf>> {
    if !rustix::process::geteuid().is_root() {
        let lack = "race as another user: needs root".to_owned();
        if !results.skipped.contains(&lack) {
            results.skipped.push(lack);
        }
        return None;
    }
    let outside = ground.outside();
    for folder in outside.ancestors().take(2) {
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    }
    Some(ground.roots().to_vec())
}

/// What a stranger may write to, beneath these.
fn writable(roots: &[PathBuf]) -> String {
    let found = roots.iter().filter_map(|root| open_to_strangers(root));
    found.flatten().collect::<Vec<_>>().join(", ")
}

struct Stranger<'a> {
    roots: &'a [PathBuf],
    point: usize,
    calls: usize,
    found: String,
}

impl Stranger<'_> {
    fn new(roots: &[PathBuf], point: usize) -> Stranger<'_> {
        Stranger { roots, point, calls: 0, found: String::new() }
    }
}

impl Watcher for Stranger<'_> {
    fn before(&mut self, _call: &Call) -> Verdict {
        if self.calls == self.point {
            self.found = writable(self.roots);
        }
        self.calls += 1;
        Verdict::Go
    }
}

struct Giver<'a> {
    given: &'a Path,
    change: Option<&'static str>,
    point: usize,
    calls: usize,
}

impl Watcher for Giver<'_> {
    fn looks_too(&self) -> bool {
        true
    }

    fn before(&mut self, _call: &Call) -> Verdict {
        if let Some(change) = self.change.filter(|_| self.calls == self.point) {
            let mut sh = Command::new("sh");
            let done = as_stranger(sh.args(["-c", change])).current_dir(self.given).status();
            assert!(done.unwrap().success(), "{change}");
        }
        self.calls += 1;
        Verdict::Go
    }
}
