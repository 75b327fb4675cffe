//! An attacker whose command runs at a call of ours: folders on the way are exchanged for links to
//! somewhere else, files for others. Nothing outside may change, and what starts is the old or the new
//! version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::call::Call;
use super::ground::{Ground, Run, Shape, copy};
use super::oracle::{Case, Op, Wrong, moves_stable_path};
use super::table::Results;
use super::trace::{self, End, Verdict, Watcher};
use super::{Rig, stranger};
use crate::home::{Thing, things};

/// What the attacker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attack {
    /// The state beside the application becomes a link to a copy of it.
    State,
    /// The folder of versions, or in place the other version.
    Trees,
    /// The tree that is being put together.
    Staging,
    /// The user's cache.
    Cache,
    /// The user's store of metadata.
    Store,
    /// Every file in the cache is overwritten where it lies.
    Parts,
    /// Every file in the store of metadata is.
    Metadata,
}

const ATTACKS: [(Attack, &str); 7] = [
    (Attack::State, "state for a link"),
    (Attack::Trees, "trees for a link"),
    (Attack::Staging, "staging for a link"),
    (Attack::Cache, "cache for a link"),
    (Attack::Store, "store for a link"),
    (Attack::Parts, "cache overwritten"),
    (Attack::Metadata, "store overwritten"),
];

/// Each attack at each call, those that only look included; whatever the sample, at the call that
/// swaps.
pub(super) fn race(rig: &Rig, results: &mut Results) {
    for shape in Shape::ALL {
        let ground = rig.ground(shape, 1);
        for op in [Op::Delta, Op::Rollback] {
            let case = Case::prepare(&ground, op);
            case.restore();
            let mut count = Attacker::new(&ground, None, usize::MAX);
            trace::run(&mut case.run().traced(), &ground.roots(), &mut count);
            for (salt, (attack, name)) in ATTACKS.into_iter().enumerate() {
                let sample = rig.sample.of(0..count.calls, salt * 7 + op as usize);
                let points: BTreeSet<usize> = sample.into_iter().chain(count.swaps_at).collect();
                for point in points {
                    let cell = (op.to_string(), shape, 1, name.to_owned());
                    results.add(cell, point, strike(&case, attack, point));
                }
            }
            stranger::looks_for_a_way_in(rig, &case, results);
        }
        receive_in_a_race(rig, &ground, results);
        stranger::gives(rig, &ground, results);
    }
}

fn strike(case: &Case<'_>, attack: Attack, point: usize) -> Result<(), Wrong> {
    case.restore();
    let mut attacker = Attacker::new(case.ground, Some(attack), point);
    let end = trace::run(&mut case.run().traced(), &case.ground.roots(), &mut attacker);
    attacker.gives_up()?;
    // Who takes the previous version away takes the way back to it too; an attacker may leave things
    // about, and that a delta led nowhere is remembered. What starts is whole, and updates go on.
    case.holds(end == End::Code(0))?;
    case.goes_on()
}

/// One attacker, who acts once.
struct Attacker<'a> {
    ground: &'a Ground,
    attack: Option<Attack>,
    point: usize,
    calls: usize,
    /// The first call that moves the stable path.
    swaps_at: Option<usize>,
    /// What was exchanged: the link, where the real one is, and where the link leads.
    exchanged: Vec<[PathBuf; 3]>,
    /// What lay at the ends of the links then.
    outside: BTreeMap<PathBuf, BTreeMap<String, Thing>>,
}

impl Attacker<'_> {
    fn new(ground: &Ground, attack: Option<Attack>, point: usize) -> Attacker<'_> {
        let (exchanged, outside) = (Vec::new(), BTreeMap::new());
        Attacker { ground, attack, point, calls: 0, swaps_at: None, exchanged, outside }
    }

    fn act(&mut self, attack: Attack) {
        let ground = self.ground;
        let state = match ground.shape() {
            Shape::Versioned => ground.app().join(".exuvia"),
            _ => ground.app().with_file_name(".notes.exuvia"),
        };
        let [apps, home] = ground.roots();
        match (attack, ground.shape()) {
            (Attack::State, _) => self.exchange(&state),
            (Attack::Trees, Shape::Versioned) => self.exchange(&ground.app().join("versions")),
            (Attack::Trees, _) => self.exchange(&state.join("side")),
            (Attack::Staging, _) => {
                let staging = |path: &String| path.ends_with(".staging");
                for name in things(&apps).into_keys().filter(staging) {
                    self.exchange(&apps.join(name));
                }
            }
            (Attack::Cache, _) => self.exchange(&home.join(".cache/exuvia")),
            (Attack::Store, _) => self.exchange(&home.join(".local/state/exuvia")),
            (Attack::Parts, _) => overwrite(&home.join(".cache/exuvia")),
            (Attack::Metadata, _) => overwrite(&home.join(".local/state/exuvia")),
        }
    }

    /// Puts a link in the place of a folder, to a copy of it that is somewhere else.
    fn exchange(&mut self, folder: &Path) {
        if !folder.is_dir() || folder.is_symlink() {
            return;
        }
        let number = self.exchanged.len();
        let outside = self.ground.outside().join(number.to_string());
        let real = self.ground.outside().join(format!("real-{number}"));
        for old in [&outside, &real] {
            let _ = std::fs::remove_dir_all(old);
        }
        copy(folder, &outside);
        std::fs::rename(folder, &real).unwrap();
        std::os::unix::fs::symlink(&outside, folder).unwrap();
        self.outside.insert(outside.clone(), things(&outside));
        self.exchanged.push([folder.to_owned(), real, outside]);
    }

    /// Makes it undone, and asks whether anything outside changed.
    fn gives_up(self) -> Result<(), Wrong> {
        // A user's own cache may well be a link. What is in it is never believed.
        let follows = matches!(self.attack, Some(Attack::Cache | Attack::Store));
        for [link, real, outside] in self.exchanged.iter().rev() {
            let changed = !follows && things(outside) != self.outside[outside];
            let is_link = link.is_symlink();
            if is_link {
                std::fs::remove_file(link).unwrap();
            }
            if changed {
                return Err("something outside was changed".into());
            }
            // The name may have been used again, or be wanted no more.
            if is_link || !link.exists() && link.parent().is_some_and(Path::is_dir) {
                std::fs::rename(real, link).unwrap();
            }
        }
        Ok(())
    }
}

impl Watcher for Attacker<'_> {
    fn looks_too(&self) -> bool {
        true
    }

    fn before(&mut self, call: &Call) -> Verdict {
        if self.swaps_at.is_none() && moves_stable_path(self.ground, call) {
            self.swaps_at = Some(self.calls);
        }
        if let Some(attack) = self.attack.filter(|_| self.calls == self.point) {
            self.act(attack);
        }
        self.calls += 1;
        Verdict::Go
    }
}

/// Changes every byte of every file where it lies.
fn overwrite(folder: &Path) {
    if !folder.is_dir() {
        return;
    }
    for (name, thing) in things(folder) {
        if let Thing::File(_, bytes) = thing {
            let other: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
            std::fs::write(folder.join(name), other).unwrap();
        }
    }
}

/// The helper receives from a folder that the attacker may write to: the bundle and the metadata are
/// exchanged, and changed where they lie.
fn receive_in_a_race(rig: &Rig, ground: &Ground, results: &mut Results) {
    type Change = fn(&Path);
    const CHANGES: [(&str, Change); 4] = [
        ("bundle exchanged", |given| {
            std::fs::rename(given.join("other.tar"), given.join("bundle.tar")).unwrap();
        }),
        ("bundle overwritten", |given| {
            let other = std::fs::read(given.join("other.tar")).unwrap();
            std::fs::write(given.join("bundle.tar"), other).unwrap();
        }),
        ("metadata exchanged", |given| {
            std::fs::rename(given.join("metadata"), given.join("before")).unwrap();
            std::os::unix::fs::symlink("old", given.join("metadata")).unwrap();
        }),
        ("metadata overwritten", |given| overwrite(&given.join("metadata"))),
    ];
    ground.install();
    let before = ground.save("given");
    let give = || {
        ground.restore(&before);
        ground.give("1.1.0", "1.2.0")
    };
    let mut count = Giver { given: &give(), change: None, point: usize::MAX, calls: 0 };
    let roots = [&ground.roots()[..], &[count.given.to_owned()]].concat();
    trace::run(&mut receive(ground, count.given).traced(), &roots, &mut count);
    let calls = count.calls;
    assert!(calls > 50, "the helper was seen at {calls} calls");
    for (salt, (name, change)) in CHANGES.into_iter().enumerate() {
        for point in rig.sample.of(0..calls, salt * 7) {
            let given = give();
            let mut giver = Giver { given: &given, change: Some(change), point, calls: 0 };
            let end = trace::run(&mut receive(ground, &given).traced(), &roots, &mut giver);
            let cell = ("receive".to_owned(), ground.shape(), 1, name.to_owned());
            results.add(cell, point, old_or_new(ground, end == End::Code(0)));
        }
    }
}

/// The helper receives what was given ([`Ground::give`]).
pub(super) fn receive(ground: &Ground, given: &Path) -> Run {
    let text = |name: &str| given.join(name).to_str().unwrap().to_owned();
    let digest = std::fs::read_to_string(given.join("digest")).unwrap();
    ground.helper_receives(&text("metadata"), &text("bundle.tar"), &digest)
}

/// What was staged is swapped in, if it was; it is the one that was signed, or nothing.
pub(super) fn old_or_new(ground: &Ground, reported: bool) -> Result<(), Wrong> {
    let is = |version: &str| ground.live() == Some(ground.expected(version));
    if !is("1.0.0") {
        return Err("the installed version was touched".into());
    }
    let swapped = ground.helper("swap").now();
    match (reported, swapped.code) {
        (true, Some(0)) if is("1.1.0") => Ok(()),
        (false, Some(0 | NOTHING_TO_DO)) if is("1.1.0") || is("1.0.0") => Ok(()),
        _ => Err(Wrong::of("what was received is not what was signed", &swapped)),
    }
}

struct Giver<'a> {
    given: &'a Path,
    change: Option<fn(&Path)>,
    point: usize,
    calls: usize,
}

impl Watcher for Giver<'_> {
    fn looks_too(&self) -> bool {
        true
    }

    fn before(&mut self, _call: &Call) -> Verdict {
        if let Some(change) = self.change.filter(|_| self.calls == self.point) {
            change(self.given);
        }
        self.calls += 1;
        Verdict::Go
    }
}

const NOTHING_TO_DO: i32 = 3;
