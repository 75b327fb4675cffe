//! A single program that its user brought here: taken over as it stands, cut off anywhere, and replaced by
//! hand afterwards.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::{Digest, Kind};
use exuvia_durable::faults::{Fault, Faults};
use exuvia_helper::{Adoption, Error, Install, Startup, at_startup};
use exuvia_plan::{Consent, Phase, Qualify};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use support::{ANSWERS, Kit, now};

fn kit() -> Kit {
    let mut kit = Kit::in_memory();
    kit.kind = Kind::AppImage;
    kit.qualify = Qualify::No;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        kit.release(version, "exit 0");
    }
    kit
}

/// Puts the program of a version there, as a browser would.
fn put(kit: &Kit, version: &str) -> PathBuf {
    let path = kit.path().join("My Notes (1).AppImage");
    let _ = fs::remove_file(&path);
    fs::write(&path, format!("{ANSWERS}exit 0\n# {version}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn adopt(kit: &Kit, path: &Path, released_as: &str) -> Result<Install, Error> {
    Install::adopt(&Adoption {
        path,
        released_as,
        version: &"1.0.0".parse().unwrap(),
        kind: Kind::AppImage,
        platform: &support::platform(),
        config: &kit.config(),
        facts: None,
        now: now(),
    })
}

fn current(install: &Install) -> (String, Digest) {
    let status = install.status().unwrap();
    (status.current().version.to_string(), status.current().digest)
}

#[test]
fn what_was_released_is_known_by_its_bundle_and_goes_on_and_back() {
    let kit = kit();
    let path = put(&kit, "1.0.0");
    let before = fs::read(&path).unwrap();
    let install = adopt(&kit, &path, "notes").unwrap();
    assert_eq!(current(&install), ("1.0.0".to_owned(), kit.bundle("1.0.0").0));
    assert!(matches!(at_startup(&path, &[]), Startup::Ready(_)));
    assert!(matches!(adopt(&kit, &path, "notes"), Err(Error::Occupied { .. })));
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("# 1.1.0"));
    install.rollback(now()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn under_another_name_it_is_what_nobody_signed_and_goes_on_all_the_same() {
    let kit = kit();
    let install = adopt(&kit, &put(&kit, "1.0.0"), "letters").unwrap();
    assert_ne!(current(&install).1, kit.bundle("1.0.0").0);
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert_eq!(current(&install), ("1.1.0".to_owned(), kit.bundle("1.1.0").0));
}

#[test]
fn cut_off_at_any_step_there_is_an_installation_or_none_and_never_half_of_one() {
    let kit = kit();
    let path = put(&kit, "1.0.0");
    let state = kit.path().join(".My Notes (1).AppImage.exuvia");
    let steps = {
        let faults = Faults::record();
        adopt(&kit, &path, "notes").unwrap();
        faults.steps().len()
    };
    assert!(steps > 10, "{steps} steps");
    for n in 0..steps {
        for fault in [Fault::Stop, Fault::Tear, Fault::Errno(28)] {
            fs::remove_dir_all(&state).unwrap();
            let faults = Faults::here(n, fault);
            let _ = adopt(&kit, &path, "notes");
            assert!(faults.struck(), "step {n}, {fault:?}");
            drop(faults);
            let install = match Install::locate(&path).unwrap() {
                Some(install) => install,
                None => adopt(&kit, &path, "notes").unwrap(),
            };
            assert_eq!(current(&install).0, "1.0.0", "step {n}, {fault:?}");
            assert!(matches!(at_startup(&path, &[]), Startup::Ready(_)), "step {n}, {fault:?}");
        }
    }
}

#[test]
fn what_is_put_there_by_hand_is_not_swapped_away_and_is_the_installed_version() {
    let kit = kit();
    let path = put(&kit, "1.0.0");
    let install = adopt(&kit, &path, "notes").unwrap();
    kit.qualified(&install, "1.1.0").consent(Consent::OnQuit, now()).unwrap();
    put(&kit, "1.3.0");
    assert!(matches!(at_startup(&path, &[]), Startup::Ready(_)));
    assert!(fs::read_to_string(&path).unwrap().contains("# 1.3.0"));
    install.replaced_by_hand(&"1.3.0".parse().unwrap(), now()).unwrap();
    assert_eq!(current(&install).0, "1.3.0");
    let phase = install.status().unwrap().phase;
    assert!(matches!(phase, Phase::Settled { previous: None, .. }), "{phase:?}");
    assert!(matches!(kit.receive(&install, "1.2.0"), Err(Error::Refused(_))), "that is older");
    // Said of the installed file itself it changes nothing.
    install.replaced_by_hand(&"9.9.9".parse().unwrap(), now()).unwrap();
    assert_eq!(current(&install).0, "1.3.0");
}
