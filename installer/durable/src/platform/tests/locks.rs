//! Locks through `exec`, and of files that others may not write.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::tests::sandbox;
use crate::{Kind, Lock};

#[test]
fn a_kept_lock_is_held_by_the_program_that_follows_and_free_when_it_is_gone() {
    for (keep, expected_free) in [(true, false), (false, true)] {
        let (_folder, dir) = sandbox();
        let mut lock = Lock::try_shared(&dir, "lock").unwrap().unwrap();
        if keep {
            lock.keep_across_exec().unwrap();
        }
        let mut cat = Command::new("cat");
        let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // `spawn` may return before the child's descriptors are closed; an echo comes after.
        child.stdin.as_mut().unwrap().write_all(b".").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        drop(lock);
        assert_eq!(Lock::try_exclusive(&dir, "lock").unwrap().is_some(), expected_free);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(Lock::try_exclusive(&dir, "lock").unwrap().is_some());
    }
}

#[test]
fn a_dropped_lock_is_free_although_a_child_still_has_a_copy_of_its_file() {
    let (_folder, dir) = sandbox();
    let lock = Lock::try_exclusive(&dir, "lock").unwrap().unwrap();
    let _copy = lock.file.try_clone().unwrap();
    drop(lock);
    assert!(Lock::try_exclusive(&dir, "lock").unwrap().is_some());
}

#[test]
fn a_lock_file_that_may_not_be_written_can_still_be_locked() {
    let (folder, dir) = sandbox();
    let held = Lock::try_exclusive(&dir, "lock").unwrap();
    let set = |name, mode| std::fs::set_permissions(name, Permissions::from_mode(mode)).unwrap();
    set(folder.path().join("lock"), 0o444);
    set(folder.path().to_owned(), 0o755);
    as_nobody(|| assert!(Lock::try_shared(&dir, "lock").unwrap().is_none()));
    drop(held);
    as_nobody(|| assert!(Lock::try_shared(&dir, "lock").unwrap().is_some()));
    as_nobody(|| {
        let error = Lock::try_shared(&dir, "missing").unwrap_err();
        assert_eq!(error.kind(), Kind::Permission);
    });
}

/// Runs on a thread that has given up root, if it is root: to whom nothing is unwritable.
fn as_nobody(act: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
            }
            act();
        });
        thread.join().unwrap();
    });
}

#[test]
fn a_lock_may_be_shared_by_every_user_whatever_the_umask() {
    let (folder, dir) = sandbox();
    let path = folder.path().join("lock");
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    drop(Lock::try_exclusive(&dir, "lock").unwrap());
    assert_eq!(super::mode(path), 0o644);
}
