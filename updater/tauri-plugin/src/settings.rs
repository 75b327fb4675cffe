//! `plugins.exuvia` of `tauri.conf.json`.

use serde::Deserialize;

/// The plugin's part of the configuration; all of it may be left out.
///
/// ```
/// use tauri_plugin_exuvia::{Healthy, Settings};
/// let settings: Settings = serde_json::from_str(r#"{ "healthy": "manual" }"#).unwrap();
/// assert_eq!(settings.healthy, Healthy::Manual);
/// assert!(serde_json::from_str::<Settings>(r#"{ "pubkey": "…" }"#).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// When a new version has proved itself.
    pub healthy: Healthy,
}

/// When a new version has proved itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Healthy {
    /// A page has loaded.
    #[default]
    PageLoad,
    /// The application says so: `healthy()` in JavaScript, [`Exuvia::app`](crate::Exuvia::app) in Rust.
    Manual,
}
