//! The road from a first installation over an update and back.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::Kind;
use exuvia_helper::{Error, Install, Waiting};
use exuvia_plan::history::Event;
use exuvia_plan::{Consent, InPlaceShape, Phase, Refusal, Shape, StepError};
use std::fs;
use support::{Kit, LAUNCHER, PROGRAM, listing, live, now};

fn events(install: &Install) -> Vec<Event> {
    install.history().unwrap().into_iter().map(|entry| entry.event).collect()
}

fn two_releases(kind: Kind) -> Kit {
    let mut kit = Kit::new();
    kit.kind = kind;
    kit.release("1.0.0", "exit 0");
    kit.release("1.1.0", "exit 0");
    kit
}

#[test]
fn a_versioned_installation_is_updated_by_moving_a_link() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let app = install.path().to_owned();
    assert_eq!(fs::read_to_string(live(&install).join("share/version")).unwrap(), "1.0.0");
    kit.swapped(&install, "1.1.0");
    assert_eq!(
        live(&install).canonicalize().unwrap(),
        app.join("versions/1.1.0").canonicalize().unwrap()
    );
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    let status = install.status().unwrap();
    assert_eq!(status.current().version.to_string(), "1.1.0");
    assert_eq!(status.previous().unwrap().version.to_string(), "1.0.0");
    assert_eq!(
        events(&install),
        [Event::Installed, Event::Staged, Event::Swapped, Event::Committed]
    );
}

#[test]
fn an_updated_tree_is_the_same_as_a_fresh_one() {
    for kind in [Kind::Folder, Kind::Exe] {
        let kit = two_releases(kind);
        let install = kit.versioned("1.0.0");
        kit.swapped(&install, "1.1.0");
        let fresh_at = kit.path().join("fresh");
        let shape = Shape::Versioned { launcher: LAUNCHER.to_owned() };
        kit.try_install(&fresh_at, shape, "1.1.0").unwrap();
        let updated = listing(&install.path().join("versions/1.1.0"), &[]);
        assert_eq!(updated, listing(&fresh_at.join("versions/1.1.0"), &[]));
        assert!(!updated.is_empty());
    }
}

#[test]
fn a_folder_and_a_file_in_place_are_exchanged_and_exchanged_back() {
    for (kind, file) in [(Kind::Folder, "app/share/version"), (Kind::AppImage, "app")] {
        let kit = two_releases(kind);
        let install = kit.in_place("1.0.0");
        let content = || fs::read_to_string(kit.path().join(file)).unwrap();
        let old = content();
        kit.swapped(&install, "1.1.0");
        let trial = install.trial().unwrap().unwrap();
        if kind == Kind::Folder {
            assert_eq!(content(), "1.1.0");
        }
        trial.revert("it fell over", now()).unwrap();
        assert_eq!(content(), old);
        assert_eq!(install.status().unwrap().current().version.to_string(), "1.0.0");
        assert!(!kit.path().join(".app.exuvia/side").exists(), "the bad tree is gone");
    }
}

#[test]
fn only_current_and_previous_are_kept() {
    let mut kit = two_releases(Kind::Folder);
    kit.release("1.2.0", "exit 0");
    let install = kit.versioned("1.0.0");
    for version in ["1.1.0", "1.2.0"] {
        kit.swapped(&install, version);
        install.trial().unwrap().unwrap().confirm(now()).unwrap();
    }
    let mut kept: Vec<_> = fs::read_dir(install.path().join("versions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["1.1.0", "1.2.0"]);
    assert_eq!(fs::read_dir(install.path().join(".exuvia/manifests")).unwrap().count(), 2);
}

#[test]
fn a_manual_rollback_goes_back_once_and_remembers_what_it_left() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    assert!(matches!(install.rollback(now()), Err(Error::Phase(StepError::NoPrevious))));
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert_eq!(install.rollback(now()).unwrap().release().version.to_string(), "1.0.0");
    let digest = kit.bundle("1.1.0").0;
    assert!(install.remembered().unwrap().find(digest).is_some());
    assert!(matches!(
        kit.receive(&install, "1.1.0"),
        Err(Error::Refused(Refusal::RememberedBad { .. }))
    ));
    assert!(matches!(install.rollback(now()), Err(Error::Phase(StepError::NoPrevious))));
}

#[test]
fn a_rollback_during_a_trial_goes_back_to_the_version_before() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    kit.swapped(&install, "1.1.0");
    assert_eq!(install.rollback(now()).unwrap().release().version.to_string(), "1.0.0");
    assert_eq!(*events(&install).last().unwrap(), Event::RolledBack);
    assert!(install.trial().unwrap().is_none());
}

#[test]
fn a_revert_brings_the_kept_version_back_too() {
    let mut kit = two_releases(Kind::Folder);
    kit.release("1.2.0", "exit 0");
    let install = kit.versioned("1.0.0");
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    kit.swapped(&install, "1.2.0");
    install.trial().unwrap().unwrap().revert("it fell over", now()).unwrap();
    let status = install.status().unwrap();
    assert_eq!(status.current().version.to_string(), "1.1.0");
    assert_eq!(status.previous().unwrap().version.to_string(), "1.0.0");
    assert_eq!(install.rollback(now()).unwrap().release().version.to_string(), "1.0.0");
}

#[test]
fn a_rollback_stops_at_what_the_release_calls_safe() {
    let mut kit = Kit::new();
    kit.release("1.0.0", "exit 0");
    kit.release_with("1.1.0", support::ANSWERS, |facts| {
        facts.safe_from = Some("1.0.5".parse().unwrap());
    });
    let install = kit.versioned("1.0.0");
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert!(matches!(install.rollback(now()), Err(Error::Phase(StepError::Unsafe { .. }))));
}

#[test]
fn a_staged_release_waits_over_a_restart_and_can_be_dropped() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let before = listing(install.path(), &[".exuvia"]);
    kit.receive(&install, "1.1.0").unwrap().release();
    let install = Install::open(install.path()).unwrap();
    let Some(Waiting::Staged(staged)) = install.waiting().unwrap() else { panic!("not staged") };
    let qualified = staged.qualify(now()).unwrap();
    assert_eq!(qualified.skipped().is_none(), cfg!(unix), "scripts are no programs on Windows");
    qualified.consent(Consent::OnQuit, now()).unwrap();
    let Some(Waiting::Qualified(waiting)) = install.waiting().unwrap() else { panic!("not kept") };
    waiting.discard(now()).unwrap();
    assert!(install.waiting().unwrap().is_none());
    assert_eq!(listing(install.path(), &[".exuvia"]), before);
}

#[test]
fn the_same_release_is_not_received_twice_and_a_newer_one_replaces_it() {
    let mut kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    kit.receive(&install, "1.1.0").unwrap().release();
    let again = kit.receive_bytes(&install, kit.bundle("1.1.0").0, b"never read").unwrap();
    assert_eq!(again.release().version.to_string(), "1.1.0");
    kit.release("1.2.0", "exit 0");
    kit.receive(&install, "1.2.0").unwrap().release();
    assert!(!install.path().join("versions/1.1.0").exists());
    assert!(install.waiting().unwrap().is_some());
}

#[test]
fn a_withdrawn_release_gives_way_to_an_older_one_that_supersedes_it() {
    let mut kit = two_releases(Kind::Folder);
    let withdrawn = kit.bundle("1.1.0").0;
    let install = kit.versioned("1.0.0");
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    kit.release_with("1.1.1", support::ANSWERS, |facts| facts.supersedes = vec![withdrawn]);
    kit.swapped(&install, "1.1.1");
    assert_eq!(install.status().unwrap().phase.name(), "trial");
}

#[test]
fn what_the_floor_forbids_or_the_publisher_withdrew_is_refused() {
    let mut kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.1.0");
    assert!(matches!(
        kit.receive(&install, "1.0.0"),
        Err(Error::Refused(Refusal::NotNewer { .. }))
    ));
    assert!(matches!(
        kit.receive(&install, "1.1.0"),
        Err(Error::Refused(Refusal::NotNewer { .. }))
    ));
    let bad = kit.release("1.2.0", "exit 0");
    kit.release_with("1.3.0", support::ANSWERS, |facts| {
        facts.supersedes = vec![bad];
        facts.requires.from = Some("1.2.0".parse().unwrap());
    });
    assert!(matches!(
        kit.receive(&install, "1.2.0"),
        Err(Error::Refused(Refusal::Withdrawn { .. }))
    ));
    assert!(matches!(
        kit.receive(&install, "1.3.0"),
        Err(Error::Refused(Refusal::FromTooOld { .. }))
    ));
    let unknown = exuvia_core::Digest::of(b"unknown");
    let received = kit.receive_bytes(&install, unknown, b"");
    assert!(matches!(received, Err(Error::Refused(Refusal::NoSuchRelease { .. }))));
}

#[test]
fn another_kind_is_refused() {
    let mut kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    kit.kind = Kind::Exe;
    kit.release("1.2.0", "exit 0");
    assert!(matches!(
        kit.receive(&install, "1.2.0"),
        Err(Error::Refused(Refusal::WrongKind { .. }))
    ));
}

#[test]
fn a_bundle_that_is_not_the_signed_one_leaves_nothing_behind() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let before = listing(install.path(), &[".exuvia/floors.a", ".exuvia/floors.b"]);
    let (digest, bundle) = kit.bundle("1.1.0");
    let mut flipped = bundle.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let longer = [&bundle[..], &[0; 512]].concat();
    let (_, other) = kit.bundle("1.0.0");
    for bad in [&flipped, &bundle[..bundle.len() - 1].to_vec(), &longer, &other, &Vec::new()] {
        let error = kit.receive_bytes(&install, digest, bad).unwrap_err();
        assert_eq!(error.family(), exuvia_helper::Family::Repository, "{error}");
        let after = listing(install.path(), &[".exuvia/floors.a", ".exuvia/floors.b"]);
        assert_eq!(after, before, "{error}");
    }
    kit.swapped(&install, "1.1.0");
}

#[test]
fn metadata_of_other_keys_is_refused_and_old_metadata_too() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let (digest, bundle) = kit.bundle("1.1.0");
    // An older state of the same repository, and a newer one that was seen here.
    let old = kit.path().join("old");
    fs::create_dir_all(&old).unwrap();
    for entry in fs::read_dir(kit.metadata()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), old.join(entry.file_name())).unwrap();
    }
    let mut kit = kit;
    kit.release("1.2.0", "exit 0");
    kit.receive(&install, "1.2.0").unwrap().discard(now()).unwrap();
    let request =
        |metadata| exuvia_helper::Request { metadata, digest, now: now(), even_if_bad: false };
    let refused = install.receive(&request(&old), &mut |out| out.write_all(&bundle));
    assert!(matches!(refused, Err(Error::Metadata(_))), "{refused:?}");
    let (stranger_kit, ours) = (Kit::new(), kit.metadata());
    let stranger = stranger_kit.metadata();
    let refused = install.receive(&request(&stranger), &mut |out| out.write_all(&bundle));
    assert!(matches!(refused, Err(Error::Metadata(_))), "{refused:?}");
    let late = exuvia_helper::Request { now: now().plus_days(400), ..request(&ours) };
    assert!(matches!(install.receive(&late, &mut |_| Ok(())), Err(Error::Metadata(_))));
}

#[test]
fn floors_rise_with_a_commit_and_not_before() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let application = || {
        let [a, b] = ["a", "b"]
            .map(|copy| fs::read(install.path().join(format!(".exuvia/floors.{copy}"))).unwrap());
        assert_eq!(a, b);
        exuvia_plan::floors::read(Some(&a), None).unwrap().floors.application.unwrap().to_string()
    };
    assert_eq!(application(), "1.0.0");
    kit.swapped(&install, "1.1.0");
    assert_eq!(application(), "1.0.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert_eq!(application(), "1.1.0");
    assert_eq!(install.status().unwrap().floors.application.unwrap().to_string(), "1.1.0");
}

#[test]
fn an_installation_is_found_from_launcher_program_and_side() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let versions = install.path().join("versions/1.0.0");
    for exe in [install.stable_exe(), live(&install).join(PROGRAM), versions.join(PROGRAM)] {
        let found = Install::locate(&exe).unwrap().unwrap();
        assert_eq!(found.path(), install.path(), "{exe:?}");
        assert_eq!(found.stable_exe(), install.path().join(LAUNCHER));
    }
    assert!(Install::locate(&install.path().join("other")).unwrap().is_none());
    assert!(Install::locate(&kit.path().join("metadata")).unwrap().is_none());
    let kit = two_releases(Kind::Folder);
    let install = kit.in_place("1.0.0");
    kit.swapped(&install, "1.1.0");
    for tree in ["app", ".app.exuvia/side"] {
        let found = Install::locate(&kit.path().join(tree).join(PROGRAM)).unwrap().unwrap();
        assert_eq!(found.path(), install.path(), "{tree}");
    }
    assert_eq!(install.stable_exe(), kit.path().join("app").join(PROGRAM));
}

#[test]
#[cfg(unix)]
fn a_state_directory_that_others_may_write_to_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let state = install.path().join(".exuvia");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Install::open(install.path()), Err(Error::Untrusted { .. })));
    assert!(Install::locate(&install.path().join("notes")).unwrap().is_none());
}

#[test]
fn a_foreign_folder_is_not_installed_over() {
    let kit = two_releases(Kind::Folder);
    let app = kit.path().join("app");
    fs::create_dir(&app).unwrap();
    fs::write(app.join("mine"), "precious").unwrap();
    let shapes = [
        Shape::Versioned { launcher: "notes".to_owned() },
        Shape::InPlace { shape: InPlaceShape::Folder, name: "app".to_owned() },
    ];
    for shape in shapes {
        let refused = kit.try_install(&app, shape, "1.0.0");
        assert!(matches!(refused, Err(Error::Occupied { .. })), "{refused:?}");
    }
    assert_eq!(listing(&app, &[]).len(), 1);
    assert!(!kit.path().join(".app.exuvia").exists());
}

#[test]
fn an_installation_is_not_installed_over() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let shape = install.layout().shape.clone();
    let refused = kit.try_install(install.path(), shape, "1.1.0");
    assert!(matches!(refused, Err(Error::Occupied { .. })), "{refused:?}");
}

#[test]
fn uninstalling_removes_what_is_ours_and_names_the_rest() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let (app, mine) = (install.path().to_owned(), install.path().join("mine"));
    fs::write(&mine, "precious").unwrap();
    assert_eq!(install.uninstall().unwrap().left, std::slice::from_ref(&mine));
    assert_eq!(listing(&app, &[]).len(), 1);
    for kind in [Kind::Folder, Kind::AppImage] {
        let kit = two_releases(kind);
        let install = kit.in_place("1.0.0");
        assert!(install.uninstall().unwrap().left.is_empty());
        assert!(!kit.path().join("app").exists() && !kit.path().join(".app.exuvia").exists());
    }
}

#[test]
fn files_beside_the_version_are_left_alone_and_not_carried_over() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    fs::write(install.path().join("versions/1.0.0/extra"), "x").unwrap();
    fs::create_dir(install.path().join("versions/notes-of-mine")).unwrap();
    kit.swapped(&install, "1.1.0");
    install.trial().unwrap().unwrap().confirm(now()).unwrap();
    assert!(install.path().join("versions/1.0.0/extra").exists());
    assert!(!install.path().join("versions/1.1.0/extra").exists());
    assert!(install.path().join("versions/notes-of-mine").exists());
}

#[test]
fn damaged_and_newer_state_is_told_apart_and_left_alone() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let journal = install.path().join(".exuvia/journal");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, &text[..40]).unwrap();
    assert!(matches!(install.recover(now()), Err(Error::Record { .. })));
    assert_eq!(fs::read_to_string(&journal).unwrap(), text[..40]);
    fs::remove_file(&journal).unwrap();
    assert!(matches!(install.status(), Err(Error::Unfinished { .. })));
}

#[test]
fn a_second_updater_leaves_at_once() {
    let kit = two_releases(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let (digest, bundle) = kit.bundle("1.1.0");
    let metadata = kit.metadata();
    let request =
        exuvia_helper::Request { metadata: &metadata, digest, now: now(), even_if_bad: false };
    let staged = install.receive(&request, &mut |out| {
        let other = Install::open(install.path()).unwrap();
        let busy = other.receive(&request, &mut |_| Ok(()));
        assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
        out.write_all(&bundle)
    });
    assert_eq!(staged.unwrap().release().digest, digest);
    assert!(matches!(install.status().unwrap().phase, Phase::Staged { qualified: false, .. }));
}
