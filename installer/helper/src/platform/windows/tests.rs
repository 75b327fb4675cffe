//! What can be asked of any machine.

use super::*;
use crate::platform::{Finished, code_and_signal, run};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::ConvertStringSecurityDescriptorToSecurityDescriptorW;
use windows_sys::Win32::Security::{DACL_SECURITY_INFORMATION, SetFileSecurityW};

#[test]
fn paths_are_given_as_people_write_them() {
    let plain = |path: &str| plain(path.as_ref());
    assert_eq!(plain(r"\\?\C:\Notes\notes.exe"), Some(r"C:\Notes\notes.exe".into()));
    assert_eq!(plain(r"\\?\UNC\host\share\notes"), Some(r"\\host\share\notes".into()));
    assert_eq!(plain(r"\\?\Volume{0}\notes"), None);
    assert_eq!(plain(&format!(r"\\?\C:\{}", "n".repeat(260))), None);
}

#[test]
fn nonces_differ_and_have_their_length() {
    let (one, other) = (nonce(), nonce());
    assert_eq!((one.len(), other.len()), (32, 32));
    assert_ne!(one, other);
}

#[test]
fn what_this_user_made_is_trusted_and_what_everybody_may_write_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    check_owner(&state, folder.path()).unwrap();
    check_own_program().unwrap();
    assert!(!is_machines(&state) || !is_root());
    allow(&state, "D:(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;WD)");
    check_owner(&state, folder.path()).unwrap();
    allow(&state, "D:(A;OICI;FA;;;SY)(A;OICI;FA;;;WD)");
    check_owner(&state, folder.path()).unwrap_err();
    fs::write(folder.path().join("file"), b"").unwrap();
    check_owner(&folder.path().join("file"), folder.path()).unwrap_err();
}

/// Sets an access list, in the language of such lists.
fn allow(path: &Path, list: &str) {
    let (list, mut found) = (wide(list.as_ref()), null_mut());
    // SAFETY: the texts end in a zero; what was made of the list is given back.
    unsafe {
        let (text, into) = (list.as_ptr(), &raw mut found);
        let made = ConvertStringSecurityDescriptorToSecurityDescriptorW(text, 1, into, null_mut());
        assert_ne!(made, 0);
        let set = SetFileSecurityW(wide(path).as_ptr(), DACL_SECURITY_INFORMATION, found);
        LocalFree(found);
        assert_ne!(set, 0);
    }
}

/// Not a test, unless it is started so: starts another one and waits.
#[test]
fn the_program_that_hangs() {
    let Some(how) = std::env::var_os(HANGS) else { return };
    println!("hanging");
    let pause = Duration::from_secs(60);
    if how == "with a child" {
        drop(hanging("alone").stdout(Stdio::inherit()).spawn().unwrap());
    }
    std::thread::sleep(pause);
}

#[test]
fn a_program_that_hangs_is_ended_with_what_it_started() {
    let begun = Instant::now();
    let limit = Duration::from_secs(3);
    let finished = run(&mut hanging("with a child"), RunAs::Myself, limit, 1024).unwrap();
    assert!(matches!(finished, Finished::TimedOut), "{finished:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_program_is_told_by_how_it_ends_and_what_it_says() {
    let mut list = Command::new(std::env::current_exe().unwrap());
    list.args(["--list", "--format", "terse"]);
    let finished = run(&mut list, RunAs::Myself, Duration::from_secs(20), 1 << 20).unwrap();
    let Finished::Ended { status, output, .. } = finished else { panic!("{finished:?}") };
    assert_eq!(code_and_signal(status), (Some(0), None));
    assert!(String::from_utf8_lossy(&output).contains("the_program_that_hangs: test"));
    let mut wrong = Command::new(std::env::current_exe().unwrap());
    wrong.arg("--no-such-option");
    let finished = run(&mut wrong, RunAs::Myself, Duration::from_secs(20), 1 << 20).unwrap();
    let Finished::Ended { status, errors, .. } = finished else { panic!("{finished:?}") };
    assert!(status.code().is_some_and(|code| code != 0) && !errors.is_empty());
}

#[test]
fn what_is_no_program_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("notes.exe");
    fs::write(&program, b"not a program").unwrap();
    let error =
        run(&mut Command::new(program), RunAs::Myself, Duration::from_secs(5), 1).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
}

fn hanging(how: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "platform::windows::tests::the_program_that_hangs"]);
    command.env(HANGS, how);
    command
}

const HANGS: &str = "EXUVIA_TEST_HANGS";
