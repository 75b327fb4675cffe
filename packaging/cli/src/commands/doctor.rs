use std::path::Path;

use super::output::Output;
use crate::publisher::system_clock;
use crate::{Error, Exit, Finding, Folder, Severity};

/// What is wrong, or soon will be: expiries, keys in one place, files, mirrors.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not ask the mirrors.
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let findings = Folder::open(repo)?.doctor(system_clock(), !args.offline)?;
    output.report(&findings, || lines(&findings));
    let problem = findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(if problem { Exit::Failed } else { Exit::Done })
}

fn lines(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "nothing to worry about".to_owned();
    }
    let line = |finding: &Finding| {
        let severity = match finding.severity {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        format!("{severity}: {}\n→ {}\n", finding.what, finding.advice)
    };
    findings.iter().map(line).collect()
}
