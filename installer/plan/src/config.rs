//! `exuvia.json`: what an application embeds (formats §6).

use crate::data::DataHooks;
use crate::policy::{Health, PolicyError, Qualify};
use exuvia_core::{App, Channel, json};
use serde_json::{Map, Value};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The embedded configuration.
///
/// ```
/// use exuvia_plan::{Config, ConfigError};
/// let text = r#"{"exuvia": 1, "app": "notes", "chanel": "stable"}"#;
/// let error = Config::parse(text).unwrap_err();
/// assert_eq!(error, ConfigError::UnknownKey { key: "chanel".into() });
/// assert!(error.to_string().contains("`chanel`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The application.
    pub app: App,
    /// The channel it follows.
    pub channel: Channel,
    /// Where the repository lies, in order of preference.
    pub mirrors: Vec<Mirror>,
    /// The root metadata that is trusted first, as JSON.
    pub root: Vec<u8>,
    /// When a new version counts as healthy.
    pub health: Health,
    /// How a new version shows that it starts.
    pub qualify: Qualify,
    /// How the application looks after its user's data.
    pub data: DataHooks,
}

/// A base address under which `metadata/` and `targets/` lie; always ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mirror(String);

/// Why an `exuvia.json` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not one strict JSON object (duplicate keys, fractions and deep nesting are refused too).
    #[error("exuvia.json is not valid: {0}")]
    Json(json::JsonError),
    /// The document is not an object.
    #[error("exuvia.json must be an object")]
    NotAnObject,
    /// A key that this version does not know.
    #[error("exuvia.json: unknown key `{key}` (known are {})", KEYS.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A required key is absent.
    #[error("exuvia.json: `{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// `exuvia` is a format version that this code does not know.
    #[error("exuvia.json has format {found}, this program understands 1")]
    Newer {
        /// The version found.
        found: u64,
    },
    /// A value of the wrong type or outside its grammar.
    #[error("exuvia.json: `{key}` must be {expected}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
    /// A `health`, `qualify` or `data` value outside its grammar.
    #[error("exuvia.json: `{key}`: {source}")]
    Policy {
        /// The key.
        key: &'static str,
        /// What may stand there.
        source: PolicyError,
    },
    /// An entry of `mirrors` is refused.
    #[error("exuvia.json: `mirrors`: {0}")]
    Mirror(MirrorError),
}

/// Why an address cannot be a mirror.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// Neither https, nor http to a loopback host, nor an absolute `file:` folder.
    #[error(
        "`{address}` must begin with https://, with http:// and a loopback host, or with file:///"
    )]
    Scheme {
        /// The address.
        address: String,
    },
    /// White space, control characters, a user name, a query or a fragment.
    #[error("`{address}` must be a plain address of a folder")]
    NotPlain {
        /// The address.
        address: String,
    },
}

impl Config {
    /// Reads the text of an `exuvia.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        let Value::Object(mut map) = json::parse(text.as_bytes()).map_err(ConfigError::Json)?
        else {
            return Err(ConfigError::NotAnObject);
        };
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(ConfigError::UnknownKey { key: key.clone() });
        }
        match required(&mut map, "exuvia")?.as_u64() {
            Some(1) => {}
            Some(found) if found > 1 => return Err(ConfigError::Newer { found }),
            _ => return Err(ConfigError::Invalid { key: "exuvia", expected: "1" }),
        }
        let root = required(&mut map, "root")?;
        if !root.is_object() {
            return Err(ConfigError::Invalid { key: "root", expected: "root metadata, an object" });
        }
        Ok(Config {
            app: named(&mut map, "app", "an application name of a-z, 0-9, dots and dashes")?,
            channel: named(&mut map, "channel", "a channel name of 1 to 16 characters a-z, 0-9")?,
            mirrors: mirrors(required(&mut map, "mirrors")?)?,
            root: serde_json::to_vec(&root).expect("a parsed value can be written"),
            health: policy(&mut map, "health", PolicyError::Health)?,
            qualify: policy(&mut map, "qualify", PolicyError::Qualify)?,
            data: policy(&mut map, "data", PolicyError::Data)?,
        })
    }

    /// The configuration as the text of an `exuvia.json`; [`Config::parse`] gives it back.
    pub fn to_json(&self) -> String {
        let root: Value = serde_json::from_slice(&self.root).unwrap_or(Value::Null);
        let mirrors: Vec<&str> = self.mirrors.iter().map(Mirror::as_str).collect();
        let mut value = serde_json::json!({
            "exuvia": 1, "app": self.app, "channel": self.channel, "mirrors": mirrors,
            "root": root, "health": self.health, "qualify": self.qualify,
        });
        if !self.data.is_empty() {
            value["data"] = serde_json::json!(self.data);
        }
        format!("{value:#}\n")
    }
}

impl Mirror {
    /// The address; ends in `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Mirror {
    type Err = MirrorError;

    /// ```
    /// use exuvia_plan::Mirror;
    /// assert_eq!("https://a.example/n".parse::<Mirror>().unwrap().as_str(), "https://a.example/n/");
    /// assert!("http://a.example/n/".parse::<Mirror>().is_err());
    /// assert!("http://127.0.0.1:8080/".parse::<Mirror>().is_ok());
    /// ```
    fn from_str(address: &str) -> Result<Mirror, MirrorError> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\');
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let authority = rest.split('/').next().unwrap_or("");
        if address.contains(odd) || authority.contains('@') || address.len() > MAX_ADDRESS {
            return Err(MirrorError::NotPlain { address: address.to_owned() });
        }
        let fits = match scheme {
            "https" => !authority.is_empty(),
            "http" => is_loopback(authority),
            "file" => authority.is_empty() && rest.starts_with('/'),
            _ => false,
        };
        if !fits {
            return Err(MirrorError::Scheme { address: address.to_owned() });
        }
        let slash = if address.ends_with('/') { "" } else { "/" };
        Ok(Mirror(format!("{address}{slash}")))
    }
}

fn is_loopback(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let known = host == "localhost"
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    known && port.bytes().all(|b| b.is_ascii_digit())
}

fn required(map: &mut Map<String, Value>, key: &'static str) -> Result<Value, ConfigError> {
    map.remove(key).ok_or(ConfigError::Missing { key })
}

fn named<T: FromStr>(
    map: &mut Map<String, Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<T, ConfigError> {
    let value = required(map, key)?;
    let name = value.as_str().and_then(|text| text.parse().ok());
    name.ok_or(ConfigError::Invalid { key, expected })
}

fn policy<T: Default + serde::de::DeserializeOwned>(
    map: &mut Map<String, Value>,
    key: &'static str,
    source: PolicyError,
) -> Result<T, ConfigError> {
    match map.remove(key) {
        None => Ok(T::default()),
        Some(value) => {
            serde_json::from_value(value).map_err(|_| ConfigError::Policy { key, source })
        }
    }
}

fn mirrors(value: Value) -> Result<Vec<Mirror>, ConfigError> {
    let invalid = ConfigError::Invalid { key: "mirrors", expected: "a list of 1 to 16 addresses" };
    match value {
        Value::Array(list) if (1..=16).contains(&list.len()) => {
            let address = |v: Value| match v.as_str() {
                Some(text) => text.parse().map_err(ConfigError::Mirror),
                None => Err(invalid.clone()),
            };
            list.into_iter().map(address).collect()
        }
        _ => Err(invalid),
    }
}

const KEYS: [&str; 8] =
    ["exuvia", "app", "channel", "mirrors", "root", "health", "qualify", "data"];
const MAX_ADDRESS: usize = 1024;
