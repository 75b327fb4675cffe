//! What a kill, a full disk or a failing device leaves behind.

use std::io;
use std::path::Path;

use super::{names, sandbox};
use crate::faults::{Fault, Faults};
use crate::platform::{POINTERS, Pointers, errors};
use crate::{Dir, Error, Kind, Staging, Step};

#[test]
fn a_write_flushes_the_file_before_the_rename_and_the_directory_after() {
    let (_folder, dir) = sandbox();
    let faults = Faults::record();
    dir.write("journal", b"bytes").unwrap();
    let steps: Vec<Step> = faults.steps().into_iter().map(|(step, _)| step).collect();
    use Step::{Create, Flush, Rename, SetMode, Write};
    assert_eq!(steps, [Create, Write, SetMode, Flush, Rename, Flush]);
    let paths: Vec<_> = faults.steps().into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths[3], paths[0], "the first flush is of the temporary file");
    assert_eq!(paths[5], dir.path(), "the last flush is of the directory");
}

#[test]
fn a_kill_at_any_step_of_a_write_leaves_the_old_or_the_new_bytes() {
    for fault in [Fault::Stop, Fault::Tear] {
        let mut n = 0;
        loop {
            let (_folder, dir) = sandbox();
            dir.write("journal", b"old").unwrap();
            let faults = Faults::here(n, fault);
            let result = dir.write("journal", b"new bytes");
            let struck = faults.struck();
            drop(faults);
            let found = dir.read("journal", 64).unwrap().unwrap();
            if !struck {
                assert_eq!((result.is_ok(), found.as_slice()), (true, b"new bytes".as_slice()));
                break;
            }
            assert!(result.is_err(), "a write that did not end is no success");
            assert!(found == b"old" || found == b"new bytes", "torn: {found:?}");
            dir.sweep().unwrap();
            assert_eq!(names(&dir), ["journal"]);
            n += 1;
        }
        assert_eq!(n, 6);
    }
}

#[test]
fn a_full_disk_leaves_the_old_bytes_and_no_rubbish() {
    for n in 0..4 {
        let (_folder, dir) = sandbox();
        dir.write("journal", b"old").unwrap();
        let _faults = Faults::here(n, Fault::Errno(errors::DISK_FULL));
        let error = dir.write("journal", b"new").unwrap_err();
        assert_eq!(error.kind(), Kind::DiskFull);
        assert_eq!(dir.read("journal", 64).unwrap().unwrap(), b"old");
        assert_eq!(names(&dir), ["journal"]);
    }
}

#[test]
fn a_failed_flush_is_a_failure_and_not_tried_again() {
    let (_folder, dir) = sandbox();
    dir.write("journal", b"old").unwrap();
    let faults = Faults::here(3, Fault::Errno(errors::DEVICE));
    let error = dir.write("journal", b"new").unwrap_err();
    assert_eq!((error.step, error.kind()), (Step::Flush, Kind::Io));
    let flushes = faults.steps().iter().filter(|(step, _)| *step == Step::Flush).count();
    assert_eq!(flushes, 1);
    assert_eq!(dir.read("journal", 64).unwrap().unwrap(), b"old");
}

#[test]
fn an_abandoned_replacement_changes_nothing() {
    let (_folder, dir) = sandbox();
    dir.write("journal", b"old").unwrap();
    let mut replacement = dir.replace("journal", false).unwrap();
    replacement.write_all(b"half of the n").unwrap();
    drop(replacement);
    assert_eq!(dir.read("journal", 64).unwrap().unwrap(), b"old");
    assert_eq!(names(&dir), ["journal"]);
}

pub(crate) fn fill(dir: &Dir) -> Result<Dir, Error> {
    filled(dir)?.finish()
}

fn filled(dir: &Dir) -> Result<Staging, Error> {
    let tree = dir.stage("1.0.0")?;
    tree.dir("bin")?;
    tree.write("bin/notes", true, b"program")?;
    tree.write("readme", false, b"text")?;
    if LINKS {
        tree.link("notes", "bin/notes")?;
    }
    Ok(tree)
}

#[test]
fn a_finished_tree_has_flushed_every_file_and_directory_after_its_last_change() {
    let (_folder, dir) = sandbox();
    let faults = Faults::record();
    filled(&dir).unwrap().finish_with(|_| Ok(false)).unwrap();
    let steps = faults.steps();
    let names = [Step::Create, Step::CreateDir, Step::Link];
    let contents = [Step::Create, Step::CreateDir, Step::Write, Step::SetMode];
    for (i, (step, path)) in steps.iter().enumerate() {
        let flushed =
            |p: &Path| steps[i + 1..].iter().any(|later| later.0 == Step::Flush && later.1 == p);
        assert!(!contents.contains(step) || flushed(path), "{step:?} {path:?}");
        let parent = path.parent().unwrap();
        assert!(!names.contains(step) || flushed(parent), "{step:?} parent of {path:?}");
    }
}

#[test]
fn one_flush_of_all_comes_after_the_last_change() {
    let (_folder, dir) = sandbox();
    let faults = Faults::record();
    let tree = filled(&dir).unwrap();
    let before = faults.steps().len();
    tree.finish_with(|_| Ok(true)).unwrap();
    let root = dir.path().join("1.0.0");
    let steps = [Step::Flush, Step::SetMode, Step::Flush].map(|step| (step, root.clone()));
    assert_eq!(faults.steps()[before..], steps, "all, the root's mode, and that");
}

#[test]
fn a_failure_that_one_flush_of_all_tells_is_a_failure() {
    let (_folder, dir) = sandbox();
    let told = filled(&dir)
        .unwrap()
        .finish_with(|_| Err(io::Error::from_raw_os_error(errors::DEVICE)))
        .unwrap_err();
    assert_eq!((told.step, told.kind()), (Step::Flush, Kind::Io));
}

#[test]
fn a_tree_is_staged_only_where_nothing_stands() {
    let (_folder, dir) = sandbox();
    dir.create_dir("1.0.0").unwrap();
    assert_eq!(fill(&dir).unwrap_err().kind(), Kind::Exists);
    let tree = dir.stage("2.0.0").unwrap();
    tree.write("a", false, b"1").unwrap();
    assert_eq!(tree.write("a", false, b"2").unwrap_err().kind(), Kind::Exists);
}

#[test]
fn a_kill_while_removing_leaves_something_that_can_be_removed() {
    let mut n = 0;
    loop {
        let (_folder, dir) = sandbox();
        fill(&dir).unwrap();
        let faults = Faults::here(n, Fault::Stop);
        let result = dir.remove_tree("1.0.0");
        let struck = faults.struck();
        drop(faults);
        dir.remove_tree("1.0.0").unwrap();
        assert!(names(&dir).is_empty());
        if !struck {
            result.unwrap();
            break;
        }
        assert!(result.is_err());
        n += 1;
    }
    assert_eq!(n, 5 + usize::from(LINKS), "two files, a link, two directories, one flush");
}

#[test]
fn a_fault_strikes_on_every_thread_when_asked() {
    let (_folder, dir) = sandbox();
    let faults = Faults::everywhere(0, Fault::Errno(errors::READ_ONLY));
    let error = std::thread::scope(|s| s.spawn(|| dir.write("a", b"")).join().unwrap());
    assert_eq!(error.unwrap_err().kind(), Kind::ReadOnly);
    assert!(faults.struck());
    drop(faults);
    dir.write("a", b"").unwrap();
}

/// Where users may not make links, there are none in trees.
const LINKS: bool = matches!(POINTERS, Pointers::Links);
