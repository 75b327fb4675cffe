//! System calls that change the disk, read out of a stopped process.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::libc::{self, c_long, user_regs_struct};
use nix::unistd::Pid;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Opens a file so that it is created or emptied.
    Create,
    /// Writes into a file, or copies one there.
    Write,
    /// Sets a length.
    Truncate,
    /// Renames, replaces or exchanges.
    Rename,
    /// Makes a second name.
    Link,
    /// Makes a symbolic link.
    Symlink,
    /// Removes a name that is no directory.
    Remove,
    /// Makes a directory.
    MakeDir,
    /// Removes a directory.
    RemoveDir,
    /// Sets mode, owner, times or attributes.
    Attributes,
    /// Flushes a file or directory.
    Flush,
    /// Flushes a whole file system.
    FlushAll,
    /// Opens, reads or asks, and changes nothing.
    Look,
}

/// One call, before it is made.
#[derive(Clone, Debug)]
pub struct Call {
    /// The thread that makes it.
    pub thread: Pid,
    /// Its number.
    pub number: c_long,
    /// What it does.
    pub kind: Kind,
    /// To what.
    pub path: PathBuf,
    /// The second name of a rename, or what a link leads to.
    pub to: Option<PathBuf>,
    /// Its six arguments.
    pub args: [u64; 6],
}

impl Call {
    /// The call that a thread stopped before, if it changes something by name or in a file.
    /// Calls that only look are told of if they are asked for.
    pub fn read(thread: Pid, regs: &user_regs_struct, looks: bool) -> Option<Call> {
        let args = [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9];
        let number = c_long::try_from(regs.orig_rax).ok()?;
        let process = Process(thread);
        let look = || process.looks(number, args).filter(|_| looks).map(|p| (Kind::Look, p, None));
        let (kind, path, to) = process.decode(number, args).or_else(look)?;
        Some(Call { thread, number, kind, path, to, args })
    }

    /// Whether the length of what is written is the third argument.
    pub fn can_be_torn(&self) -> bool {
        [libc::SYS_write, libc::SYS_pwrite64].contains(&self.number) && self.args[2] > 1
    }
}

/// A stopped thread, as `/proc` shows it.
struct Process(Pid);

type Decoded = (Kind, PathBuf, Option<PathBuf>);

impl Process {
    fn decode(&self, number: c_long, args: [u64; 6]) -> Option<Decoded> {
        let [a, b, c, d, ..] = args;
        let one = |kind, path: Option<PathBuf>| Some((kind, path?, None));
        match number {
            libc::SYS_open if changes(b) => one(Kind::Create, self.at(CWD, a)),
            libc::SYS_creat => one(Kind::Create, self.at(CWD, a)),
            libc::SYS_openat if changes(c) => one(Kind::Create, self.at(a, b)),
            libc::SYS_openat2 if changes(self.word(c)?) => one(Kind::Create, self.at(a, b)),
            libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev => {
                one(Kind::Write, self.fd(a))
            }
            libc::SYS_pwritev2 | libc::SYS_fallocate => one(Kind::Write, self.fd(a)),
            libc::SYS_copy_file_range => one(Kind::Write, self.fd(c)),
            libc::SYS_sendfile => one(Kind::Write, self.fd(a)),
            libc::SYS_splice => one(Kind::Write, self.fd(c)),
            libc::SYS_ioctl if b == FICLONE => one(Kind::Write, self.fd(a)),
            libc::SYS_truncate => one(Kind::Truncate, self.at(CWD, a)),
            libc::SYS_ftruncate => one(Kind::Truncate, self.fd(a)),
            libc::SYS_rename => Some((Kind::Rename, self.at(CWD, a)?, self.at(CWD, b))),
            libc::SYS_renameat | libc::SYS_renameat2 => {
                Some((Kind::Rename, self.at(a, b)?, self.at(c, d)))
            }
            libc::SYS_link => Some((Kind::Link, self.at(CWD, b)?, self.at(CWD, a))),
            libc::SYS_linkat => Some((Kind::Link, self.at(c, d)?, self.at(a, b))),
            libc::SYS_symlink => Some((Kind::Symlink, self.at(CWD, b)?, self.text(a))),
            libc::SYS_symlinkat => Some((Kind::Symlink, self.at(b, c)?, self.text(a))),
            libc::SYS_unlinkat if c == REMOVEDIR => one(Kind::RemoveDir, self.at(a, b)),
            libc::SYS_unlinkat => one(Kind::Remove, self.at(a, b)),
            libc::SYS_unlink => one(Kind::Remove, self.at(CWD, a)),
            libc::SYS_rmdir => one(Kind::RemoveDir, self.at(CWD, a)),
            libc::SYS_mkdir => one(Kind::MakeDir, self.at(CWD, a)),
            libc::SYS_mkdirat => one(Kind::MakeDir, self.at(a, b)),
            libc::SYS_mknod => one(Kind::Create, self.at(CWD, a)),
            libc::SYS_mknodat => one(Kind::Create, self.at(a, b)),
            libc::SYS_chmod | libc::SYS_chown | libc::SYS_lchown | libc::SYS_setxattr => {
                one(Kind::Attributes, self.at(CWD, a))
            }
            libc::SYS_fchmod | libc::SYS_fchown | libc::SYS_fsetxattr => {
                one(Kind::Attributes, self.fd(a))
            }
            libc::SYS_fchmodat | libc::SYS_fchownat | libc::SYS_fchmodat2 => {
                one(Kind::Attributes, self.at(a, b))
            }
            libc::SYS_utimensat if b == 0 => one(Kind::Attributes, self.fd(a)),
            libc::SYS_utimensat => one(Kind::Attributes, self.at(a, b)),
            libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_sync_file_range => {
                one(Kind::Flush, self.fd(a))
            }
            libc::SYS_syncfs => one(Kind::FlushAll, self.fd(a)),
            libc::SYS_sync => one(Kind::FlushAll, Some("/".into())),
            _ => None,
        }
    }

    /// What a call looks at, if that is all it does.
    fn looks(&self, number: c_long, args: [u64; 6]) -> Option<PathBuf> {
        let [a, b, ..] = args;
        match number {
            libc::SYS_open | libc::SYS_stat | libc::SYS_lstat | libc::SYS_readlink => {
                self.at(CWD, a)
            }
            libc::SYS_openat
            | libc::SYS_openat2
            | libc::SYS_newfstatat
            | libc::SYS_statx
            | libc::SYS_readlinkat => self.at(a, b),
            libc::SYS_read | libc::SYS_pread64 | libc::SYS_getdents64 => self.fd(a),
            _ => None,
        }
    }

    /// What an open descriptor leads to, if that is a file by name.
    fn fd(&self, fd: u64) -> Option<PathBuf> {
        let path = std::fs::read_link(format!("/proc/{}/fd/{}", self.0, low(fd))).ok()?;
        path.is_absolute().then_some(path)
    }

    /// A path argument relative to a directory argument.
    fn at(&self, dir: u64, name: u64) -> Option<PathBuf> {
        let name = self.text(name)?;
        if name.is_absolute() {
            return Some(name);
        }
        let base = match low(dir) {
            libc::AT_FDCWD => std::fs::read_link(format!("/proc/{}/cwd", self.0)).ok()?,
            _ => self.fd(dir)?,
        };
        Some(base.join(name))
    }

    fn text(&self, address: u64) -> Option<PathBuf> {
        let memory = self.memory()?;
        let (mut text, mut page) = (Vec::new(), [0; 256]);
        while text.len() < 65_536 {
            let at = address + u64::try_from(text.len()).ok()?;
            let read = memory.read_at(&mut page, at).ok().filter(|read| *read > 0)?;
            let end = page[..read].iter().position(|byte| *byte == 0);
            text.extend_from_slice(&page[..end.unwrap_or(read)]);
            if end.is_some() {
                return Some(OsString::from_vec(text).into());
            }
        }
        None
    }

    fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.memory()?.read_exact_at(&mut word, address).ok()?;
        Some(u64::from_ne_bytes(word))
    }

    fn memory(&self) -> Option<File> {
        File::open(Path::new("/proc").join(self.0.to_string()).join("mem")).ok()
    }
}

/// An argument that is a C `int`.
fn low(argument: u64) -> i32 {
    argument as u32 as i32
}

fn changes(flags: u64) -> bool {
    low(flags) & (libc::O_CREAT | libc::O_TRUNC) != 0
        || low(flags) & libc::O_TMPFILE == libc::O_TMPFILE
}

const CWD: u64 = libc::AT_FDCWD as u32 as u64;
const REMOVEDIR: u64 = libc::AT_REMOVEDIR as u64;
const FICLONE: u64 = 0x4004_9409;
