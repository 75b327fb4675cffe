//! Starting a program with less than this process may do: without the rights of an administrator. The
//! standard library starts programs with all rights of its process only.

use super::access;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::process::Command;
use std::ptr::{null, null_mut};
use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::Security::{
    CreateRestrictedToken, CreateWellKnownSid, DISABLE_MAX_PRIVILEGE, LUA_TOKEN,
    SID_AND_ATTRIBUTES, SetTokenInformation, TOKEN_ADJUST_DEFAULT, TOKEN_ASSIGN_PRIMARY,
    TOKEN_DUPLICATE, TOKEN_MANDATORY_LABEL, TOKEN_QUERY, TokenIntegrityLevel, WinMediumLabelSid,
};
use windows_sys::Win32::System::Pipes::CreatePipe;
use windows_sys::Win32::System::Threading::{
    CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, GetCurrentProcess, OpenProcessToken,
    PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOW,
};

/// A program that was started, and what it prints.
pub(super) struct Started {
    pub(super) process: OwnedHandle,
    pub(super) stdout: File,
    pub(super) stderr: File,
}

/// Starts a program with its arguments and environment, in a folder; nothing is on its standard input.
pub(super) fn start(command: &Command, folder: &OsStr, flags: u32) -> io::Result<Started> {
    let token = limited_token()?;
    let (stdout, its_stdout) = pipe()?;
    let (stderr, its_stderr) = pipe()?;
    let program = ended(command.get_program());
    let (mut line, environment) = (command_line(command)?, environment(command));
    let folder = ended(folder);
    let begin = STARTUPINFOW {
        cb: u32::try_from(size_of::<STARTUPINFOW>()).unwrap_or(0),
        dwFlags: STARTF_USESTDHANDLES,
        hStdOutput: its_stdout.as_raw_handle(),
        hStdError: its_stderr.as_raw_handle(),
        ..STARTUPINFOW::default()
    };
    let mut started = PROCESS_INFORMATION::default();
    // SAFETY: all text ends in a zero, the environment in two; the line may be written to; the handles
    // are open and may be inherited; what is begun with has its length; the answer is written to.
    let done = unsafe {
        CreateProcessAsUserW(
            token.as_raw_handle(),
            program.as_ptr(),
            line.as_mut_ptr(),
            null(),
            null(),
            1,
            flags | CREATE_UNICODE_ENVIRONMENT,
            environment.as_ptr().cast(),
            folder.as_ptr(),
            &raw const begin,
            &raw mut started,
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just made for this process, which owns them from here on.
    let (process, _thread) = unsafe { (own(started.hProcess), own(started.hThread)) };
    Ok(Started { process, stdout, stderr })
}

/// This process's token without the group of administrators, without privileges, and no more trusted than
/// a user's. The system itself is no user who could be left with less.
fn limited_token() -> io::Result<OwnedHandle> {
    if access::is_system() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (mut token, mut limited) = (null_mut(), null_mut());
    let rights = TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY | TOKEN_ADJUST_DEFAULT | TOKEN_QUERY;
    // SAFETY: the handle is written to, and owned from here on.
    let token = unsafe {
        if OpenProcessToken(GetCurrentProcess(), rights, &raw mut token) == 0 {
            return Err(io::Error::last_os_error());
        }
        own(token)
    };
    let how = LUA_TOKEN | DISABLE_MAX_PRIVILEGE;
    let (of, none) = (token.as_raw_handle(), null());
    // SAFETY: the token is open, the lists are empty, the answer is written to and owned from here on.
    let limited = unsafe {
        if CreateRestrictedToken(of, how, 0, none, 0, null(), 0, none, &raw mut limited) == 0 {
            return Err(io::Error::last_os_error());
        }
        own(limited)
    };
    trust_as_a_user(&limited)?;
    Ok(limited)
}

/// Sets the integrity level that programs of users have.
fn trust_as_a_user(token: &OwnedHandle) -> io::Result<()> {
    let mut sid = [0u64; 9];
    let mut length = u32::try_from(size_of_val(&sid)).unwrap_or(0);
    let label = SID_AND_ATTRIBUTES { Sid: sid.as_mut_ptr().cast(), Attributes: INTEGRITY };
    let level = TOKEN_MANDATORY_LABEL { Label: label };
    let size = u32::try_from(size_of_val(&level)).unwrap_or(0);
    // SAFETY: there is room for the longest identifier, to which the label points; it is as long as is
    // said, and the token is open.
    let done = unsafe {
        CreateWellKnownSid(WinMediumLabelSid, null_mut(), level.Label.Sid, &raw mut length) != 0
            && SetTokenInformation(
                token.as_raw_handle(),
                TokenIntegrityLevel,
                (&raw const level).cast(),
                size,
            ) != 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What this process reads, and what the other one writes and inherits.
fn pipe() -> io::Result<(File, OwnedHandle)> {
    let (mut read, mut write) = (null_mut(), null_mut());
    // SAFETY: both handles are written to, and owned from here on.
    let (read, write) = unsafe {
        if CreatePipe(&raw mut read, &raw mut write, null(), 0) == 0 {
            return Err(io::Error::last_os_error());
        }
        (own(read), own(write))
    };
    let (handle, inherit) = (write.as_raw_handle(), HANDLE_FLAG_INHERIT);
    // SAFETY: it is open.
    match unsafe { SetHandleInformation(handle, inherit, inherit) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok((File::from(read), write)),
    }
}

/// # Safety
/// The handle is open, and nobody else's.
unsafe fn own(handle: *mut std::ffi::c_void) -> OwnedHandle {
    // SAFETY: says the caller.
    unsafe { OwnedHandle::from_raw_handle(handle) }
}

/// The program and its arguments, each so that it is read back as it is ("Parsing C command-line
/// arguments"). What is run by an interpreter reads it by other rules.
fn command_line(command: &Command) -> io::Result<Vec<u16>> {
    let program = command.get_program();
    let is_program = std::path::Path::new(program).extension().is_some_and(|end| end == "exe");
    if !is_program {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut line = Vec::new();
    for word in std::iter::once(program).chain(command.get_args()) {
        if !line.is_empty() {
            line.push(SPACE);
        }
        quote(word, &mut line);
    }
    line.push(0);
    Ok(line)
}

fn quote(word: &OsStr, line: &mut Vec<u16>) {
    line.push(QUOTE);
    let mut slashes = 0;
    for unit in word.encode_wide().filter(|unit| *unit != 0) {
        if unit == QUOTE {
            // Each backslash before it counts double, and one makes it an ordinary character.
            line.extend(std::iter::repeat_n(BACKSLASH, slashes + 1));
        }
        slashes = if unit == BACKSLASH { slashes + 1 } else { 0 };
        line.push(unit);
    }
    line.extend(std::iter::repeat_n(BACKSLASH, slashes));
    line.push(QUOTE);
}

/// This process's environment with the command's changes, sorted as the system wants it.
fn environment(command: &Command) -> Vec<u16> {
    let name = |name: &OsStr| name.to_ascii_uppercase();
    let mut all: BTreeMap<OsString, (OsString, OsString)> =
        env::vars_os().map(|(key, value)| (name(&key), (key, value))).collect();
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => drop(all.insert(name(key), (key.to_owned(), value.to_owned()))),
            None => drop(all.remove(&name(key))),
        }
    }
    let mut block = Vec::new();
    for (key, value) in all.into_values() {
        block.extend(key.encode_wide().chain([EQUALS]).chain(value.encode_wide()).chain([0]));
    }
    block.extend([0, 0]);
    block
}

fn ended(text: &OsStr) -> Vec<u16> {
    text.encode_wide().filter(|unit| *unit != 0).chain([0]).collect()
}

/// `SE_GROUP_INTEGRITY` of winnt.h.
const INTEGRITY: u32 = 0x20;
const SPACE: u16 = 0x20;
const QUOTE: u16 = 0x22;
const EQUALS: u16 = 0x3d;
const BACKSLASH: u16 = 0x5c;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_so_that_they_are_read_back() {
        let quoted = |word: &str| {
            let mut line = Vec::new();
            quote(word.as_ref(), &mut line);
            String::from_utf16(&line).unwrap()
        };
        for (word, line) in [
            ("plain", r#""plain""#),
            ("", r#""""#),
            ("two words", r#""two words""#),
            (r"C:\Notes\", r#""C:\Notes\\""#),
            (r#"say "no""#, r#""say \"no\"""#),
            (r#"\""#, r#""\\\"""#),
        ] {
            assert_eq!(quoted(word), line);
        }
    }

    #[test]
    fn the_environment_is_this_one_with_what_is_changed() {
        let mut command = Command::new("notes.exe");
        command.env("EXUVIA_TEST_ADDED", "yes").env_remove("path");
        let text = String::from_utf16(&environment(&command)).unwrap();
        let lines: Vec<&str> = text.split('\0').collect();
        assert!(lines.contains(&"EXUVIA_TEST_ADDED=yes"));
        assert!(!lines.iter().any(|line| line.to_ascii_uppercase().starts_with("PATH=")));
        assert!(text.ends_with("\0\0"));
    }
}
