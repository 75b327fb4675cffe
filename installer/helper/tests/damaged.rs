//! Ways out of a damaged state: a person installs again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::{Digest, Kind};
use exuvia_helper::{Error, Install};
use exuvia_plan::history::Event;
use exuvia_plan::{Consent, Health};
use std::fs;
use std::path::{Path, PathBuf};
use support::{Kit, launch, now};

fn kit(kind: Kind) -> Kit {
    let mut kit = Kit::new();
    kit.kind = kind;
    let lines = kit.says("started");
    kit.release("1.0.0", &lines);
    kit.release("1.1.0", &lines);
    kit
}

/// Damages a record in each of the ways that happen.
fn damage(record: &Path, how: &str) {
    let bytes = fs::read(record).unwrap();
    match how {
        "torn" => fs::write(record, &bytes[..10]).unwrap(),
        "empty" => fs::write(record, "").unwrap(),
        "gone" => fs::remove_file(record).unwrap(),
        _ => {
            fs::remove_file(record).unwrap();
            fs::create_dir(record).unwrap();
        }
    }
}

fn install_again(kit: &Kit, install: &Install) -> Result<Install, Error> {
    kit.try_install(install.path(), install.layout().shape.clone(), "1.1.0")
}

#[test]
fn installing_again_starts_over_where_journal_or_layout_is_damaged() {
    for record in ["journal", "layout"] {
        for how in ["torn", "empty", "gone", "a folder"] {
            let kit = kit(Kind::Folder);
            let install = kit.versioned("1.0.0");
            fs::write(install.path().join("versions/1.0.0/mine"), "precious").unwrap();
            let state = install.path().join(".exuvia");
            damage(&state.join(record), how);
            // Until the new tree is whole, the old one is started.
            let digest = kit.bundle("1.1.0").0;
            kit.try_install_bytes(install.path(), digest, b"cut off").unwrap_err();
            assert_eq!(launch(&install), Some(0), "{record} {how}");
            let again = install_again(&kit, &install).unwrap();
            let status = again.status().unwrap();
            assert_eq!(status.current().version.to_string(), "1.1.0", "{record} {how}");
            assert_eq!(again.history().unwrap().last().unwrap().event, Event::Installed);
            assert_eq!(launch(&again), Some(0));
            assert_eq!(kit.log(), ["started"; 2]);
            assert!(!again.path().join("versions/1.0.0").exists());
            assert_eq!(fs::read_to_string(state.join("left/1/mine")).unwrap(), "precious");
        }
    }
}

#[test]
fn one_damaged_copy_of_the_root_is_made_anew_and_without_both_it_is_installed_again() {
    let roots = ["root.json", "root.copy.json"];
    for how in ["torn", "empty", "gone", "a folder"] {
        for damaged in [&roots[..1], &roots[1..], &roots] {
            let kit = kit(Kind::Folder);
            let install = kit.versioned("1.0.0");
            let state = install.path().join(".exuvia");
            let good = fs::read(state.join("root.json")).unwrap();
            damaged.iter().for_each(|name| damage(&state.join(name), how));
            let received = kit.receive(&install, "1.1.0");
            let again = match damaged.len() {
                1 => {
                    assert!(received.is_ok(), "{how}: {received:?}");
                    install
                }
                _ => {
                    let received = received.unwrap_err();
                    let told = matches!(received, Error::Record { .. } | Error::Unfinished { .. });
                    assert!(told, "{how}: {received:?}");
                    install_again(&kit, &install).unwrap()
                }
            };
            for name in roots {
                assert_eq!(fs::read(state.join(name)).unwrap(), good, "{how}");
            }
            assert_eq!(again.trusted_root().unwrap(), Some(good));
            assert_eq!(launch(&again), Some(0));
        }
    }
}

#[test]
fn in_place_installing_again_starts_over_what_exuvia_put_there() {
    for kind in [Kind::Folder, Kind::AppImage] {
        let kit = kit(kind);
        let install = kit.in_place("1.0.0");
        let state = kit.path().join(".app.exuvia");
        damage(&state.join("journal"), "torn");
        let program: PathBuf = match kind {
            Kind::Folder => install.path().join("share/version"),
            _ => install.path().to_owned(),
        };
        let ours = fs::read(&program).unwrap();
        fs::write(&program, "something else").unwrap();
        let refused = install_again(&kit, &install);
        assert!(matches!(refused, Err(Error::Occupied { .. })), "{refused:?}");
        fs::write(&program, ours).unwrap();
        let again = install_again(&kit, &install).unwrap();
        assert_eq!(again.status().unwrap().current().version.to_string(), "1.1.0");
    }
}

#[test]
fn what_is_newer_or_of_another_application_is_never_started_over() {
    let kit = kit(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let state = install.path().join(".exuvia");
    for (name, record) in [("journal", "journal"), ("layout", "layout"), ("floors", "floors.a")] {
        let before = fs::read(state.join(record)).unwrap();
        let newer = format!("exuvia-{name} 9\n{{}}\n");
        let newer = format!("{newer}sha256 {}\n", Digest::of(newer.as_bytes()));
        fs::write(state.join(record), &newer).unwrap();
        let refused = install_again(&kit, &install);
        assert!(matches!(refused, Err(Error::Record { .. })), "{refused:?}");
        assert_eq!(fs::read_to_string(state.join(record)).unwrap(), newer);
        fs::write(state.join(record), before).unwrap();
    }
    let layout = state.join("layout");
    let mut other = install.layout().clone();
    other.app = "letters".parse().unwrap();
    fs::write(&layout, exuvia_plan::record::encode(&other)).unwrap();
    damage(&state.join("journal"), "torn");
    let refused = install_again(&kit, &install);
    assert!(matches!(refused, Err(Error::Occupied { .. })), "{refused:?}");
    assert_eq!(launch(&install), Some(0));
}

#[test]
fn a_state_file_that_is_no_file_or_too_long_counts_as_damaged() {
    let kit = kit(Kind::Folder);
    let install = kit.versioned("1.0.0");
    kit.swapped(&install, "1.1.0");
    let state = install.path().join(".exuvia");
    for record in ["floors.a", "trial-0", "remembered", "history"] {
        let path = state.join(record);
        if path.exists() {
            damage(&path, "a folder");
        } else {
            fs::create_dir(&path).unwrap();
        }
        assert_eq!(install.status().unwrap().starts, 0, "{record}");
        assert!(install.history().is_ok(), "{record}");
    }
    let floors = install.status().unwrap().floors;
    assert_eq!(floors.application.unwrap().to_string(), "1.0.0", "the other copy holds");
    fs::remove_dir(state.join("trial-0")).unwrap();
    fs::write(state.join("trial-0"), [b'x'; 65]).unwrap();
    assert_eq!(install.status().unwrap().starts, 0);
    fs::remove_dir(state.join("floors.a")).unwrap();
    fs::write(state.join("floors.a"), vec![b'x'; (1 << 20) + 1]).unwrap();
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert_eq!(install.status().unwrap().current().version.to_string(), "1.1.0");
}

/// Everything in the state that is replaced or made anew as a file.
fn files_of_the_state(kit: &Kit) -> Vec<String> {
    let mut names: Vec<String> = ["floors.a", "floors.b", "remembered", "history", "snapshot"]
        .into_iter()
        .chain(["root.json", "trial-0", "trial-1", "trial-2", "trial-3", "trial-0-1"])
        .map(str::to_owned)
        .collect();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        names.push(format!("run-{version}.lock"));
    }
    names.push(format!("manifests/{}.json", kit.bundle("1.2.0").0));
    names
}

#[test]
fn a_folder_where_a_file_belongs_is_in_the_way_of_no_step() {
    let kit = || {
        let mut kit = kit(Kind::Folder);
        kit.health = Health::Alive { seconds: 1 };
        kit.release("1.2.0", "exit 1");
        kit
    };
    let names = files_of_the_state(&kit());
    for name in names {
        let kit = kit();
        let install = kit.versioned("1.0.0");
        let plant = || {
            let place = install.path().join(".exuvia").join(&name);
            let _ = fs::remove_file(&place);
            if !place.exists() {
                fs::create_dir(&place).unwrap();
            }
            fs::write(place.join("in the way"), "").unwrap();
        };
        let is = |version: &str, phase: &str| {
            let status = install.status().unwrap();
            let found = (status.current().version.to_string(), status.phase.name());
            assert_eq!(found, (version.to_owned(), phase), "{name}");
        };
        plant();
        let qualified = kit.qualified(&install, "1.1.0");
        plant();
        qualified.consent(Consent::OnQuit, now()).unwrap();
        plant();
        assert_eq!(launch(&install), Some(0), "{name}");
        is("1.0.0", "trial");
        plant();
        install.trial().unwrap().unwrap().confirm(now()).unwrap();
        is("1.1.0", "settled");
        plant();
        kit.swapped(&install, "1.2.0");
        plant();
        assert_eq!(launch(&install), Some(0), "{name}: the old one runs in the end");
        is("1.1.0", "settled");
        assert!(install.remembered().unwrap().bad[0].reason.contains("three starts"), "{name}");
        plant();
        install.rollback(now()).unwrap();
        is("1.0.0", "settled");
        assert!(install.history().unwrap().last().is_some(), "{name}: nothing was noted");
        assert_eq!(install.status().unwrap().floors.application.unwrap().to_string(), "1.1.0");
    }
}
