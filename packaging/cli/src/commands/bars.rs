//! Progress bars, several at once.

use std::collections::BTreeMap;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{Task, Watch};

/// A bar for each task that is under way.
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    /// Bars on standard error, or none.
    pub(crate) fn new(draws: bool) -> Self {
        let target =
            if draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { all: MultiProgress::with_draw_target(target), bars: Mutex::default() }
    }

    fn with_bars<T>(&self, act: impl FnOnce(&mut BTreeMap<String, ProgressBar>) -> T) -> T {
        act(&mut self.bars.lock().unwrap_or_else(|broken| broken.into_inner()))
    }
}

impl Watch for Bars {
    fn progress(&self, task: Task<'_>, done: u64, total: u64) {
        let bar = self.with_bars(|bars| {
            let new = || {
                let bar = self.all.add(ProgressBar::new(total));
                bar.set_style(style());
                bar.with_message(name(task))
            };
            bars.entry(name(task)).or_insert_with(new).clone()
        });
        // A task has phases, each with a total of its own.
        bar.set_length(total);
        bar.set_position(done);
    }

    fn end(&self, task: Task<'_>) {
        if let Some(bar) = self.with_bars(|bars| bars.remove(&name(task))) {
            bar.finish_and_clear();
        }
    }
}

fn name(task: Task<'_>) -> String {
    match task {
        Task::Compress => "full download".to_owned(),
        Task::Delta(from) => format!("delta from {from}"),
        Task::Make => "delta".to_owned(),
        Task::Copy => "copying".to_owned(),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:24} {wide_bar} {bytes}/{total_bytes}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
