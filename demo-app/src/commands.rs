//! What the page may call.

use serde::Serialize;
use tauri::{AppHandle, State, command};
use tauri_plugin_exuvia::ExuviaExt;

use crate::notes::{Note, NoteError, Notes};
use crate::settings::{Settings, SettingsFile};

#[command]
pub(crate) fn list_notes(notes: State<'_, Notes>) -> Result<Vec<Note>, NoteError> {
    notes.list()
}

#[command]
pub(crate) fn read_note(notes: State<'_, Notes>, id: &str) -> Result<String, NoteError> {
    notes.read(id)
}

#[command]
pub(crate) fn write_note(notes: State<'_, Notes>, id: &str, text: &str) -> Result<(), NoteError> {
    notes.write(id, text)
}

#[command]
pub(crate) fn delete_note(notes: State<'_, Notes>, id: &str) -> Result<(), NoteError> {
    notes.delete(id)
}

#[command]
pub(crate) fn read_settings(settings: State<'_, SettingsFile>) -> Settings {
    settings.read()
}

#[command]
pub(crate) fn write_settings(
    app: AppHandle,
    file: State<'_, SettingsFile>,
    settings: Settings,
) -> Result<(), NoteError> {
    file.write(&settings)?;
    app.exuvia().set_channel(settings.channel);
    Ok(())
}

/// What the About box says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About {
    version: String,
    notes: String,
    arguments: Vec<String>,
}

#[command]
pub(crate) fn about(app: AppHandle, notes: State<'_, Notes>) -> About {
    About {
        version: app.package_info().version.to_string(),
        notes: notes.path().display().to_string(),
        arguments: std::env::args().skip(1).collect(),
    }
}
