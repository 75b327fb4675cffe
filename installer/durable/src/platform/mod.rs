//! The calls to the system: the same functions for each, and no `cfg` anywhere else.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
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
    Handle, clone_handle, create, entries, free_space, is_link_refused, is_read_only,
    keep_across_exec, make_dir, metadata, open_dir, open_file, open_lock, open_root, read_link,
    remove_dir, remove_file, rename, set_dir_mode, set_mode, symlink,
};
#[cfg(windows)]
pub(crate) use windows::{
    Handle, carry_label, clone_handle, create, entries, exchange, flush, flush_all, flush_dir,
    free_space, is_link_refused, is_read_only, keep_across_exec, make_dir, metadata, open_dir,
    open_file, open_lock, open_root, read_link, remove_dir, remove_file, rename, set_dir_mode,
    set_mode, symlink,
};
