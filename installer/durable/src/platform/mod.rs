//! The calls to the system: the same functions for each, and no `cfg` anywhere else.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(test)]
#[cfg(unix)]
mod tests;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::{carry_label, exchange, flush, flush_all, flush_dir};
#[cfg(target_os = "macos")]
pub(crate) use macos::{carry_label, exchange, flush, flush_all, flush_dir};
#[cfg(unix)]
pub(crate) use unix::{
    Handle, POINTERS, clone_handle, create, entries, free_space, is_link_refused, is_name,
    is_read_only, keep_across_exec, make_dir, metadata, open_dir, open_file, open_lock, open_root,
    read_link, remove_dir, remove_file, rename, set_dir_mode, set_mode, symlink,
};
#[cfg(windows)]
pub(crate) use windows::{
    Handle, POINTERS, carry_label, clone_handle, create, entries, exchange, flush, flush_all,
    flush_dir, free_space, is_link_refused, is_name, is_read_only, keep_across_exec, make_dir,
    metadata, open_dir, open_file, open_lock, open_root, read_link, remove_dir, remove_file,
    rename, set_dir_mode, set_mode, symlink,
};

/// What a name is that leads to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each system has one of them")]
pub(crate) enum Pointers {
    /// A symbolic link.
    Links,
    /// A file that names the target: links are for privileged users only.
    Files,
}

/// Numbers of errors, for tests.
#[cfg(all(test, unix))]
pub(crate) mod errors {
    use rustix::io::Errno;

    pub(crate) const DISK_FULL: i32 = Errno::NOSPC.raw_os_error();
    pub(crate) const DEVICE: i32 = Errno::IO.raw_os_error();
    pub(crate) const READ_ONLY: i32 = Errno::ROFS.raw_os_error();
}
#[cfg(all(test, windows))]
pub(crate) mod errors {
    pub(crate) const DISK_FULL: i32 = 112;
    pub(crate) const DEVICE: i32 = 1117;
    pub(crate) const READ_ONLY: i32 = 19;
}
