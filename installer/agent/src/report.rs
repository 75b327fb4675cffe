//! The report of an outcome, for publishers who want to see how a release fares. Nobody sends one
//! unless the policy names an address; nothing in it tells who sends it (docs/fleet.md).

use exuvia::history::{Entry, Event};
use exuvia::{Time, Updater};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::fetcher::Fetcher;
use crate::network::Network;

/// What is told of a run.
pub(crate) struct Report<'a> {
    pub(crate) updater: &'a Updater,
    pub(crate) network: &'a Network,
    pub(crate) address: &'a str,
    /// Who sends it, where that is somebody else.
    pub(crate) fetcher: Option<&'a Fetcher>,
    /// The run before.
    pub(crate) since: Time,
}

impl Report<'_> {
    /// Sends what happened since the run before, and how this one failed. Nothing depends on it.
    pub(crate) async fn send(&self, failed: Option<&Failure>) {
        let history = self.updater.history().unwrap_or_default();
        let mut outcomes = outcomes(&history, self.since);
        outcomes.extend(
            failed.map(|failure| json!({ "result": "failed", "reason": failure.family() })),
        );
        for outcome in outcomes.iter().take(MOST) {
            let body = self.body(outcome);
            let sent = match self.fetcher {
                Some(fetcher) => fetcher.report(body).await,
                None => self.network.post(self.address, body.to_string().into_bytes()).await,
            };
            if let Err(error) = sent {
                eprintln!("event=report-failed text={:?}", error.to_string());
                return;
            }
        }
    }

    fn body(&self, outcome: &Value) -> Value {
        let mut body = json!({ "exuvia_report": 1 });
        if let Ok(status) = self.updater.status() {
            body["app"] = json!(status.layout.app);
            body["platform"] = json!(status.layout.platform);
        }
        if let (Value::Object(body), Value::Object(outcome)) = (&mut body, outcome) {
            body.extend(outcome.clone());
        }
        body
    }
}

/// What a publisher learns from. Reasons that may hold what a program printed stay here.
fn outcomes(history: &[Entry], since: Time) -> Vec<Value> {
    let new = history.iter().filter(|entry| entry.time > since);
    new.filter_map(|entry| {
        let reason = match entry.event {
            Event::Committed | Event::Refused => None,
            Event::Reverted | Event::RolledBack => entry.reason.as_ref(),
            _ => return None,
        };
        let mut outcome = json!({ "result": entry.event, "from": entry.from, "to": entry.to });
        if let Some(reason) = reason {
            outcome["reason"] = json!(reason);
        }
        Some(outcome)
    })
    .collect()
}

/// Reports of one run.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outcomes_since_the_last_run_are_told_and_no_output_of_programs() {
        let entry = |time, event, reason: Option<&str>| Entry {
            time: Time::from_unix(time),
            event,
            from: Some("1.0.0".parse().unwrap()),
            to: Some("1.1.0".parse().unwrap()),
            reason: reason.map(str::to_owned),
        };
        let history = [
            entry(10, Event::Committed, None),
            entry(11, Event::Swapped, None),
            entry(12, Event::Reverted, Some("three starts")),
            entry(13, Event::Refused, Some("/home/somebody: no such file")),
        ];
        let told = json!(outcomes(&history, Time::from_unix(10)));
        assert_eq!(
            told,
            json!([
                { "result": "reverted", "from": "1.0.0", "to": "1.1.0", "reason": "three starts" },
                { "result": "refused", "from": "1.0.0", "to": "1.1.0" },
            ])
        );
    }
}
