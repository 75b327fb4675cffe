//! No link leads out of the directory.

use std::os::unix::fs::symlink;

use crate::tests::{names, sandbox};
use crate::{Dir, FileKind, Kind};

#[test]
fn a_link_is_refused_as_a_file_as_a_directory_and_on_the_way() {
    let (folder, dir) = sandbox();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    symlink(outside.path(), folder.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
    assert_eq!(dir.read("file", 64).unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(dir.read("out/secret", 64).unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(dir.subdir("out").unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(dir.write("out/new", b"").unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(dir.rename("file", "out/moved").unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(dir.remove_tree("out/secret").unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(names(&Dir::open(outside.path()).unwrap()), ["secret"]);
}

#[test]
fn a_dangling_link_in_the_place_of_a_new_file_is_refused() {
    let (folder, dir) = sandbox();
    let target = folder.path().join("elsewhere");
    symlink(&target, folder.path().join("new")).unwrap();
    assert_eq!(dir.create_file("new", false).unwrap_err().kind(), Kind::Exists);
    assert!(!target.exists());
}

#[test]
fn writing_over_a_link_replaces_the_link_and_not_what_it_points_to() {
    let (folder, dir) = sandbox();
    std::fs::write(folder.path().join("kept"), b"kept").unwrap();
    symlink("kept", folder.path().join("state")).unwrap();
    dir.write("state", b"new").unwrap();
    assert_eq!(dir.metadata("state").unwrap().unwrap().kind, FileKind::File);
    assert_eq!(dir.read("kept", 64).unwrap().unwrap(), b"kept");
}

#[test]
fn removing_a_tree_removes_links_and_not_what_they_point_to() {
    let (folder, dir) = sandbox();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("kept"), b"").unwrap();
    dir.create_dir("tree").unwrap();
    symlink(outside.path(), folder.path().join("tree/out")).unwrap();
    dir.remove_tree("tree").unwrap();
    assert!(names(&dir).is_empty());
    assert_eq!(names(&Dir::open(outside.path()).unwrap()), ["kept"]);
}

#[test]
fn a_fifo_is_refused_without_waiting_for_a_writer() {
    let (folder, dir) = sandbox();
    let name = folder.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &name, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(dir.read("fifo", 64).unwrap_err().kind(), Kind::WrongPath);
    assert_eq!(dir.entries().unwrap()[0].kind, FileKind::Special);
}

#[test]
fn the_handle_stays_in_its_directory_when_the_path_is_replaced() {
    let (folder, dir) = sandbox();
    let inner = dir.create_dir("app").unwrap();
    dir.rename("app", "moved").unwrap();
    dir.create_dir("app").unwrap();
    inner.write("x", b"").unwrap();
    assert!(folder.path().join("moved/x").exists());
    assert!(!folder.path().join("app/x").exists());
}
