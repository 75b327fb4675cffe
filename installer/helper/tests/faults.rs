//! Every step of every operation fails or is the last one: what is left is the old version or the
//! new one, byte for byte, and recovery finds out which.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::Kind;
use exuvia_durable::faults::{Fault, Faults};
use exuvia_helper::{Error, Install, Waiting};
use exuvia_plan::{InPlaceShape, Phase, Qualify, Shape};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Kit, LAUNCHER, listing, live, now};

/// Something that is done to an installation.
#[derive(Clone, Copy)]
struct Operation(fn(&Kit, &Install) -> Result<(), Error>);

const FAULTS: [Fault; 3] = [Fault::Stop, Fault::Tear, Fault::Errno(ENOSPC)];
const ENOSPC: i32 = if cfg!(windows) { 112 } else { 28 };
const EOPNOTSUPP: i32 = if cfg!(windows) { 120 } else { 95 };

fn kits() -> Vec<(Kit, Shape)> {
    let in_place = |shape| Shape::InPlace { shape, name: "app".to_owned() };
    let shapes = [
        (Kind::Folder, Shape::Versioned { launcher: LAUNCHER.to_owned() }),
        (Kind::Folder, in_place(InPlaceShape::Folder)),
        (Kind::AppImage, in_place(InPlaceShape::File)),
    ];
    let kit = |(kind, shape): (Kind, Shape)| {
        let mut kit = Kit::in_memory();
        kit.kind = kind;
        kit.qualify = Qualify::No;
        kit.launcher = kit.path().join("launcher");
        fs::write(&kit.launcher, "#!/bin/sh\n").unwrap();
        kit.release("1.0.0", "exit 0");
        kit.release("1.1.0", "exit 0");
        (kit, shape)
    };
    shapes.into_iter().map(kit).collect()
}

/// A place where an installation stands and can be copied from.
struct Template {
    dir: PathBuf,
}

impl Template {
    fn new(kit: &Kit, shape: &Shape, prepare: Operation) -> Template {
        let dir = kit.path().join("template");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        let install = kit.try_install(&dir.join("app"), shape.clone(), "1.0.0").unwrap();
        prepare.0(kit, &install).unwrap();
        Template { dir }
    }

    fn copy(&self) -> Install {
        let to = self.dir.with_file_name("copy");
        let _ = fs::remove_dir_all(&to);
        copy(&self.dir, &to);
        Install::open(&to.join("app")).unwrap()
    }
}

/// Links stay links.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy(&from, &to),
            kind if kind.is_symlink() => link(&fs::read_link(&from).unwrap(), &to),
            _ => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) {
    std::os::unix::fs::symlink(target, at).unwrap();
}

#[cfg(not(unix))]
fn link(_: &Path, at: &Path) {
    panic!("no link is made here: {}", at.display());
}

/// The application as a user finds it: what the stable path leads to.
fn application(install: &Install) -> BTreeMap<String, String> {
    let path = install.path();
    match install.layout().shape {
        Shape::Versioned { .. } => listing(&live(install), &[]),
        Shape::InPlace { shape: InPlaceShape::Folder, .. } => listing(path, &[]),
        Shape::InPlace { shape: InPlaceShape::File, .. } => {
            BTreeMap::from([(String::new(), fs::read_to_string(path).unwrap())])
        }
    }
}

fn receive(kit: &Kit, install: &Install) -> Result<(), Error> {
    kit.receive(install, "1.1.0")?.qualify(now())?;
    Ok(())
}

fn swap(_: &Kit, install: &Install) -> Result<(), Error> {
    match install.waiting()? {
        Some(Waiting::Staged(staged)) => staged.qualify(now())?.swap(now()).map(drop),
        Some(Waiting::Qualified(qualified)) => qualified.swap(now()).map(drop),
        None => Ok(()),
    }
}

fn confirm(_: &Kit, install: &Install) -> Result<(), Error> {
    install.trial()?.map(|trial| trial.confirm(now())).transpose().map(drop)
}

fn revert(_: &Kit, install: &Install) -> Result<(), Error> {
    install.trial()?.map(|trial| trial.revert("it fell over", now())).transpose().map(drop)
}

fn rollback(_: &Kit, install: &Install) -> Result<(), Error> {
    install.rollback(now()).map(drop)
}

fn nothing(_: &Kit, _: &Install) -> Result<(), Error> {
    Ok(())
}

fn staged(kit: &Kit, install: &Install) -> Result<(), Error> {
    receive(kit, install)
}

fn on_trial(kit: &Kit, install: &Install) -> Result<(), Error> {
    receive(kit, install)?;
    swap(kit, install)
}

fn committed(kit: &Kit, install: &Install) -> Result<(), Error> {
    on_trial(kit, install)?;
    confirm(kit, install)
}

const OPERATIONS: [(&str, Operation, Operation); 5] = [
    ("receive", Operation(nothing), Operation(receive)),
    ("swap", Operation(staged), Operation(swap)),
    ("confirm", Operation(on_trial), Operation(confirm)),
    ("revert", Operation(on_trial), Operation(revert)),
    ("rollback", Operation(committed), Operation(rollback)),
];

/// The old tree and the new one, as a user would see them.
fn trees(kit: &Kit, shape: &Shape) -> [BTreeMap<String, String>; 2] {
    let old = Template::new(kit, shape, Operation(nothing)).copy();
    let old = application(&old);
    let new = Template::new(kit, shape, Operation(on_trial)).copy();
    [old, application(&new)]
}

fn expected<'t>(
    phase: &Phase,
    [old, new]: &'t [BTreeMap<String, String>; 2],
) -> &'t BTreeMap<String, String> {
    let live = match phase {
        Phase::Trial { to, .. } => to,
        other => other.installed(),
    };
    if live.version.to_string() == "1.0.0" { old } else { new }
}

/// After a fault: recover, look, recover again.
fn check_aftermath(what: &str, path: &Path, trees: &[BTreeMap<String, String>; 2]) {
    let install = Install::open(path).unwrap();
    let phase = install.recover(now()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let seen = application(&install);
    assert_eq!(&seen, expected(&phase, trees), "{what}: {phase:?}");
    let again = install.recover(now()).unwrap();
    assert_eq!((&again, application(&install)), (&phase, seen), "{what}: a second recovery");
}

/// As [`check_aftermath`], and the next honest update works.
fn check_to_the_end(what: &str, kit: &Kit, path: &Path, trees: &[BTreeMap<String, String>; 2]) {
    check_aftermath(what, path, trees);
    let install = Install::open(path).unwrap();
    finish(what, kit, &install);
    assert_eq!(&application(&install), &trees[1], "{what}: the next update");
    let leftovers = left_over(&install);
    assert!(leftovers.is_empty(), "{what}: left over {leftovers:?}");
}

/// From wherever recovery ended to a committed 1.1.0.
fn finish(what: &str, kit: &Kit, install: &Install) {
    let installed = |install: &Install| match install.status().unwrap().phase {
        Phase::Settled { current, .. } => current.version.to_string() == "1.1.0",
        _ => false,
    };
    for _ in 0..2 {
        if installed(install) {
            return;
        }
        let (digest, bundle) = kit.bundle("1.1.0");
        let metadata = kit.metadata();
        let request =
            exuvia_helper::Request { metadata: &metadata, digest, now: now(), even_if_bad: true };
        if install.trial().unwrap().is_none() {
            let staged = install.receive(&request, &mut |out| out.write_all(&bundle));
            staged.unwrap_or_else(|e| panic!("{what}: {e}")).qualify(now()).map(drop).unwrap();
            swap(kit, install).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        confirm(kit, install).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

/// Files that no finished step leaves behind.
fn left_over(install: &Install) -> Vec<String> {
    let parent = install.path().parent().unwrap();
    let names = listing(parent, &[]).into_keys();
    names
        .filter(|name| {
            ["staging", ".exuvia-tmp-", "trial-", "side.moving"].iter().any(|p| name.contains(p))
        })
        .collect()
}

#[test]
fn whatever_step_fails_the_old_or_the_new_version_stands() {
    for (kit, shape) in kits() {
        let trees = trees(&kit, &shape);
        for (name, prepare, operation) in OPERATIONS {
            let template = Template::new(&kit, &shape, prepare);
            let steps = {
                let install = template.copy();
                let faults = Faults::record();
                operation.0(&kit, &install).unwrap();
                faults.steps()
            };
            assert!(steps.len() > 3, "{name} takes more than {steps:?}");
            for (n, step) in steps.iter().enumerate() {
                for fault in FAULTS {
                    let what = format!("{shape:?}: {name}, step {n} {step:?}, {fault:?}");
                    let install = template.copy();
                    let path = install.path().to_owned();
                    let faults = Faults::here(n, fault);
                    let _ = operation.0(&kit, &install);
                    assert!(faults.struck(), "{what}");
                    drop(faults);
                    drop(install);
                    check_to_the_end(&what, &kit, &path, &trees);
                }
            }
        }
    }
}

#[test]
fn a_recovery_that_is_cut_off_is_recovered_from() {
    for (kit, shape) in kits() {
        let trees = trees(&kit, &shape);
        for (name, prepare, operation) in &OPERATIONS[1..] {
            let template = Template::new(&kit, &shape, *prepare);
            for n in 0.. {
                let first = {
                    let install = template.copy();
                    let faults = Faults::here(n, Fault::Stop);
                    let _ = operation.0(&kit, &install);
                    faults.struck()
                };
                if !first {
                    break;
                }
                let broken = Template { dir: template.dir.with_file_name("broken") };
                let _ = fs::remove_dir_all(&broken.dir);
                fs::rename(template.dir.with_file_name("copy"), &broken.dir).unwrap();
                for m in 0.. {
                    let install = broken.copy();
                    let path = install.path().to_owned();
                    let faults = Faults::here(m, Fault::Stop);
                    let _ = install.recover(now());
                    let struck = faults.struck();
                    drop(faults);
                    drop(install);
                    let what = format!("{shape:?}: {name} at {n}, recovery at {m}");
                    check_aftermath(&what, &path, &trees);
                    if !struck {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_first_installation_that_was_cut_off_does_not_count_and_can_be_repeated() {
    for (kit, shape) in kits() {
        let trees = trees(&kit, &shape);
        for n in 0.. {
            let dir = kit.path().join("first");
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir(&dir).unwrap();
            let app = dir.join("app");
            let struck = {
                let faults = Faults::here(n, Fault::Stop);
                let result = kit.try_install(&app, shape.clone(), "1.0.0");
                // The last steps only tidy and explain: they may fail without harm.
                assert!(result.is_ok() || faults.struck(), "{shape:?} step {n}: {result:?}");
                faults.struck()
            };
            if !struck {
                break;
            }
            let counts = Install::open(&app).is_ok_and(|install| install.status().is_ok());
            if counts {
                check_to_the_end("first", &kit, &app, &trees);
                continue;
            }
            let install = kit
                .try_install(&app, shape.clone(), "1.0.0")
                .unwrap_or_else(|error| panic!("{shape:?} step {n}: {error}"));
            assert_eq!(application(&install), trees[0], "{shape:?} step {n}");
            assert!(left_over(&install).is_empty(), "{shape:?} step {n}");
        }
    }
}

#[test]
fn without_an_atomic_exchange_the_move_is_made_in_renames() {
    for (kit, shape) in kits().split_off(1) {
        let trees = trees(&kit, &shape);
        let template = Template::new(&kit, &shape, Operation(staged));
        let at = {
            let install = template.copy();
            let faults = Faults::record();
            swap(&kit, &install).unwrap();
            let exchange = |(step, _): &_| *step == exuvia_durable::Step::Exchange;
            faults.steps().iter().position(exchange).unwrap()
        };
        let install = template.copy();
        let faults = Faults::here(at, Fault::Errno(EOPNOTSUPP));
        swap(&kit, &install).unwrap();
        drop(faults);
        assert_eq!(application(&install), trees[1]);
        let path = install.path().to_owned();
        check_to_the_end("renames", &kit, &path, &trees);
        assert!(path.with_file_name(".app.exuvia").join("side").exists(), "the old one is kept");
    }
}

#[test]
fn a_move_in_renames_is_recovered_from_between_any_two() {
    for (kit, shape) in kits().split_off(1) {
        let trees = trees(&kit, &shape);
        let single = matches!(&shape, Shape::InPlace { shape: InPlaceShape::File, .. });
        for (prepare, operation) in
            [(Operation(staged), Operation(swap)), (Operation(on_trial), Operation(revert))]
        {
            let template = Template::new(&kit, &shape, prepare);
            for renames in 1..=3 {
                let install = template.copy();
                let path = install.path().to_owned();
                let state = path.with_file_name(".app.exuvia");
                // The journal says what is about to happen, then the process is gone.
                let journal_is_written = {
                    let faults = Faults::record();
                    operation.0(&kit, &install).unwrap();
                    let exchange = |(step, _): &_| *step == exuvia_durable::Step::Exchange;
                    faults.steps().iter().position(exchange).unwrap()
                };
                let install = template.copy();
                let faults = Faults::here(journal_is_written, Fault::Stop);
                operation.0(&kit, &install).unwrap_err();
                drop(faults);
                let (side, aside) = (state.join("side"), state.join("side.moving"));
                if single {
                    fs::copy(&path, &aside).unwrap();
                } else {
                    fs::rename(&path, &aside).unwrap();
                }
                if renames > 1 {
                    fs::rename(&side, &path).unwrap();
                }
                if renames > 2 {
                    fs::rename(&aside, &side).unwrap();
                }
                drop(install);
                let what = format!("{shape:?} after {renames}");
                check_to_the_end(&what, &kit, &path, &trees);
            }
        }
    }
}
