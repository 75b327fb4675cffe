//! Being told to stop, and a console that nobody asked for.

use crate::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::process::Child;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::Duration;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Console::{
    CTRL_CLOSE_EVENT, FreeConsole, GetConsoleMode, GetConsoleProcessList, GetStdHandle,
    STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetStdHandle,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects,
};

/// Wakes a waiting watcher when a child ends or when this process is told to stop.
pub(crate) struct Signals {}

impl Signals {
    /// Takes over what a console tells its programs, until this process ends: the child is told too.
    pub(crate) fn watch() -> Result<Signals, Error> {
        let failed = || {
            let source = io::Error::last_os_error();
            Err(Error::Spawn { path: "console handler".into(), source })
        };
        if WAKE.load(Ordering::SeqCst).is_null() {
            // SAFETY: no name, no rights; it resets itself, and lives as long as the process.
            let wake = unsafe { CreateEventW(null(), 0, 0, null()) };
            if wake.is_null() {
                return failed();
            }
            WAKE.store(wake, Ordering::SeqCst);
            // SAFETY: the function lives as long as the process, and is made for any thread.
            if unsafe { SetConsoleCtrlHandler(Some(told), 1) } == 0 {
                return failed();
            }
        }
        Ok(Signals {})
    }

    /// Waits for one of them, for `patience` at most, and gives those to pass on.
    pub(crate) fn wait(&mut self, child: &Child, patience: Option<Duration>) -> Vec<i32> {
        let handles: [HANDLE; 2] = [child.as_raw_handle(), WAKE.load(Ordering::SeqCst)];
        let for_ever = |patience: Duration| u32::try_from(patience.as_millis()).unwrap_or(INFINITE);
        // Less than a millisecond left would be no waiting at all.
        let patience = patience.map_or(INFINITE, |patience| for_ever(patience).max(1));
        // SAFETY: two handles that are open: the child is borrowed, the event is never closed.
        unsafe { WaitForMultipleObjects(2, handles.as_ptr(), 0, patience) };
        if TOLD.swap(false, Ordering::SeqCst) { vec![INTERRUPT] } else { Vec::new() }
    }

    /// Here the program that is started next is a child too, and the console tells it by itself.
    pub(crate) fn give_back(self) {}
}

/// Called in a thread of its own.
unsafe extern "system" fn told(what: u32) -> i32 {
    TOLD.store(true, Ordering::SeqCst);
    // SAFETY: made before this was registered, and never closed.
    unsafe { SetEvent(WAKE.load(Ordering::SeqCst)) };
    if what >= CTRL_CLOSE_EVENT {
        // The process ends when this returns, and some seconds later in any case: the watcher writes
        // down how the child ended until then.
        std::thread::sleep(Duration::from_secs(60));
    }
    1
}

/// A launcher that is a program of the console gets a window of its own where it is started from none.
/// If it starts a program that has windows, that one goes.
pub(super) fn leave_console_for(program: &Path) {
    let mut processes = [0; 2];
    // SAFETY: room for two, as is said; more are only counted.
    let alone = unsafe { GetConsoleProcessList(processes.as_mut_ptr(), 2) } == 1;
    if !alone || !has_windows(program).unwrap_or(false) {
        return;
    }
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        let mut mode = 0;
        // SAFETY: whatever it is, asking for the mode of what is no console is refused; the handle of
        // one that is to go is forgotten, or it would be passed on.
        unsafe {
            if GetConsoleMode(GetStdHandle(which), &raw mut mode) != 0 {
                SetStdHandle(which, null_mut());
            }
        }
    }
    // SAFETY: nothing of this process refers to it any more.
    unsafe { FreeConsole() };
}

/// Whether a program has windows, as its header says (PE format, "Subsystem").
fn has_windows(program: &Path) -> io::Result<bool> {
    let mut file = File::open(program)?;
    let mut read_at = |at, mut bytes: [u8; 4]| {
        file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes)).map(|()| bytes)
    };
    let header = u64::from(u32::from_le_bytes(read_at(0x3c, [0; 4])?));
    let subsystem = read_at(header + SUBSYSTEM, [0; 4])?;
    Ok(&read_at(header, [0; 4])? == b"PE\0\0" && subsystem[..2] == [2, 0])
}

static TOLD: AtomicBool = AtomicBool::new(false);
static WAKE: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(null_mut());
/// What a console's Ctrl+C is on other systems.
pub(super) const INTERRUPT: i32 = 2;
/// From the header on: its mark, the part for the linker, and 68 bytes into the next.
const SUBSYSTEM: u64 = 4 + 20 + 68;
