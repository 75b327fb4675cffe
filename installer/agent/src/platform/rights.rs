//! A process without rights: of a user who owns nothing, in no group, with no capability and no way to
//! get any (credentials(7), capabilities(7)).

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{geteuid, getuid};

/// A user who may do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nobody {
    user: u32,
    group: u32,
}

/// Who fetches in place of root: the user that `install-service` made for it, or nobody. `None` if this
/// process is not root's.
pub(crate) fn without_rights() -> Option<Nobody> {
    if !geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(find(&users, FETCHES).unwrap_or(Nobody { user: NOBODY, group: NOBODY }))
}

/// A user of passwd(5), if it is not root.
fn find(users: &str, name: &str) -> Option<Nobody> {
    users.lines().find_map(|line| match line.split(':').collect::<Vec<_>>()[..] {
        [found, _, user, group, ..] if found == name => {
            let (user, group) = (user.parse().ok()?, group.parse().ok()?);
            (user != 0 && group != 0).then_some(Nobody { user, group })
        }
        _ => None,
    })
}

/// Makes a folder that is this user's alone. What stands there of somebody else goes.
pub(crate) fn give(folder: &Path, to: Nobody) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() && found.uid() == to.user => return Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(folder)?,
        Ok(_) => fs::remove_file(folder)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().mode(0o700).create(folder)?;
    chown(folder, Some(to.user), Some(to.group))
}

/// One end of a socket that nobody else knows of.
#[derive(Debug)]
pub(crate) struct Channel(UnixStream);

/// Its two ends.
pub(crate) fn channel() -> io::Result<(Channel, Channel)> {
    let (here, there) = UnixStream::pair()?;
    Ok((Channel(here), Channel(there)))
}

impl Channel {
    /// Fails from now on what takes longer than this.
    pub(crate) fn limit(&self, patience: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(patience))?;
        self.0.set_write_timeout(Some(patience))
    }

    /// Ends it for both.
    pub(crate) fn close(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Starts this very program as that user, with a channel as its standard input and output.
pub(crate) fn spawn_without_rights(
    who: Nobody,
    args: &[OsString],
    home: &Path,
) -> io::Result<(Child, Channel)> {
    let (here, Channel(there)) = channel()?;
    // By that name it is found wherever it lies, and is the same one even if it was replaced.
    let mut command = Command::new("/proc/self/exe");
    command.args(args).current_dir("/");
    let kept = std::env::vars_os().filter(|(name, _)| is_for_fetching(&name.to_string_lossy()));
    command.env_clear().envs(kept).env("PATH", "/usr/bin:/bin").env("HOME", home);
    // The standard library drops the supplementary groups along with root.
    command.uid(who.user).gid(who.group);
    command.stdin(OwnedFd::from(there.try_clone()?)).stdout(OwnedFd::from(there));
    // Or it could write what it likes into the log.
    command.stderr(Stdio::null());
    Ok((command.spawn()?, here))
}

/// Where things lie and how the network is reached: the rest of root's environment is none of its
/// business.
fn is_for_fetching(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with("EXUVIA_") || name.starts_with("SSL_CERT_") || lower.ends_with("_proxy")
}

/// Gives up for ever what this process could get more; one that is root's cannot.
pub(crate) fn renounce_rights() -> io::Result<()> {
    if geteuid().is_root() || getuid().is_root() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(rustix::thread::set_no_new_privs(true)?)
}

const FETCHES: &str = "exuvia-fetch";
const NOBODY: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_and_is_never_root() {
        let users = "root:x:0:0:root:/root:/bin/sh\nexuvia-fetcher:x:5:5::/:\n\
                     exuvia-fetch:x:991:990:Fetches updates:/:/usr/sbin/nologin\n";
        assert_eq!(find(users, "exuvia-fetch"), Some(Nobody { user: 991, group: 990 }));
        for users in ["", "exuvia-fetch:x:0:0:::\n", "exuvia-fetch:x:991:0:::\n", "exuvia-fetch"] {
            assert_eq!(find(users, "exuvia-fetch"), None, "{users:?}");
        }
    }

    #[test]
    fn what_is_passed_on_says_how_to_fetch_and_nothing_else() {
        for name in ["EXUVIA_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE"] {
            assert!(is_for_fetching(name), "{name}");
        }
        for name in ["LD_PRELOAD", "HOME", "NOTIFY_SOCKET", "INVOCATION_ID", "PROXY"] {
            assert!(!is_for_fetching(name), "{name}");
        }
    }
}
