//! A note pad for Markdown that updates itself: what an application with Exuvia looks like.
//!
//! Rules:
//! - Notes lie in the user's data directory, never in the installation: they outlive every update and
//!   every way back.
//! - The page holds no updating logic of its own: `<exuvia-prompt>` asks, the plugin does.
#![forbid(unsafe_code)]

mod commands;
mod notes;
mod settings;

use tauri::{AppHandle, Manager};
use tauri_plugin_exuvia::{App, Builder, ExuviaExt, exuvia};

pub use tauri_plugin_exuvia::startup;

use crate::notes::Notes;
use crate::settings::SettingsFile;

/// What tells one release of the demonstration from another.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// Its version.
    pub version: &'static str,
    /// The text of its `exuvia.json`.
    pub config: &'static str,
    /// It ends with an error before its window is up, to show how that is undone.
    pub broken: bool,
}

/// Opens the window and runs until it is closed. Ends the process with 1 where that is not possible.
pub fn run(app: App, release: &Release) {
    if release.broken {
        eprintln!("notes {} is broken on purpose", release.version);
        std::process::exit(1);
    }
    let mut context = tauri::generate_context!();
    if let Ok(version) = release.version.parse() {
        context.package_info_mut().version = version;
    }
    let ran = tauri::Builder::default()
        // First, as it wants: a second start ends here.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| show(app)))
        .plugin(Builder::new(app, release.config).configure(mirror_from_environment).build())
        .setup(|app| {
            let data = app.path().app_data_dir()?;
            let settings = SettingsFile::open(&data);
            app.exuvia().set_channel(settings.read().channel);
            app.manage(settings);
            app.manage(Notes::open(&data)?);
            Ok(())
        })
        .invoke_handler(tauri::generate_handler![
            commands::list_notes,
            commands::read_note,
            commands::write_note,
            commands::delete_note,
            commands::read_settings,
            commands::write_settings,
            commands::about,
        ])
        .run(context);
    if let Err(error) = ran {
        eprintln!("notes cannot open its window: {error}");
        std::process::exit(1);
    }
}

fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        // It is there already; that it cannot be raised is no reason to fail.
        let _ = window.unminimize().and_then(|()| window.set_focus());
    }
}

/// `EXUVIA_DEMO_MIRROR` names another server, for tests. Nobody has to trust it: what counts is the root of
/// trust that is built in.
fn mirror_from_environment(builder: exuvia::Builder) -> exuvia::Builder {
    match std::env::var("EXUVIA_DEMO_MIRROR") {
        Ok(mirror) => builder.mirrors([mirror]),
        Err(_) => builder,
    }
}
