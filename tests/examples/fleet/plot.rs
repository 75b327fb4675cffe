//! The plot: which versions run, and what the server is asked.

use std::fmt::Write;

use crate::repository::{BAD, PAUSED, RELEASED};
use crate::{Counts, DAYS, MACHINES};

const LEFT: f64 = 64.0;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const COLOURS: [&str; 6] = ["#c6c6c6", "#9ecae1", "#6baed6", "#e6550d", "#3182bd", "#08519c"];

/// As SVG, dark on light whatever surrounds it.
pub(crate) fn svg(counts: &Counts) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} 560\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        LEFT + WIDTH + 96.0
    );
    versions(&mut text, counts, 32.0);
    load(&mut text, counts, 304.0);
    text + "</svg>\n"
}

fn versions(text: &mut String, counts: &Counts, top: f64) {
    title(
        text,
        top,
        "Versions that run (1.3.0 does not start, and is gone back from: on offer at the mark)",
    );
    let share = |count: u32| HEIGHT * f64::from(count) / MACHINES as f64;
    for (version, colour) in COLOURS.iter().enumerate() {
        // Each band from the sum of the older versions to that with its own.
        let below = |row: &[u32; 6], upto: usize| row[..upto].iter().sum::<u32>();
        let edge = |upto: usize| {
            let row = |(hour, row): (usize, &[u32; 6])| {
                (x(hour as f64), top + HEIGHT - share(below(row, upto)))
            };
            counts.versions.iter().enumerate().map(row).collect::<Vec<_>>()
        };
        let (lower, upper) = (edge(version), edge(version + 1));
        let outline: Vec<String> =
            lower.iter().chain(upper.iter().rev()).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(text, "<polygon points=\"{}\" fill=\"{colour}\"/>", outline.join(" "));
        let (at, right) = (top + 14.0 + 20.0 * version as f64, LEFT + WIDTH + 12.0);
        let _ = writeln!(
            text,
            "<rect x=\"{right}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{at}\">1.{version}.0</text>",
            at - 10.0,
            right + 18.0
        );
    }
    let [begins, ends] = [RELEASED, PAUSED].map(|day| x(day as f64 * 24.0));
    let (above, long, colour) = (top - 5.0, ends - begins, COLOURS[BAD]);
    let _ = writeln!(
        text,
        "<rect x=\"{begins}\" y=\"{above}\" width=\"{long}\" height=\"5\" fill=\"{colour}\"/>"
    );
    axes(text, top, &[(0.0, "0"), (0.5, "50 %"), (1.0, "100 %")]);
}

fn load(text: &mut String, counts: &Counts, top: f64) {
    title(
        text,
        top,
        "Checks (dark) and downloads (light) in an hour; no server on day 15 for six hours",
    );
    let most = f64::from(*counts.checks.iter().max().unwrap_or(&1));
    for (values, colour) in [(&counts.checks, "#08519c"), (&counts.downloads, "#6baed6")] {
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(hour, value)| {
                let y = top + HEIGHT * (1.0 - f64::from(*value) / most);
                format!("{:.1},{y:.1}", x(hour as f64))
            })
            .collect();
        let line = points.join(" ");
        let _ = writeln!(text, "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\"/>");
    }
    let (half, whole) = (format!("{:.0}", most / 2.0), format!("{most:.0}"));
    axes(text, top, &[(0.0, "0"), (0.5, &half), (1.0, &whole)]);
}

fn x(hour: f64) -> f64 {
    LEFT + WIDTH * hour / (DAYS as f64 * 24.0)
}

fn title(text: &mut String, top: f64, words: &str) {
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{words}</text>",
        top - 10.0
    );
}

fn axes(text: &mut String, top: f64, marks: &[(f64, &str)]) {
    let bottom = top + HEIGHT;
    let _ = writeln!(
        text,
        "<path d=\"M{LEFT},{top}V{bottom}H{}\" fill=\"none\" stroke=\"#000\"/>",
        LEFT + WIDTH
    );
    for (share, mark) in marks {
        let y = bottom - HEIGHT * share + 4.0;
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{mark}</text>",
            LEFT - 6.0
        );
    }
    for day in (0..=DAYS).step_by(5) {
        let at = x(day as f64 * 24.0);
        let y = bottom + 18.0;
        let _ =
            writeln!(text, "<text x=\"{at}\" y=\"{y}\" text-anchor=\"middle\">day {day}</text>");
    }
}
