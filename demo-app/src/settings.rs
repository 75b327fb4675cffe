//! What the user chose.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::notes::{NoteError, io_at, replace};

/// The user's choices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// The channel that is followed in place of the configured one.
    pub(crate) channel: Option<String>,
}

/// What happens when there is a new version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It is installed when the user quits.
    Automatic,
    /// The user is asked.
    #[default]
    Ask,
    /// Nothing, until the user looks.
    Off,
}

/// Where they are kept.
pub(crate) struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    pub(crate) fn open(data: &Path) -> SettingsFile {
        SettingsFile { path: data.join("settings.json") }
    }

    /// What cannot be read is as if it had not been chosen.
    pub(crate) fn read(&self) -> Settings {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn write(&self, settings: &Settings) -> Result<(), NoteError> {
        let text = serde_json::to_vec_pretty(settings).unwrap_or_default();
        replace(&self.path, &text).map_err(|source| io_at(&self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_kept_and_damage_is_no_choice() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::open(folder.path());
        assert_eq!(file.read(), Settings::default());
        let chosen = Settings { mode: Mode::Off, channel: Some("beta".to_owned()) };
        file.write(&chosen).unwrap();
        assert_eq!(file.read(), chosen);
        std::fs::write(&file.path, "{").unwrap();
        assert_eq!(file.read(), Settings::default());
    }
}
