//! `status` and `history` of all registered applications.

use exuvia::history::Entry;
use exuvia::{LocalError, Time};
use serde_json::{Value, json};

use super::once::with_name;
use super::tell;
use crate::answer::Answer;
use crate::args::Options;
use crate::clock;
use crate::failure::Failure;
use crate::record::{Attended, Records};
use crate::target::{Target, interval};

pub(super) fn status(options: &Options) -> Result<Answer, Failure> {
    let records = Records::look(&options.places)?;
    let (mut lines, mut apps) = (Vec::new(), Vec::new());
    for name in options.places.registry()?.names()? {
        let (said, facts) = about(options, &name, records.as_ref());
        lines.extend(said);
        apps.push(facts);
    }
    if apps.is_empty() {
        lines.push("no application is registered".to_owned());
    }
    Ok(Answer::done("status", lines.join("\n"), json!({ "apps": apps })))
}

/// What is known of one application, in words and for programs.
pub(crate) fn about(
    options: &Options,
    name: &str,
    records: Option<&Records>,
) -> (Vec<String>, Value) {
    let mut lines = Vec::new();
    let target = Target::find(options.of(name));
    let attended = records.and_then(|records| records.load(name));
    let due = attended.as_ref().map(|attended| due(attended, &target));
    let (version, phase) = match installed(&target) {
        Ok((version, phase)) => (json!(version), json!(phase)),
        Err(failure) => {
            lines.push(format!("{name}: {failure}"));
            (Value::Null, Value::Null)
        }
    };
    if let Some(version) = version.as_str() {
        lines.push(format!("{name} {version}"));
    }
    match (&attended, due) {
        (Some(attended), Some(due)) => {
            lines.push(format!("  {}: {}", attended.last.at, attended.outcome));
            lines.push(format!("  is looked after again from {due} on"));
        }
        _ => lines.push("  has not been looked after yet".to_owned()),
    }
    let facts = json!({
        "version": version, "phase": phase, "due": due,
        "attended": attended.as_ref().map(|attended| attended.last.at),
        "failures": attended.as_ref().map_or(0, |attended| attended.last.failures()),
        "known": attended.as_ref().and_then(|attended| attended.known.clone()),
        "outcome": attended.map(|attended| attended.outcome),
    });
    (lines, with_name(name, facts))
}

fn installed(target: &Result<Target, Failure>) -> Result<(String, &'static str), String> {
    let target = target.as_ref().map_err(ToString::to_string)?;
    let install = target.installation().map_err(|failure| failure.to_string())?;
    let status = install.status().map_err(|error| LocalError::from(error).to_string())?;
    Ok((status.current().version.to_string(), status.phase.name()))
}

fn due(attended: &Attended, target: &Result<Target, Failure>) -> Time {
    let now = clock::now();
    let remaining = attended.last.remaining(interval(target), now);
    Time::from_unix(now.as_unix().saturating_add(remaining))
}

/// All that happened, oldest first.
pub(super) fn history(options: &Options) -> Result<Answer, Failure> {
    let mut entries: Vec<(String, Entry)> = Vec::new();
    for name in options.places.registry()?.names()? {
        // One that cannot be read says so in the status.
        let install = Target::find(options.of(&name)).and_then(|target| target.installation());
        let known = install.ok().and_then(|install| install.history().ok()).unwrap_or_default();
        entries.extend(known.into_iter().map(|entry| (name.clone(), entry)));
    }
    entries.sort_by_key(|(_, entry)| entry.time);
    let lines: Vec<String> =
        entries.iter().map(|(name, entry)| tell::line(entry, &format!("{name} "))).collect();
    let facts: Vec<Value> =
        entries.iter().map(|(name, entry)| with_name(name, json!(entry))).collect();
    Ok(Answer::done("history", lines.join("\n"), json!({ "entries": facts })))
}
