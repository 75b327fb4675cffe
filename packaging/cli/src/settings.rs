//! `publisher.json`: which key files sign which role, and how long metadata lives (docs/formats.md §9).

use std::collections::BTreeMap;

use exuvia_core::names::App;
use exuvia_repo::Expiry;
use serde::{Deserialize, Serialize};

/// The publisher's settings. No secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    publisher: u64,
    pub(crate) app: App,
    /// Names of key files in `keys/` by role.
    pub(crate) keys: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) expiry_days: Expiry,
}

/// Why `publisher.json` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Written by a newer version.
    #[error("it has format {0}, this program understands 1")]
    Newer(u64),
    /// Not JSON, or another shape; the text names the place.
    #[error("{0}")]
    Malformed(String),
    /// A key name that is not a plain file name.
    #[error("`{0}` cannot be the name of a key")]
    KeyName(String),
}

impl Settings {
    pub(crate) fn new(app: App, keys: BTreeMap<String, Vec<String>>) -> Self {
        Self { publisher: 1, app, keys, expiry_days: Expiry::default() }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SettingsError> {
        #[derive(Deserialize)]
        struct Head {
            publisher: u64,
        }
        let malformed = |error: serde_json::Error| SettingsError::Malformed(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.publisher != 1 {
            return Err(SettingsError::Newer(head.publisher));
        }
        let settings: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        let plain = |name: &&String| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            name.is_empty() || !name.chars().all(allowed)
        };
        match settings.keys.values().flatten().find(plain) {
            Some(name) => Err(SettingsError::KeyName(name.clone())),
            None => Ok(settings),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Plain names and numbers always have a JSON form.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    pub(crate) fn keys_of(&self, role: &str) -> &[String] {
        self.keys.get(role).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_written() {
        let keys = BTreeMap::from([("root".to_owned(), vec!["root-1".to_owned()])]);
        let settings = Settings::new("notes".parse().unwrap(), keys);
        assert_eq!(Settings::parse(&settings.encode()).unwrap(), settings);
    }

    #[test]
    fn key_names_cannot_leave_the_folder() {
        let text = br#"{"publisher":1,"app":"notes","keys":{"root":["../root"]}}"#;
        let refused = Settings::parse(text).unwrap_err();
        assert_eq!(refused, SettingsError::KeyName("../root".to_owned()));
    }

    #[test]
    fn a_newer_format_is_named() {
        let newer = br#"{"publisher":2,"signers":[]}"#;
        assert_eq!(Settings::parse(newer).unwrap_err(), SettingsError::Newer(2));
    }
}
