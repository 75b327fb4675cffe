//! Files that Exuvia did not put there are never removed.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::Kind;
use exuvia_helper::Install;
use exuvia_plan::history::Event;
use std::fs;
use support::{Kit, listing, now};

fn three_releases() -> Kit {
    let mut kit = Kit::new();
    kit.kind = Kind::Folder;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        kit.release(version, "exit 0");
    }
    kit
}

fn update(kit: &Kit, install: &Install, version: &str) {
    kit.swapped(install, version);
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
}

#[test]
fn uninstalling_keeps_and_names_what_lies_among_the_versions() {
    let kit = three_releases();
    let install = kit.versioned("1.0.0");
    update(&kit, &install, "1.1.0");
    let app = install.path().to_owned();
    fs::create_dir(app.join("versions/of-mine")).unwrap();
    let mine = ["versions/1.0.0/share/mine", "versions/of-mine/notes", "versions/readme"];
    for name in mine {
        fs::write(app.join(name), "precious").unwrap();
    }
    // A manifest that is lost costs nobody the removal of a version that the journal names.
    let manifest = format!(".exuvia/manifests/{}.json", kit.bundle("1.1.0").0);
    fs::remove_file(app.join(manifest)).unwrap();
    let mut left = install.uninstall().unwrap().left;
    left.sort();
    assert_eq!(left, mine.map(|name| app.join(name)));
    assert!(listing(&app, &[]).keys().eq(mine));
}

#[test]
fn uninstalling_in_place_keeps_and_names_what_lies_beside_the_program() {
    let kit = three_releases();
    let install = kit.in_place("1.0.0");
    let app = install.path().to_owned();
    fs::write(app.join("bin/settings"), "precious").unwrap();
    assert_eq!(install.uninstall().unwrap().left, [app.join("bin/settings")]);
    assert!(listing(&app, &[]).keys().eq(["bin/settings"]));
    assert!(!kit.path().join(".app.exuvia").exists());
}

#[test]
fn in_place_what_lay_beside_the_program_is_carried_to_a_folder_of_its_own() {
    let kit = three_releases();
    let install = kit.in_place("1.0.0");
    let state = kit.path().join(".app.exuvia");
    fs::write(install.path().join("share/settings"), "precious").unwrap();
    update(&kit, &install, "1.1.0");
    assert_eq!(fs::read_to_string(state.join("side/share/settings")).unwrap(), "precious");
    update(&kit, &install, "1.2.0");
    let left = state.join("left").join("1");
    assert!(listing(&left, &[]).into_iter().eq([("share/settings".into(), "precious".into())]));
    let history = install.history().unwrap();
    let carried = history.iter().find(|entry| entry.event == Event::Carried).unwrap();
    assert_eq!(carried.reason.as_deref(), left.to_str());
    assert_eq!(install.uninstall().unwrap().left, [left.join("share/settings")]);
    assert_eq!(fs::read_to_string(left.join("share/settings")).unwrap(), "precious");
}

#[test]
fn a_version_that_is_pruned_leaves_what_is_not_ours() {
    let kit = three_releases();
    let install = kit.versioned("1.0.0");
    fs::write(install.path().join("versions/1.0.0/mine"), "precious").unwrap();
    for version in ["1.1.0", "1.2.0"] {
        update(&kit, &install, version);
    }
    assert!(!install.path().join("versions/1.0.0").exists());
    let left = listing(&install.path().join(".exuvia/left/1"), &[]);
    assert!(left.into_iter().eq([("mine".into(), "precious".into())]));
}
