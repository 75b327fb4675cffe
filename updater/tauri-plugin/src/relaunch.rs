//! Starting again by the path that outlives versions.
//!
//! Tauri resolves the running program's path when it starts, which in an installation is that of the
//! old version. So its restart is answered here: where the application runs from an installation, the
//! stable path is started with the same arguments.

use std::ffi::OsString;
use std::sync::atomic::Ordering;

use tauri::{AppHandle, Manager, RESTART_EXIT_CODE, RunEvent, Runtime};

use crate::service::Exuvia;

/// Quits the application in order to start it again.
pub(crate) fn request<R: Runtime>(app: &AppHandle<R>, exuvia: &Exuvia) {
    exuvia.starts_again.store(true, Ordering::Relaxed);
    app.exit(0);
}

pub(crate) fn on_event<R: Runtime>(app: &AppHandle<R>, event: &RunEvent) {
    let exuvia = app.state::<Exuvia>();
    match event {
        RunEvent::ExitRequested { code: Some(RESTART_EXIT_CODE), .. } if exuvia.is_updated() => {
            exuvia.starts_again.store(true, Ordering::Relaxed);
        }
        RunEvent::Exit if exuvia.starts_again.load(Ordering::Relaxed) => {
            // Gives back what only one process may hold: else the new one hands over to this one, which
            // is about to end.
            app.cleanup_before_exit();
            let args: Vec<OsString> = std::env::args_os().skip(1).collect();
            if let Err(error) = exuvia::start_again(&args) {
                eprintln!("exuvia: {error}");
                return;
            }
            // Or Tauri's restart would start the old version beside it.
            std::process::exit(0);
        }
        _ => {}
    }
}
