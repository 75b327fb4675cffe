//! What a helper refuses and keeps that may have more rights than who asks it. Most of it needs root, who
//! alone can make a file somebody else's.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::Kind;
use exuvia_helper::{Error, Install, is_root};
use exuvia_plan::{InPlaceShape, Shape};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{Kit, launch, now};

const NOBODY: u32 = 65_534;

fn kit(kind: Kind) -> Kit {
    let mut kit = Kit::new();
    kit.kind = kind;
    let lines = kit.says("started");
    kit.release("1.0.0", &lines);
    kit.release("1.1.0", &lines);
    kit
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Whether this process can make a file somebody else's.
fn as_root() -> bool {
    if !is_root() {
        println!("skipped: needs root");
    }
    is_root()
}

/// The helper in a folder of its own, to be started from there.
fn helper(kit: &Kit) -> PathBuf {
    let folder = kit.path().join("libexec");
    fs::create_dir(&folder).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_exuvia-helper"), folder.join("helper")).unwrap();
    folder.join("helper")
}

fn recover(helper: &Path, install: &Install) -> Output {
    let args = [OsStr::new("recover"), OsStr::new("--install"), install.path().as_os_str()];
    Command::new(helper).args(args).output().unwrap()
}

#[test]
fn a_helper_that_others_could_have_exchanged_does_nothing() {
    let kit = kit(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let helper = helper(&kit);
    let folder = helper.parent().unwrap().to_owned();
    assert!(recover(&helper, &install).status.success());
    for (path, bits) in [(&folder, 0o777), (&folder, 0o757), (&helper, 0o777), (&helper, 0o757)] {
        let before = fs::metadata(path).unwrap().mode();
        mode(path, bits);
        let refused = recover(&helper, &install);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{} {bits:o}", path.display());
        assert!(said.contains("others may write to it"), "{said}");
        mode(path, before);
    }
    assert!(recover(&helper, &install).status.success());
    // As in /tmp: others may put something there, and not exchange what is there.
    mode(&folder, 0o1777);
    assert!(recover(&helper, &install).status.success());
}

#[test]
fn a_users_own_group_is_not_others_and_another_one_is() {
    if !as_root() {
        return;
    }
    let kit = kit(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let helper = helper(&kit);
    let (folder, state) = (helper.parent().unwrap(), install.path().join(".exuvia"));
    mode(folder, 0o775);
    mode(&state, 0o770);
    assert!(recover(&helper, &install).status.success(), "the group is root's own");
    chown(folder, None, Some(NOBODY)).unwrap();
    assert_eq!(recover(&helper, &install).status.code(), Some(1));
    chown(folder, None, Some(0)).unwrap();
    chown(&state, None, Some(NOBODY)).unwrap();
    let refused = recover(&helper, &install);
    assert_eq!(refused.status.code(), Some(1));
    assert!(matches!(Install::open(install.path()), Err(Error::Untrusted { .. })));
    mode(&state, 0o700);
    assert!(recover(&helper, &install).status.success(), "that group may not write");
    chown(folder, Some(NOBODY), None).unwrap();
    assert_eq!(recover(&helper, &install).status.code(), Some(1), "the folder is a stranger's");
    assert_eq!(launch(&install), Some(0), "the application starts all the same");
}

#[test]
fn a_state_folder_that_a_stranger_put_there_first_is_not_installed_into() {
    if !as_root() {
        return;
    }
    let kit = kit(Kind::Folder);
    let shared = kit.path().join("shared");
    fs::create_dir(&shared).unwrap();
    mode(&shared, 0o1777);
    for open in [false, true] {
        let state = shared.join(".app.exuvia");
        fs::create_dir(&state).unwrap();
        if open {
            mode(&state, 0o777);
        } else {
            chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let shape = Shape::InPlace { shape: InPlaceShape::Folder, name: "app".to_owned() };
        let refused = kit.try_install(&shared.join("app"), shape, "1.0.0");
        assert!(matches!(refused, Err(Error::Untrusted { .. })), "{refused:?}");
        assert_eq!(state.read_dir().unwrap().count(), 0, "nothing was written there");
        assert!(!shared.join("app").exists());
        fs::remove_dir(state).unwrap();
    }
}

/// Everything beneath a folder that is no link.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata().unwrap() {
            it if it.is_dir() => found.extend(all(&path)),
            it if it.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn what_root_installs_is_roots_whoever_gave_it() {
    if !as_root() {
        return;
    }
    let kit = kit(Kind::Folder);
    let install = kit.versioned("1.0.0");
    let given = kit.path().join("given");
    fs::create_dir(&given).unwrap();
    fs::write(given.join("bundle"), kit.bundle("1.1.0").1).unwrap();
    mode(&given.join("bundle"), 0o4777);
    for path in all(&given).into_iter().chain(all(&kit.metadata())) {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let digest = kit.bundle("1.1.0").0.to_string();
    let (metadata, bundle) = (kit.metadata(), given.join("bundle"));
    let mut helper = Command::new(env!("CARGO_BIN_EXE_exuvia-helper"));
    helper.arg("receive").arg("--install").arg(install.path()).arg("--metadata").arg(metadata);
    let received = helper.arg("--bundle").arg(bundle).args(["--digest", &digest]).output().unwrap();
    assert!(received.status.success(), "{received:?}");
    for path in all(install.path()) {
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), (0, 0), "{}", path.display());
        assert_eq!(found.mode() & 0o7022, 0, "{}: {:o}", path.display(), found.mode());
    }
}

#[test]
fn rights_that_were_added_to_a_program_are_not_inherited() {
    let kit = kit(Kind::AppImage);
    let install = kit.in_place("1.0.0");
    mode(install.path(), 0o6755);
    kit.swapped(&install, "1.1.0");
    assert_eq!(fs::metadata(install.path()).unwrap().mode() & 0o7777, 0o755);
}

/// The label of a file, as the security module's attribute has it.
fn label(path: &Path) -> Option<String> {
    let mut value = [0; 64];
    let length = rustix::fs::getxattr(path, LABEL, &mut value).ok()?;
    String::from_utf8(value[..length].to_vec()).ok()
}

fn set_label(path: &Path, label: &str) -> bool {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(path, LABEL, label.as_bytes(), flags).is_ok()
}

const LABEL: &str = "security.selinux";

#[test]
fn labels_are_carried_over_in_every_layout() {
    for (kind, in_place) in [(Kind::Folder, false), (Kind::Folder, true), (Kind::AppImage, true)] {
        let kit = kit(kind);
        let install = if in_place { kit.in_place("1.0.0") } else { kit.versioned("1.0.0") };
        let live = |name: &str| match (kind, in_place) {
            (Kind::Folder, false) => install.path().join("current").join(name),
            (Kind::Folder, true) => install.path().join(name),
            _ => install.path().to_owned(),
        };
        let names: &[&str] = if kind == Kind::Folder { &["", "bin", "bin/notes"] } else { &[""] };
        let wanted = |name: &str| format!("system_u:object_r:notes_{}_t:s0", name.len());
        for name in names {
            if !set_label(&live(name), &wanted(name)) {
                println!("skipped: needs a file system with labels, and the right to set them");
                return;
            }
        }
        kit.swapped(&install, "1.1.0");
        install.trial().unwrap().unwrap().confirm(now()).unwrap();
        for name in names {
            assert_eq!(label(&live(name)).as_deref(), Some(&*wanted(name)), "{kind} {name}");
        }
        if kind == Kind::Folder {
            assert_eq!(label(&live("share/version")), None, "what had none gets none");
        }
    }
}
