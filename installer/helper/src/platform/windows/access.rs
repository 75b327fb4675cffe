//! Who owns a file, and who may write to it.
//!
//! Trusted are the system, its administrators and its installer, the user of this process, and whoever
//! owns what the user has chosen: as root, the user and the owner are elsewhere.

use super::super::RunAs;
use super::{narrow, wide};
use crate::error::Error;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::ptr::{addr_of, null_mut};
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, GetNamedSecurityInfoW, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation,
    INHERIT_ONLY_ACE, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, TOKEN_ELEVATION_TYPE,
    TOKEN_INFORMATION_CLASS, TOKEN_QUERY, TOKEN_USER, TokenElevation, TokenElevationType,
    TokenElevationTypeFull, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_WRITE_DATA, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// Refuses a state directory that somebody else could have put there or may write to.
pub(crate) fn check_owner(state: &Path, of: &Path) -> Result<(), Error> {
    let is_dir = fs::symlink_metadata(state).is_ok_and(|found| found.is_dir());
    let owner_of = Rights::of(of).ok().map(|rights| rights.owner);
    match Rights::of(state) {
        Ok(rights) if is_dir && rights.are_of(owner_of.as_deref()) => Ok(()),
        _ => Err(Error::Untrusted { path: state.to_owned() }),
    }
}

/// Refuses to change anything if this very program could have been exchanged: it or its folder belongs
/// to a stranger, or others may write to it.
pub(crate) fn check_own_program() -> Result<(), Error> {
    let Ok(program) = env::current_exe() else { return Ok(()) };
    for path in program.ancestors().take(2) {
        if !Rights::of(path).is_ok_and(|rights| rights.are_of(None)) {
            return Err(Error::Untrusted { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Refuses what is no program, or was put there by somebody else.
pub(crate) fn check_program(program: &Path, of: &Path) -> Result<(), Error> {
    let is_file = fs::metadata(program).is_ok_and(|found| found.is_file());
    let owner_of = Rights::of(of).ok().map(|rights| rights.owner);
    match Rights::of(program) {
        Ok(rights) if is_file && is_trusted(&rights.owner, owner_of.as_deref()) => Ok(()),
        _ => Err(Error::Untrusted { path: program.to_owned() }),
    }
}

/// Whether an installation is the machine's while this process is an ordinary user's.
pub(crate) fn is_machines(state: &Path) -> bool {
    !is_root() && Rights::of(state).is_ok_and(|rights| MACHINES.contains(&&*rights.owner))
}

/// Whether this process may do everything: it runs elevated, or is the system's own.
pub fn is_root() -> bool {
    token(TokenElevation, |elevated: &u32| *elevated != 0).unwrap_or(false)
}

/// A process that was elevated for a moment, or is the system's, starts a downloaded program with less.
/// Where there is no such difference, because an administrator switched it off, all that the user starts
/// runs with everything.
pub(crate) fn unprivileged(_install: &Path) -> RunAs {
    let is_full = |kind: &TOKEN_ELEVATION_TYPE| *kind == TokenElevationTypeFull;
    match token(TokenElevationType, is_full).unwrap_or(false) || is_system() {
        true => RunAs::User { user: 0, group: 0 },
        false => RunAs::Myself,
    }
}

/// Whether this process is the system's own.
pub(super) fn is_system() -> bool {
    user().is_ok_and(|user| user == SYSTEM)
}

/// Who owns a file, and everybody who may write to it.
struct Rights {
    owner: String,
    writers: Vec<String>,
}

impl Rights {
    fn of(path: &Path) -> io::Result<Rights> {
        let path = wide(path);
        let (mut owner, mut list, mut found) = (null_mut(), null_mut(), null_mut());
        let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        // SAFETY: the path ends in a zero; the answers that are asked for are written to.
        let answer = unsafe {
            GetNamedSecurityInfoW(
                path.as_ptr(),
                SE_FILE_OBJECT,
                what,
                &raw mut owner,
                null_mut(),
                &raw mut list,
                null_mut(),
                &raw mut found,
            )
        };
        if answer != 0 {
            return Err(io::Error::from_raw_os_error(answer.cast_signed()));
        }
        let _found = Local(found);
        // SAFETY: both lie in what was found, which lives to the end of this function.
        unsafe { Ok(Rights { owner: text(owner)?, writers: writers(list)? }) }
    }

    /// Whether owner and writers are trusted.
    fn are_of(&self, also: Option<&str>) -> bool {
        let writers = self.writers.iter().filter(|writer| *writer != THE_OWNER);
        writers.chain([&self.owner]).all(|who| is_trusted(who, also))
    }
}

fn is_trusted(who: &str, also: Option<&str>) -> bool {
    MACHINES.contains(&who) || also == Some(who) || user().is_ok_and(|user| user == who)
}

/// Whom the entries of an access list allow to write. An entry of a kind that files do not have counts
/// as everybody's.
///
/// # Safety
/// It is a list of the system's, or null.
unsafe fn writers(list: *const ACL) -> io::Result<Vec<String>> {
    if list.is_null() {
        return Ok(vec![EVERYBODY.to_owned()]);
    }
    let mut writers = Vec::new();
    // SAFETY: it is a list, says the caller.
    for index in 0..u32::from(unsafe { (*list).AceCount }) {
        let mut entry = null_mut();
        // SAFETY: there are as many entries.
        if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: each begins so.
        let head = unsafe { *entry.cast::<ACE_HEADER>() };
        match head.AceType {
            _ if u32::from(head.AceFlags) & INHERIT_ONLY_ACE != 0 => {}
            ALLOWED | ALLOWED_IF => {
                let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
                // SAFETY: these two kinds have this form, and end in whom they are about.
                unsafe {
                    if (*entry).Mask & WRITE != 0 {
                        writers.push(text(addr_of!((*entry).SidStart).cast_mut().cast())?);
                    }
                }
            }
            DENIED | DENIED_IF => {}
            _ => writers.push(EVERYBODY.to_owned()),
        }
    }
    Ok(writers)
}

/// The user of this process.
fn user() -> io::Result<String> {
    // Room for the answer and the longest identifier behind it.
    token(TokenUser, |answer: &[u64; 16]| {
        // SAFETY: the answer begins so, and what it points to lies in it, where it was written.
        unsafe { text((*answer.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
    })?
}

/// Reads what the token of this process says, in its place: `T` is as that answer demands, or longer.
fn token<T: Copy + Default, R>(
    what: TOKEN_INFORMATION_CLASS,
    read: impl FnOnce(&T) -> R,
) -> io::Result<R> {
    let (mut handle, mut answer, mut length): (HANDLE, T, u32) = (null_mut(), T::default(), 0);
    // SAFETY: the handle is written to.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut handle) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let room = u32::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the answer is as long as is said, and any bits are one: it is made of numbers.
    let done = unsafe {
        GetTokenInformation(handle, what, (&raw mut answer).cast(), room, &raw mut length)
    };
    let result = if done == 0 { Err(io::Error::last_os_error()) } else { Ok(read(&answer)) };
    // SAFETY: opened above and closed once.
    unsafe { CloseHandle(handle) };
    result
}

/// An identifier as text.
///
/// # Safety
/// It is one of the system's.
unsafe fn text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: it is one, says the caller; the text is written to.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let _text = Local(text.cast());
    // SAFETY: the call before ended it in a zero.
    unsafe { narrow(text) }.into_string().map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Memory of the system's, given back in the end.
struct Local(PSECURITY_DESCRIPTOR);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: made by a call that asks for this, and given back once.
        unsafe { LocalFree(self.0) };
    }
}

const SYSTEM: &str = "S-1-5-18";
/// The system, the administrators, and the service that installs what belongs to Windows.
const MACHINES: [&str; 3] =
    [SYSTEM, "S-1-5-32-544", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"];
const THE_OWNER: &str = "S-1-3-4";
const EVERYBODY: &str = "S-1-1-0";
/// What changes a file or what a directory holds. Attributes may be anybody's.
const WRITE: u32 = FILE_WRITE_DATA
    | FILE_APPEND_DATA
    | FILE_DELETE_CHILD
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_WRITE
    | GENERIC_ALL;
const GENERIC_WRITE: u32 = 0x4000_0000;
const GENERIC_ALL: u32 = 0x1000_0000;
/// Kinds of entries (winnt.h): the same with a condition behind them.
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
const ALLOWED_IF: u8 = 9;
const DENIED_IF: u8 = 10;
