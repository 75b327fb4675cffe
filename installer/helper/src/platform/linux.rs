//! Linux: AppImages, and who is at a socket's other end.

use super::RunAs;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A socket that no child inherits.
pub(super) fn stream_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    Ok(net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// Who listens, by unix(7), `SO_PEERCRED`.
pub(super) fn peer_is_root(stream: &UnixStream) -> io::Result<bool> {
    Ok(sockopt::socket_peercred(stream)?.uid.is_root())
}

/// 32 hex digits that a staged program cannot know beforehand.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    // The kernel's pool is ready long before any application runs; an answer is no secret anyway.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was made for this process alone is not passed on to a program that runs as `user`.
pub(crate) fn clean_environment(command: &mut Command, user: RunAs) {
    match user {
        // Root's environment is none of a stranger's business.
        RunAs::User { .. } => drop(command.env_clear().env("PATH", "/usr/bin:/bin")),
        RunAs::Myself => leave_image(command),
    }
    if runs_unpacked() || env::var_os(UNPACK).is_some() {
        command.env(UNPACK, "1");
    }
}

/// Takes away what the runtime of an AppImage set for its own program: its variables, and the paths
/// into its mount (formats §10).
fn leave_image(command: &mut Command) {
    let Some(mount) = env::var_os("APPDIR").filter(|mount| !mount.is_empty()) else { return };
    for (name, value) in env::vars_os() {
        match outside(&value, Path::new(&mount)) {
            Some(rest) if rest.is_empty() => command.env_remove(name),
            Some(rest) => command.env(name, rest),
            None => continue,
        };
    }
    for name in OF_IMAGE {
        command.env_remove(name);
    }
}

/// A list of paths without those in the mount; `None` if there are none. Libraries to be loaded first
/// may be parted by spaces.
fn outside(value: &OsStr, mount: &Path) -> Option<OsString> {
    let is_inside = |word: &[u8]| Path::new(OsStr::from_bytes(word)).starts_with(mount);
    let inside = |part: &&[u8]| part.split(|byte| *byte == b' ').any(is_inside);
    let parts = || value.as_bytes().split(|byte| *byte == b':');
    if !parts().any(|part| inside(&part)) {
        return None;
    }
    let rest: Vec<&[u8]> = parts().filter(|part| !inside(part)).collect();
    Some(OsString::from_vec(rest.join(&b':')))
}

/// Whether this program's AppImage was unpacked to run, as where there is no FUSE: another one has to
/// be told to do so too.
fn runs_unpacked() -> bool {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev());
    let mount = env::var_os("APPDIR").map(PathBuf::from).filter(|mount| mount.is_absolute());
    let above = mount.as_deref().and_then(Path::parent);
    mount.as_deref().zip(above).is_some_and(|(mount, above)| {
        matches!((device(mount), device(above)), (Ok(one), Ok(other)) if one == other)
    })
}

/// Whether a file is neither a script nor a program for this machine. The C library hands such a
/// file to the shell, whose complaint would be taken for the program's own.
pub(super) fn is_foreign(program: &Path) -> bool {
    let head = |path: &Path| {
        let mut head = [0; 20];
        File::open(path).and_then(|mut file| file.read_exact(&mut head)).map(|()| head)
    };
    // Magic, class and byte order; then the machine.
    let kind = |head: &[u8; 20]| (head[..6].to_owned(), head[18..].to_owned());
    match (head(program), head(Path::new("/proc/self/exe"))) {
        (Ok(found), Ok(own)) => !found.starts_with(b"#!") && kind(&found) != kind(&own),
        _ => false,
    }
}

/// What the runtime of an AppImage tells its program about itself.
const OF_IMAGE: [&str; 5] = ["APPIMAGE", "APPDIR", "ARGV0", "OWD", "TARGET_APPIMAGE"];
/// What asks the runtime of an AppImage to unpack it.
const UNPACK: &str = "APPIMAGE_EXTRACT_AND_RUN";
pub(super) const NOBODY: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_into_the_mount_are_taken_out_of_lists() {
        let outside = |value: &str| {
            let rest = outside(value.as_ref(), Path::new("/tmp/.mount_a1"));
            rest.map(|rest| rest.into_string().unwrap_or_default())
        };
        assert_eq!(outside("/tmp/.mount_a1/usr/bin:/usr/bin").as_deref(), Some("/usr/bin"));
        assert_eq!(outside("/lib:/tmp/.mount_a1:/opt").as_deref(), Some("/lib:/opt"));
        assert_eq!(outside("/lib/a.so /tmp/.mount_a1/b.so").as_deref(), Some(""));
        assert_eq!(outside("/tmp/.mount_a1").as_deref(), Some(""));
        for other in ["/tmp/.mount_a12/usr/bin:/usr/bin", "http://host:80/", "", "a b:c"] {
            assert_eq!(outside(other), None, "{other}");
        }
    }
}
