use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use exuvia_core::names::{Channel, Kind, Platform};
use exuvia_core::release::DataFacts;
use semver::Version;

use super::bars::Bars;
use super::effort::Effort;
use super::output::{Output, size};
use crate::{Costs, DeltaOutcome, DeltaReport, Error, Exit, ReleaseOptions, ReleaseReport};

/// Release a version.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder or file that holds the new version.
    path: PathBuf,
    /// The new version, such as 1.3.0.
    #[arg(long, value_name = "V")]
    version: Version,
    /// For which platform, such as linux-x86_64 [default: this machine's].
    #[arg(long, value_name = "OS-ARCH")]
    platform: Option<Platform>,
    /// In which channel [default: that of exuvia.json].
    #[arg(long)]
    channel: Option<Channel>,
    /// folder, exe, appimage, app, deb, rpm, msi or nsis [default: by PATH].
    #[arg(long)]
    kind: Option<Kind>,
    /// What changed, in Markdown: a file, or the text itself.
    #[arg(long, value_name = "FILE|TEXT")]
    notes: Option<String>,
    /// Language of the notes.
    #[arg(long, value_name = "LANG", default_value = "en", requires = "notes")]
    notes_language: String,
    /// Ignore rollouts, and offer it again where it failed.
    #[arg(long)]
    critical: bool,
    /// Let a rollout hold it back, at most so many days [default: 14].
    #[arg(long, value_name = "DAYS", num_args = 0..=1, default_missing_value = "14", require_equals = true)]
    gated: Option<u32>,
    /// Add this platform or kind to a version that exists already.
    #[arg(long)]
    add: bool,
    /// The program inside PATH [default: the file named like the app, or the only executable].
    #[arg(long, value_name = "REL")]
    executable: Option<String>,
    /// The application's own counter of its data format.
    #[arg(long, value_name = "N")]
    data_schema: Option<u64>,
    /// The oldest version that can read data written by this one.
    #[arg(long, value_name = "V", requires = "data_schema")]
    readable_from: Option<Version>,
    /// The oldest version that a manual rollback may reach.
    #[arg(long, value_name = "V")]
    safe_from: Option<Version>,
    /// The lowest kernel (Linux) or system version that it runs on.
    #[arg(long, value_name = "VERSION")]
    requires_os: Option<String>,
    /// The lowest version that may update straight to this one.
    #[arg(long, value_name = "V")]
    requires_from: Option<Version>,
    /// From how many of the last releases to make deltas.
    #[arg(long, value_name = "N", default_value_t = 5)]
    deltas: usize,
    #[command(flatten)]
    effort: Effort,
    /// The largest share of the full download at which a delta is worth having.
    #[arg(long, value_name = "PERCENT", default_value_t = Costs::default().share)]
    delta_share: u64,
    /// Zstandard level of the full download.
    #[arg(long, value_name = "1..22", default_value_t = 19, value_parser = clap::value_parser!(i32).range(1..=22))]
    level: i32,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let mut publisher = super::publisher(repo)?;
    let bars = Bars::new(output.draws());
    let report = publisher.release(&args.options()?, &bars)?;
    output.report(&report, || lines(&report));
    Ok(Exit::Done)
}

impl Args {
    fn options(self) -> Result<ReleaseOptions, Error> {
        let notes = self.notes.as_deref().map(notes).transpose()?;
        let readable_from = self.readable_from;
        Ok(ReleaseOptions {
            platform: self.platform,
            channel: self.channel,
            kind: self.kind,
            notes: notes.into_iter().map(|text| (self.notes_language.clone(), text)).collect(),
            critical: self.critical,
            gated: self.gated,
            adding: self.add,
            executable: self.executable,
            data: self.data_schema.map(|schema| DataFacts { schema, readable_from }),
            safe_from: self.safe_from,
            requires_os: self.requires_os,
            requires_from: self.requires_from,
            deltas: self.deltas,
            costs: Costs { share: self.delta_share, ..self.effort.costs() },
            level: self.level,
            ..ReleaseOptions::new(self.path, self.version)
        })
    }
}

/// The text of a file, or the argument itself.
fn notes(argument: &str) -> Result<String, Error> {
    let path = Path::new(argument);
    match path.is_file() {
        true => std::fs::read_to_string(path).map_err(Error::io(path)),
        false => Ok(argument.to_owned()),
    }
}

fn lines(report: &ReleaseReport) -> String {
    let ReleaseReport { version, channel, platform, kind, .. } = report;
    let done = if report.waits.is_some() { "prepared" } else { "released" };
    let mut text = format!(
        "{done} {version} ({kind}, {platform}, channel {channel}): {} files, {} unpacked\n\n",
        report.files,
        size(report.bundle_length)
    );
    let mut row = |from: &str, size: &str, share: &str, note: &str| {
        let line = format!("  {from:<16} {size:>12} {share:>9}  {note}");
        // Writing into a string does not fail.
        let _ = writeln!(text, "{}", line.trim_end());
    };
    row("from", "size", "of full", "");
    row("(full)", &size(report.full), "100.0 %", "");
    for DeltaReport { from, bytes, percent, outcome } in &report.deltas {
        let bytes = bytes.map_or_else(|| "–".to_owned(), size);
        let percent = percent.map_or_else(|| "–".to_owned(), |share| format!("{share:.1} %"));
        let note = match outcome {
            DeltaOutcome::Released => "",
            DeltaOutcome::TooLarge => "left out: saves too little",
            DeltaOutcome::Unread => "left out: that version cannot read its format",
            DeltaOutcome::NoBase => "left out: its bundle is not in targets/",
        };
        row(&from.to_string(), &bytes, &percent, note);
    }
    let dropped: Vec<String> = report.dropped.iter().map(ToString::to_string).collect();
    if !dropped.is_empty() {
        let _ = write!(text, "\nno longer listed: {}", dropped.join(", "));
    }
    match &report.waits {
        None => text.push_str("\npublish it with `exuvia publish`"),
        Some(outcome) => text = format!("{text}\n{}", super::sign::outcome(outcome)),
    }
    text
}
