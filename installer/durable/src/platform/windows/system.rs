//! The calls that the standard library has not.

use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Storage::FileSystem::{
    GetDiskFreeSpaceExW, GetVolumeInformationW, GetVolumePathNameW, MOVEFILE_REPLACE_EXISTING,
    MOVEFILE_WRITE_THROUGH, MoveFileExW,
};
use windows_sys::Win32::System::SystemServices::FILE_READ_ONLY_VOLUME;

/// Comes back when the move is on the device. Not the standard library's, which does not wait for that.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from)?, wide(to)?);
    let flags = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    // SAFETY: both are strings that end in a zero, and live until the call is over.
    done(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), flags) })
}

/// Bytes that this user may still take.
pub(crate) fn free_space(dir: &Path) -> io::Result<u64> {
    let (dir, mut free) = (wide(dir)?, 0);
    // SAFETY: the string ends in a zero; the one number is written to, the two others are not wanted.
    done(unsafe { GetDiskFreeSpaceExW(dir.as_ptr(), &raw mut free, null_mut(), null_mut()) })?;
    Ok(free)
}

pub(crate) fn is_read_only(dir: &Path) -> io::Result<bool> {
    let (dir, mut volume, mut flags) = (wide(dir)?, vec![0u16; 32_768], 0);
    let room = u32::try_from(volume.len()).unwrap_or(u32::MAX);
    // SAFETY: the string ends in a zero; the buffer is as long as is said.
    done(unsafe { GetVolumePathNameW(dir.as_ptr(), volume.as_mut_ptr(), room) })?;
    // SAFETY: the call before ended the volume's path in a zero; of the answers only the flags are
    // wanted, and buffers that are null have length 0.
    done(unsafe {
        GetVolumeInformationW(
            volume.as_ptr(),
            null_mut(),
            0,
            null_mut(),
            null_mut(),
            &raw mut flags,
            null_mut(),
            0,
        )
    })?;
    Ok(flags & FILE_READ_ONLY_VOLUME != 0)
}

fn done(answer: i32) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let mut wide: Vec<u16> = path.as_os_str().encode_wide().collect();
    if wide.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    wide.push(0);
    Ok(wide)
}
