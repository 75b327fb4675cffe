//! What the demo says while it plays: everything to a person, nothing to a program.

use super::table::Row;
use crate::commands::output::Output;

/// Speaks on standard error, so that standard output holds the table or the JSON.
#[derive(Debug)]
pub(super) struct Voice {
    loud: bool,
}

impl Voice {
    pub(super) fn new(output: &Output) -> Voice {
        Voice { loud: !output.is_json() }
    }

    /// What comes next.
    pub(super) fn say(&self, text: &str) {
        if self.loud {
            eprintln!("\n{text}");
        }
    }

    /// What a program printed.
    pub(super) fn show(&self, output: &str) {
        if self.loud {
            output.lines().for_each(|line| eprintln!("    │ {line}"));
        }
    }

    /// What was done.
    pub(super) fn did(&self, row: &Row) {
        if self.loud {
            eprintln!("  {}: {}", row.step, row.result);
        }
    }
}
