//! `status` and `history`: what is known, in words.

use exuvia::history::Entry;
use exuvia::{Install, LocalError, Phase, Updater};
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;

pub(super) fn status(install: &Install, updater: Option<&Updater>) -> Result<Answer, Failure> {
    let status = install.status().map_err(LocalError::from)?;
    let (app, version) = (&status.layout.app, &status.current().version);
    let mut text = format!("{app} {version}{}", situation(&status.phase, status.starts));
    let candidate = match &status.phase {
        Phase::Staged { next, .. } => Some(&next.version),
        Phase::Swapping { to, .. } | Phase::Trial { to, .. } => Some(&to.version),
        _ => None,
    };
    if let Some(previous) = status.previous() {
        text.push_str(&format!("\n  {} is kept to go back to", previous.version));
    }
    for bad in &status.remembered.bad {
        text.push_str(&format!("\n  {} is not offered: {}", bad.version, bad.reason));
    }
    let freshness = updater.and_then(Updater::freshness);
    let stale = updater.and_then(Updater::stale_days);
    if let Some(freshness) = freshness {
        text.push_str(&format!("\n  last checked {}", freshness.checked));
    }
    if let Some(days) = stale {
        text.push_str(&format!(
            "\n  the repository has shown nothing new for {days} days: updates may be held back"
        ));
    }
    let facts = json!({
        "freshness": freshness,
        "stale_days": stale,
        "app": app,
        "version": version,
        "digest": status.current().digest,
        "phase": status.phase.name(),
        "candidate": candidate,
        "starts": status.starts,
        "previous": status.previous().map(|release| &release.version),
        "remembered": status.remembered.bad,
        "channel": status.layout.channel,
        "program": status.stable_exe,
    });
    Ok(Answer::done("status", text, facts))
}

/// What is going on, as the rest of a sentence that has named the installed version.
fn situation(phase: &Phase, starts: u8) -> String {
    match phase {
        Phase::Staged { next, .. } => format!("; {} lies ready to be switched to", next.version),
        Phase::Trial { to, .. } => {
            format!(" is kept; {} runs on trial, {starts} of 3 starts used", to.version)
        }
        Phase::Swapping { to, .. } => {
            format!("; a switch to {} was cut off, the next start puts it right", to.version)
        }
        Phase::Reverting { from, .. } => {
            format!("; going back from {} was cut off, the next start puts it right", from.version)
        }
        _ => String::new(),
    }
}

pub(super) fn history(install: &Install) -> Result<Answer, Failure> {
    let entries = install.history().map_err(LocalError::from)?;
    let lines: Vec<String> = entries.iter().map(|entry| line(entry, "")).collect();
    Ok(Answer::done("history", lines.join("\n"), json!({ "entries": entries })))
}

/// A line of the history, with the application's name where there are several.
pub(super) fn line(entry: &Entry, name: &str) -> String {
    let word = serde_json::to_value(entry.event).unwrap_or_default();
    let version = |v: &Option<semver::Version>| v.as_ref().map(ToString::to_string);
    let versions = match (version(&entry.from), version(&entry.to)) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (from, to) => to.or(from).unwrap_or_default(),
    };
    let reason = entry.reason.as_deref().unwrap_or_default();
    let word = word.as_str().unwrap_or_default();
    let line = format!("{}  {name}{word:<12} {versions}  {reason}", entry.time);
    line.trim_end().to_owned()
}
