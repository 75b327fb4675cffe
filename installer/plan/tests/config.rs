//! `exuvia.json`: what is read, and how what is wrong is named.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]
#![allow(clippy::disallowed_methods, reason = "vectors and their rewriting are files")]

use exuvia_plan::{Config, ConfigError, Health, Mirror, Qualify};

fn vector() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/vectors/exuvia.json");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_vector_is_read_and_written_back() {
    let config = Config::parse(&vector()).unwrap();
    assert_eq!(config.app.as_str(), "notes");
    assert_eq!(config.channel.as_str(), "stable");
    assert_eq!(config.mirrors[0].as_str(), "https://updates.example.org/notes/");
    assert_eq!((config.health, &config.qualify), (Health::default(), &Qualify::Nonce));
    assert_eq!(Config::parse(&config.to_json()).unwrap(), config);
}

fn with(key: &str, value: &str) -> Result<Config, ConfigError> {
    let mut json: serde_json::Value = serde_json::from_str(&vector()).unwrap();
    json[key] = serde_json::from_str(value).unwrap();
    Config::parse(&json.to_string())
}

#[test]
fn what_is_absent_has_its_default_and_what_is_required_is_named() {
    let mut json: serde_json::Value = serde_json::from_str(&vector()).unwrap();
    for key in ["health", "qualify"] {
        json.as_object_mut().unwrap().remove(key);
    }
    let config = Config::parse(&json.to_string()).unwrap();
    assert_eq!((config.health, config.qualify), (Health::default(), Qualify::Nonce));
    for key in ["exuvia", "app", "channel", "mirrors", "root"] {
        let mut json = json.clone();
        json.as_object_mut().unwrap().remove(key);
        assert_eq!(Config::parse(&json.to_string()), Err(ConfigError::Missing { key }));
    }
}

#[test]
fn errors_name_the_key_and_what_may_stand_there() {
    let cases = [
        (
            "helth",
            "1",
            "exuvia.json: unknown key `helth` (known are exuvia, app, channel, mirrors, root, health, qualify, data)",
        ),
        ("exuvia", "2", "exuvia.json has format 2, this program understands 1"),
        ("exuvia", "\"1\"", "exuvia.json: `exuvia` must be 1"),
        (
            "app",
            "\"Notes\"",
            "exuvia.json: `app` must be an application name of a-z, 0-9, dots and dashes",
        ),
        (
            "channel",
            "7",
            "exuvia.json: `channel` must be a channel name of 1 to 16 characters a-z, 0-9",
        ),
        ("mirrors", "[]", "exuvia.json: `mirrors` must be a list of 1 to 16 addresses"),
        (
            "mirrors",
            "[\"http://example.org/\"]",
            "exuvia.json: `mirrors`: `http://example.org/` must begin with https://, with http:// and a loopback host, or with file:///",
        ),
        (
            "mirrors",
            "[\"https://me@example.org/\"]",
            "exuvia.json: `mirrors`: `https://me@example.org/` must be a plain address of a folder",
        ),
        (
            "health",
            "\"alive:0\"",
            "exuvia.json: `health`: it must be `explicit`, `explicit:SECONDS` or `alive:SECONDS` with 1 to 3600 seconds",
        ),
        (
            "health",
            "60",
            "exuvia.json: `health`: it must be `explicit`, `explicit:SECONDS` or `alive:SECONDS` with 1 to 3600 seconds",
        ),
        (
            "qualify",
            "[]",
            "exuvia.json: `qualify`: it must be true, false or a list of 1 to 16 arguments",
        ),
        (
            "qualify",
            "\"yes\"",
            "exuvia.json: `qualify`: it must be true, false or a list of 1 to 16 arguments",
        ),
        ("root", "\"x\"", "exuvia.json: `root` must be root metadata, an object"),
    ];
    for (key, value, message) in cases {
        assert_eq!(with(key, value).unwrap_err().to_string(), message, "{key} {value}");
    }
    assert!(matches!(Config::parse("{\"exuvia\":1,\"exuvia\":1}"), Err(ConfigError::Json(_))));
    assert_eq!(Config::parse("[]"), Err(ConfigError::NotAnObject));
}

#[test]
fn health_and_qualify_have_three_forms_each() {
    for text in ["explicit", "explicit:1", "explicit:3600", "alive:1", "alive:3600"] {
        let health = with("health", &format!("\"{text}\"")).unwrap().health;
        assert_eq!(health.to_string(), text);
    }
    for text in ["alive", "alive:", "alive:3601", "alive:+5", "explicit:0", "Explicit", ""] {
        assert!(with("health", &format!("\"{text}\"")).is_err(), "{text}");
    }
    assert_eq!(with("qualify", "false").unwrap().qualify, Qualify::No);
    assert_eq!(
        with("qualify", "[\"--version\"]").unwrap().qualify,
        Qualify::Args(vec!["--version".to_owned()])
    );
}

#[test]
fn mirrors_are_https_loopback_or_an_absolute_folder() {
    let good = ["https://a.example/x", "http://localhost:8080", "http://[::1]:1/", "file:///srv/r"];
    for address in good {
        let mirror: Mirror = address.parse().unwrap();
        assert!(mirror.as_str().starts_with(address) && mirror.as_str().ends_with('/'));
    }
    let bad = [
        "",
        "a.example",
        "ftp://a/",
        "https://",
        "file://host/x",
        "file://",
        "http://127.0.0.1@evil/",
        "http://localhost.evil.org/",
        "http://127.0.0.1.evil.org/",
        "https://a/?x",
        "https://a/ b",
        "https://a/#b",
        "http://localhost:80x/",
    ];
    for address in bad {
        assert!(address.parse::<Mirror>().is_err(), "{address}");
    }
}
