//! What fleets want to know, as Prometheus has it (text format 0.0.4), for node_exporter's textfile
//! collector. Pure but for [`write()`].

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use exuvia_durable::Dir;

use crate::args::Options;
use crate::clock;
use crate::failure::Failure;
use crate::record::Records;
use crate::target::{Target, interval};

/// What is told of one application.
#[derive(Debug, Default)]
struct Told {
    name: String,
    version: String,
    phase: &'static str,
    attended: Option<i64>,
    due: Option<i64>,
    renewed: Option<i64>,
    failures: u32,
    result: &'static str,
    reason: String,
    events: BTreeMap<String, u64>,
}

/// Writes the file, as a whole.
pub(crate) fn write(options: &Options, records: &Records, file: &Path) -> Result<(), Failure> {
    let mut told = Vec::new();
    for name in options.places.registry()?.names()? {
        told.push(tell(options, records, name));
    }
    let (folder, name) = (file.parent().unwrap_or(Path::new(".")), file.file_name());
    let name = name.ok_or(Failure::Argument { argument: "--metrics FILE" })?;
    Ok(Dir::open(folder)?.write(name, render(&told).as_bytes())?)
}

fn tell(options: &Options, records: &Records, name: String) -> Told {
    let target = Target::find(options.of(&name));
    let mut told = Told { name, ..Told::default() };
    if let Some(attended) = records.load(&told.name) {
        let now = clock::now();
        told.attended = Some(attended.last.at.as_unix());
        told.due = Some(now.as_unix() + attended.last.remaining(interval(&target), now));
        told.failures = attended.last.failures();
        told.result = attended.outcome.name();
        told.reason = attended.outcome.reason().to_owned();
    }
    let Ok(target) = target else { return told };
    let updater = target.updater(None).ok();
    let freshness = updater.and_then(|updater| updater.freshness());
    told.renewed = freshness.map(|freshness| freshness.renewed.as_unix());
    let Ok(install) = target.installation() else { return told };
    if let Ok(status) = install.status() {
        told.version = status.current().version.to_string();
        told.phase = status.phase.name();
    }
    for entry in install.history().unwrap_or_default() {
        let event = serde_json::to_value(entry.event).unwrap_or_default();
        *told.events.entry(event.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    told
}

fn render(told: &[Told]) -> String {
    let mut text = String::new();
    let agent = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    family(&mut text, "exuvia_agent_info", "The agent.", [(agent, Some(1))]);
    let each = |labels: fn(&Told) -> String, value: fn(&Told) -> Option<i64>| {
        told.iter().map(move |told| (labels(told), value(told)))
    };
    family(
        &mut text,
        "exuvia_application_info",
        "What is installed, and the phase of its installation.",
        each(|t| labels(t, &[("version", &t.version), ("phase", t.phase)]), |_| Some(1)),
    );
    family(
        &mut text,
        "exuvia_application_outcome",
        "What came of the last run, and why something is held.",
        each(
            |t| labels(t, &[("result", t.result), ("reason", &t.reason)]),
            |t| t.attended.map(|_| 1),
        ),
    );
    let alone: fn(&Told) -> String = |told| labels(told, &[]);
    family(
        &mut text,
        "exuvia_application_failures",
        "Runs that failed in a row.",
        each(alone, |told| Some(i64::from(told.failures))),
    );
    family(
        &mut text,
        "exuvia_application_attended_timestamp_seconds",
        "When the last run was.",
        each(alone, |told| told.attended),
    );
    family(
        &mut text,
        "exuvia_application_due_timestamp_seconds",
        "When the next run is due.",
        each(alone, |told| told.due),
    );
    family(
        &mut text,
        "exuvia_application_renewed_timestamp_seconds",
        "When the repository showed something new last.",
        each(alone, |told| told.renewed),
    );
    let events = told.iter().flat_map(|told| {
        told.events
            .iter()
            .map(|(event, number)| (labels(told, &[("event", event)]), i64::try_from(*number).ok()))
    });
    family(&mut text, "exuvia_application_events", "What stands in the history.", events);
    text
}

/// A metric with its values, those that are known.
fn family(
    text: &mut String,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (String, Option<i64>)>,
) {
    // Writing into a string cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in values {
        if let Some(value) = value {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
}

fn labels(told: &Told, more: &[(&str, &str)]) -> String {
    let mut labels = vec![("application", &*told.name)];
    labels.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    let labels: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", labels.join(","))
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_as_prometheus_wants_it() {
        let told = Told {
            name: "notes".to_owned(),
            version: "1.1.0".to_owned(),
            phase: "settled",
            attended: Some(1_795_000_000),
            result: "held",
            reason: "metered".to_owned(),
            events: [("committed".to_owned(), 2)].into(),
            ..Told::default()
        };
        let odd = Told { name: "a\"b\\c\nd".to_owned(), ..Told::default() };
        let text = render(&[told, odd]);
        for line in [
            "exuvia_application_info{application=\"notes\",version=\"1.1.0\",phase=\"settled\"} 1",
            "exuvia_application_info{application=\"a\\\"b\\\\c\\nd\"} 1",
            "exuvia_application_outcome{application=\"notes\",result=\"held\",reason=\"metered\"} 1",
            "exuvia_application_failures{application=\"notes\"} 0",
            "exuvia_application_attended_timestamp_seconds{application=\"notes\"} 1795000000",
            "exuvia_application_events{application=\"notes\",event=\"committed\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        let values = text.lines().filter(|line| !line.starts_with('#'));
        assert!(values.clone().all(|line| line.starts_with("exuvia_")), "{text}");
        assert!(!text.contains("due_timestamp_seconds{"), "nothing is due that was never run");
        assert!(text.ends_with('\n'));
    }
}
