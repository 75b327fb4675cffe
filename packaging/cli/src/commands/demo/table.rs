//! What the story ends with: one row a step.

use std::time::Duration;

use serde::Serialize;

/// One step of the story as it went.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) step: String,
    /// `full`, `delta`, `chain`, or nothing where no release was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<String>,
    /// Bytes of release files that came over the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub(super) time: Duration,
    pub(super) result: String,
}

/// The rows as an aligned table.
pub(super) fn render(rows: &[Row]) -> String {
    let head = ["step", "route", "on the wire", "time", "result"].map(String::from);
    let body = rows.iter().map(|row| {
        [
            row.step.clone(),
            row.route.clone().unwrap_or_else(|| "–".to_owned()),
            row.bytes.map_or_else(|| "–".to_owned(), size),
            format!("{:.2} s", row.time.as_secs_f32()),
            row.result.clone(),
        ]
    });
    let cells: Vec<[String; 5]> = std::iter::once(head).chain(body).collect();
    let width = |column: usize| {
        cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for row in &cells {
        let [step, route, bytes, time, result] = row;
        let [a, b, c, d] = widths;
        text.push_str(&format!("  {step:<a$}  {route:<b$}  {bytes:>c$}  {time:>d$}  {result}\n"));
    }
    text
}

/// Bytes as people read them, in decimal units.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "kB", "MB", "GB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn milliseconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u128(time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_bytes_are_readable() {
        let row = |step: &str, bytes| Row {
            step: step.to_owned(),
            route: Some("delta".to_owned()),
            bytes,
            time: Duration::from_millis(120),
            result: "ok".to_owned(),
        };
        let text = render(&[row("a", Some(999)), row("longer step", Some(12_345_678))]);
        let results: Vec<Option<usize>> = text
            .lines()
            .map(|line| Some(line[..line.find("result").or(line.rfind("ok"))?].chars().count()))
            .collect();
        assert!(results.iter().all(|at| at.is_some() && *at == results[0]), "{text}");
        assert!(text.contains("999 B") && text.contains("12.3 MB"));
    }
}
