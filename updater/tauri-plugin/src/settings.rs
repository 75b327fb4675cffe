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

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_str, json};

    use super::*;

    fn read(value: Value) -> Result<Option<Settings>, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn the_schema_allows_what_is_read_and_nothing_else() {
        let schema: Value = from_str(include_str!("../config.schema.json")).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        // A new field does not compile here before it is looked at.
        let Settings { healthy } = Settings::default();
        assert_eq!(properties.keys().collect::<Vec<_>>(), ["healthy"]);
        assert_eq!(
            read(json!({ "healthy": properties["healthy"]["default"] })).unwrap().unwrap().healthy,
            healthy
        );

        let allowed = properties["healthy"]["enum"].as_array().unwrap();
        let found =
            allowed.iter().map(|word| read(json!({ "healthy": word })).unwrap().unwrap().healthy);
        assert_eq!(found.collect::<Vec<_>>(), [Healthy::PageLoad, Healthy::Manual]);
        assert_eq!(schema["type"], json!(["object", "null"]));
        assert!(read(Value::Null).unwrap().is_none());
        assert_eq!(schema["additionalProperties"], false);
        for wrong in
            [json!({ "healthy": "soon" }), json!({ "healthy": null }), json!({ "pubkey": "" })]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
