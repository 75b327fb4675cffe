//! What Windows alone has: files in use, a mark of being read only, streams.

use std::fs::{self, OpenOptions};
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::tests::{names, sandbox};
use crate::{Dir, Kind};

#[test]
fn a_file_that_somebody_has_open_for_a_moment_is_replaced_after_it() {
    let (folder, dir) = sandbox();
    dir.write("journal", b"old").unwrap();
    let path = folder.path().join("journal");
    let open = || OpenOptions::new().read(true).share_mode(0).open(&path).unwrap();
    let scanner = open();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            drop(scanner);
        });
        dir.write("journal", b"new").unwrap();
    });
    assert_eq!(dir.read("journal", 64).unwrap().unwrap(), b"new");
    let _forever = open();
    assert!(dir.write("journal", b"newer").is_err());
    assert_ne!(dir.rename("journal", "free").unwrap_err().kind(), Kind::NotFound);
    assert_eq!(names(&dir), ["journal"]);
}

#[test]
fn what_is_marked_read_only_is_replaced_and_removed_all_the_same() {
    let (folder, dir) = sandbox();
    for name in ["replaced", "tree/removed"] {
        fs::create_dir_all(folder.path().join("tree")).unwrap();
        dir.write(name, b"old").unwrap();
        mark(&folder.path().join(name));
    }
    dir.write("replaced", b"new").unwrap();
    assert_eq!(dir.read("replaced", 64).unwrap().unwrap(), b"new");
    dir.remove_tree("tree").unwrap();
    assert_eq!(names(&dir), ["replaced"]);
}

fn mark(path: &Path) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn a_name_does_not_lead_into_a_stream() {
    let (_folder, dir) = sandbox();
    dir.write("file", b"").unwrap();
    for name in ["file:stream", "file::$DATA", "C:file", "\\\\?\\C:\\file", "a\u{1}b"] {
        assert_eq!(dir.write(name, b"").unwrap_err().kind(), Kind::WrongPath, "{name}");
    }
    assert_eq!(names(&dir), ["file"]);
}

/// Waits for its input to end: not a test, unless it was copied and started so.
#[test]
fn the_program_that_runs() {
    if std::env::var_os(WAITS).is_some() {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
}

#[test]
fn a_program_that_runs_gives_way_to_the_one_that_replaces_it() {
    let (_folder, dir) = sandbox();
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    dir.write_executable("notes.exe", &program).unwrap();
    let first = start(&dir);
    dir.write_executable("notes.exe", &program).unwrap();
    assert_eq!(names(&dir), [".exuvia-tmp-aside-0-notes.exe", "notes.exe"]);
    let second = start(&dir);
    dir.write_executable("notes.exe", b"third").unwrap();
    assert_eq!(dir.read("notes.exe", 64).unwrap().unwrap(), b"third");
    assert_eq!(names(&dir).len(), 3, "both still run");
    end(first);
    end(second);
    dir.sweep().unwrap();
    assert_eq!(names(&dir), ["notes.exe"]);
}

fn start(dir: &Dir) -> Child {
    let mut command = Command::new(dir.path().join("notes.exe"));
    command.args(["--exact", "platform::windows::tests::the_program_that_runs"]).env(WAITS, "1");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

const WAITS: &str = "EXUVIA_TEST_WAITS";
