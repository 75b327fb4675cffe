//! `register`, `unregister` and `policy`: which applications the agent takes care of, and how.

use std::path::PathBuf;

use exuvia::Config;
use serde_json::json;

use crate::answer::Answer;
use crate::args::Options;
use crate::failure::Failure;
use crate::policy::{Author, Rules};
use crate::record::Records;
use crate::registry::Registration;

pub(super) fn register(options: &Options, name: Option<String>) -> Result<Answer, Failure> {
    let absolute = |path: &Option<PathBuf>, argument| {
        let path = path.as_ref().ok_or(Failure::Argument { argument })?;
        let there = path.canonicalize();
        there.map_err(|source| Failure::File { path: path.clone(), source })
    };
    let config = absolute(&options.config, "--config FILE")?;
    let install = absolute(&options.install, "--install DIR")?;
    let text = std::fs::read_to_string(&config)
        .map_err(|source| Failure::Config { path: config.clone(), source })?;
    let parsed = Config::parse(&text)
        .map_err(|source| Failure::Settings { path: config.clone(), source: source.into() })?;
    let name = name.unwrap_or_else(|| parsed.app.to_string());
    let registration = Registration { config, install, policy: Rules::default() };
    let file = options.places.registry()?.add(&name, &registration)?;
    let text = format!("{name} is registered in {}", file.display());
    Ok(Answer::done("registered", text, json!({ "name": name, "file": file })))
}

pub(super) fn unregister(options: &Options, name: &str) -> Result<Answer, Failure> {
    if !options.places.registry()?.remove(name)? {
        return Err(options.places.not_registered(name)?);
    }
    if let Some(records) = Records::look(&options.places)? {
        records.forget(name);
    }
    let text = format!("{name} is not looked after any more; it stays installed");
    Ok(Answer::done("unregistered", text, json!({ "name": name })))
}

/// What holds for an application, or for one that no file names.
pub(super) fn policy(options: &Options) -> Result<Answer, Failure> {
    let name = options.app.as_deref();
    let registration = name.map(|name| options.places.find(name)).transpose()?;
    let policy = options.places.policy(name.unwrap_or_default(), registration.as_ref())?;
    let facts = json!(policy);
    let mut lines = Vec::new();
    for (key, set) in facts.as_object().into_iter().flatten() {
        let value = match &set["value"] {
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let from = match set["from"] == json!(Author::Default) {
            true => String::new(),
            false => format!("  ({})", set["from"].as_str().unwrap_or_default()),
        };
        lines.push(format!("{key:<18} {value}{from}"));
    }
    Ok(Answer::done("policy", lines.join("\n"), json!({ "policy": facts })))
}
