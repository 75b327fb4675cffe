//! What a run tells while it goes: one line on the terminal that is written over, or nothing.

use std::io::{IsTerminal, Write};

use exuvia::{Event, Progress};

/// Shows events on standard error: warnings always, progress only on a terminal.
#[derive(Debug)]
pub(crate) struct Meter {
    live: bool,
    dirty: bool,
}

impl Meter {
    /// Quiet when the answer is for a program.
    pub(crate) fn new(json: bool) -> Meter {
        Meter { live: !json && std::io::stderr().is_terminal(), dirty: false }
    }

    fn line(&mut self, text: &str) {
        if self.live {
            eprint!("\r\x1b[K{text}");
            let _ = std::io::stderr().flush();
            self.dirty = true;
        }
    }

    fn warning(&mut self, text: &str) {
        self.clear();
        eprintln!("{text}");
    }

    /// Ends the line, so that the answer stands alone.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.dirty) {
            eprint!("\r\x1b[K");
        }
    }
}

impl Progress for Meter {
    fn event(&mut self, event: Event) {
        match event {
            Event::Checking { mirror } => self.line(&format!("asking {mirror}")),
            Event::Downloading { route, received, total } => {
                let percent = (received.saturating_mul(100)).checked_div(total).unwrap_or(100);
                self.line(&format!("downloading ({route}) {percent} % of {total} bytes"));
            }
            Event::MirrorFailed { mirror, reason } => {
                self.warning(&format!("warning: {mirror} is left alone: {reason}"));
            }
            Event::RouteFailed { route, reason } => {
                self.warning(&format!("warning: the {route} route failed: {reason}"));
            }
            Event::Staging { .. } => self.line("unpacking and verifying"),
            Event::Staged { .. } => self.line("trying whether it starts"),
            _ => {}
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.clear();
    }
}
