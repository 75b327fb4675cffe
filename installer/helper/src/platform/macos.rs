//! macOS: no mounted images, one way to tell a program, and who is at a socket's other end.

#![allow(unsafe_code)]

use super::RunAs;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// A socket that no child inherits, but for those that are just being started: the system has no way to
/// make it so at once.
pub(super) fn stream_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::empty();
    let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(fd)
}

unsafe extern "C" {
    /// getpeereid(3), of the system's library.
    fn getpeereid(socket: c_int, user: *mut u32, group: *mut u32) -> c_int;
}

/// Who listens, by getpeereid(3).
pub(super) fn peer_is_root(stream: &UnixStream) -> io::Result<bool> {
    let (mut user, mut group) = (u32::MAX, u32::MAX);
    // SAFETY: the descriptor is open as long as `stream` lives; `uid_t` and `gid_t` are 32 bits here,
    // and both numbers are only written to.
    let answer = unsafe { getpeereid(stream.as_raw_fd(), &raw mut user, &raw mut group) };
    if answer == 0 { Ok(user == 0) } else { Err(io::Error::last_os_error()) }
}

/// 32 hex digits that a staged program cannot know beforehand.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    // The device is always there (random(4)); an answer is no secret anyway.
    let _ = File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was made for this process alone is not passed on to a program that runs as `user`.
pub(crate) fn clean_environment(command: &mut Command, user: RunAs) {
    if let RunAs::User { .. } = user {
        // Root's environment is none of a stranger's business.
        command.env_clear().env("PATH", "/usr/bin:/bin");
    }
}

/// Whether a file is neither a script nor a program of this system. The C library hands such a file to
/// the shell, whose complaint would be taken for the program's own. A program for another processor the
/// system refuses itself, or translates.
pub(super) fn is_foreign(program: &Path) -> bool {
    let mut head = [0; 4];
    match File::open(program).and_then(|mut file| file.read_exact(&mut head)) {
        Ok(()) => !head.starts_with(b"#!") && !MACH_O.contains(&head),
        Err(_) => false,
    }
}

/// A program of 64 bits, one of several processors, and that with long offsets (mach-o/loader.h,
/// mach-o/fat.h).
const MACH_O: [[u8; 4]; 3] =
    [[0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe], [0xca, 0xfe, 0xba, 0xbf]];
/// `nobody`, which is -2 here.
pub(super) const NOBODY: u32 = 4_294_967_294;
