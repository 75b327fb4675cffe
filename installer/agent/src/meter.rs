//! What a run tells while it goes: one line on the terminal that is written over, or nothing.

use std::io::{IsTerminal, Write};

use exuvia::{Event, Progress};

/// Shows events on standard error: warnings always, progress only on a terminal.
#[derive(Debug)]
pub(crate) struct Meter {
    live: bool,
    dirty: bool,
    /// Said once the run goes on all the same; otherwise the error at its end says it.
    warnings: Vec<String>,
    tell: fn(&str),
}

impl Meter {
    /// Quiet when the answer is for a program.
    pub(crate) fn new(json: bool) -> Meter {
        let mut meter = Meter::warning(|text| eprintln!("warning: {text}"));
        meter.live = !json && std::io::stderr().is_terminal();
        meter
    }

    /// Tells warnings alone, to somebody else.
    pub(crate) fn warning(tell: fn(&str)) -> Meter {
        Meter { live: false, dirty: false, warnings: Vec::new(), tell }
    }

    fn line(&mut self, text: &str) {
        if self.live {
            eprint!("\r\x1b[K{text}");
            let _ = std::io::stderr().flush();
            self.dirty = true;
        }
    }

    /// Whatever failed before, the run got further.
    fn warn(&mut self) {
        for text in std::mem::take(&mut self.warnings) {
            self.clear();
            (self.tell)(&text);
        }
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
            Event::MirrorFailed { mirror, reason } => {
                return self.warnings.push(format!("{mirror} is left alone: {reason}"));
            }
            Event::RouteFailed { route, reason } => {
                // Said of the mirror already.
                let reason = reason.to_string();
                self.warnings.retain(|warning| !warning.ends_with(&reason));
                return self.warnings.push(format!("the {route} route failed: {reason}"));
            }
            _ => self.warn(),
        }
        match event {
            Event::Checking { mirror } => self.line(&format!("asking {mirror}")),
            Event::Downloading { route, received, total, rate, left } => {
                let percent = (received.saturating_mul(100)).checked_div(total).unwrap_or(100);
                let mut line = format!("downloading ({route}) {percent} % of {total} bytes");
                if let Some(left) = left {
                    line += &format!(", {} KiB/s, {} s left", rate / 1024, left.as_secs());
                }
                self.line(&line);
            }
            Event::Retrying { mirror, pause, reason } => {
                let seconds = pause.as_secs_f32().ceil();
                self.line(&format!("{mirror} is asked again in {seconds} s: {reason}"));
            }
            Event::Mended { path } => {
                self.warnings.push(format!("{} was damaged and is made anew", path.display()));
                self.warn();
            }
            Event::Stale { days, .. } => {
                self.warnings.push(format!(
                    "the repository has shown nothing new for {days} days; updates may be held back"
                ));
                self.warn();
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
