//! What a command tells: lines for people, or one JSON document for programs.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::json;

use crate::Error;

/// Where reports go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the report is for a program.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress may be drawn: people are looking.
    pub(crate) fn draws(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Tells the result, once.
    pub(crate) fn report(&self, report: &impl Serialize, lines: impl FnOnce() -> String) {
        if self.json {
            write_line(&json!(report).to_string());
        } else {
            write_line(lines().trim_end());
        }
    }

    /// Tells something before a question, beside the report.
    pub(crate) fn aside(&self, text: &str) {
        // Nothing is left to be done when even standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Tells an error: what happened, what to do.
    pub(crate) fn error(&self, error: &Error) {
        let (what, advice) = (error.to_string(), error.advice());
        if self.json {
            let error = json!({ "what": what, "advice": advice, "exit": error.exit().code() });
            write_line(&json!({ "error": error }).to_string());
        } else {
            // Nothing is left to be done when even standard error is closed.
            let _ = writeln!(io::stderr(), "error: {what}\n→ {advice}");
        }
    }
}

fn write_line(text: &str) {
    // A reader that has seen enough closes the pipe; that is no failure of the command.
    let _ = writeln!(io::stdout(), "{text}");
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}
