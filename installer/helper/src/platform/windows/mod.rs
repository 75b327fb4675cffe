//! Windows: rights by access lists, processes in jobs, and a launcher that stays while the program runs,
//! since there is no `exec` (docs/adr/0028).

#![allow(unsafe_code)]

mod access;
mod console;
mod limited;
mod process;

use super::RunAs;
use exuvia_plan::socket::Reply;
use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::null_mut;
use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_USE_SYSTEM_PREFERRED_RNG, BCryptGenRandom,
};

pub use access::is_root;
pub(crate) use access::{check_own_program, check_owner, check_program, is_machines, unprivileged};
pub(crate) use console::Signals;
pub(crate) use process::{code_and_signal, exec, forward, mirror, run, spawn};

/// There is no agent of the machine here.
pub(crate) fn ask_machine(_line: &str) -> io::Result<Reply> {
    Err(io::ErrorKind::Unsupported.into())
}

/// 32 hex digits that a staged program cannot know beforehand.
pub(crate) fn nonce() -> String {
    let mut bytes = [0u8; 16];
    // SAFETY: no algorithm is named, as the flag demands; the buffer is as long as is said. That it
    // could fail is not documented for this flag, and an answer is no secret anyway.
    unsafe { BCryptGenRandom(null_mut(), bytes.as_mut_ptr(), 16, BCRYPT_USE_SYSTEM_PREFERRED_RNG) };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nothing here is made for one process alone.
pub(crate) fn clean_environment(_command: &mut Command, _user: RunAs) {}

/// The path without links in it, as people write it: many programs, and shortcuts, cannot do with the
/// form that the system resolves it to.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let resolved = path.canonicalize()?;
    Ok(plain(&resolved).unwrap_or(resolved))
}

/// `C:\…` for `\\?\C:\…` and `\\HOST\…` for `\\?\UNC\HOST\…`, if it is short enough to mean the same.
fn plain(path: &Path) -> Option<PathBuf> {
    let text = path.to_str()?;
    let plain = match text.strip_prefix(r"\\?\UNC\") {
        Some(rest) => format!(r"\\{rest}"),
        None => text.strip_prefix(r"\\?\").filter(|rest| rest[1..].starts_with(':'))?.to_owned(),
    };
    (plain.encode_utf16().count() < MAX_PATH).then(|| plain.into())
}

/// Characters that end in a zero.
fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().filter(|unit| *unit != 0).chain([0]).collect()
}

/// Text of the system that ends in a zero.
///
/// # Safety
/// It does end in one.
unsafe fn narrow(text: *const u16) -> OsString {
    let mut length = 0;
    // SAFETY: nothing beyond the zero is read, says the caller.
    while unsafe { *text.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: just counted.
    OsString::from_wide(unsafe { std::slice::from_raw_parts(text, length) })
}

const MAX_PATH: usize = 260;

#[cfg(test)]
mod tests;
