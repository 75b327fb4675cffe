//! Asking the user, by notifications of the desktop.
//!
//! Rules:
//! - Nobody is asked twice a day about an application, nor while the desktop says not to disturb.
//! - There is one notification for an application, which changes; nothing piles up.

use std::time::Duration;

use exuvia::{Event, Progress, Version};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::meter::Meter;
use crate::platform::{self, Shown};
use crate::words::Words;

/// What a notification says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notice {
    pub(crate) app: String,
    pub(crate) summary: String,
    pub(crate) body: String,
    /// Names and labels of buttons.
    pub(crate) actions: Vec<(&'static str, String)>,
    pub(crate) percent: Option<u8>,
    pub(crate) urgent: bool,
}

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// To have it at once.
    Now,
    /// To have it once the application has quit.
    OnQuit,
    /// Not this version.
    Skip,
    /// Not now.
    Later,
}

impl Choice {
    const ALL: [(Choice, &'static str, &'static str); 4] = [
        (Choice::Now, "now", "installNow"),
        (Choice::OnQuit, "on-quit", "whenQuit"),
        (Choice::Later, "later", "later"),
        (Choice::Skip, "skip", "skip"),
    ];
}

/// What there is to be asked about.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) current: &'a Version,
    pub(crate) version: &'a Version,
    pub(crate) critical: bool,
    /// Bytes to download and bytes in full; `None` if it lies ready.
    pub(crate) bytes: Option<(u64, u64)>,
}

/// The notifications about one application.
pub(crate) struct Notices {
    app: String,
    words: Words,
    shown: Option<Shown>,
}

impl Notices {
    pub(crate) fn about(app: &str) -> Notices {
        Notices { app: app.to_owned(), words: Words::here(), shown: None }
    }

    /// Asks; `None` if nobody can be asked now.
    pub(crate) async fn ask(&mut self, question: &Question<'_>) -> Option<Choice> {
        if platform::do_not_disturb().await {
            return None;
        }
        let (version, current) = (question.version.to_string(), question.current.to_string());
        let gaps = [("app", &*self.app), ("version", &*version), ("current", &*current)];
        let summary = match (question.critical, question.bytes) {
            (true, _) => "critical",
            (false, Some(_)) => "offer",
            (false, None) => "ready",
        };
        let mut body = vec![self.words.say("haveNow", &gaps)];
        if let Some((bytes, full)) = question.bytes {
            let (bytes, full) = (size(bytes), size(full));
            let key = if bytes == full { "sizeFull" } else { "sizeDelta" };
            body.push(self.words.say(key, &[("size", &*bytes), ("full", &*full)]));
        }
        if question.critical {
            body.push(self.words.say("criticalNote", &gaps));
        }
        let actions = Choice::ALL.map(|(_, id, key)| (id, self.words.say(key, &gaps)));
        let notice = Notice {
            summary: self.words.say(summary, &gaps),
            body: body.join("\n"),
            actions: actions.into(),
            urgent: question.critical,
            ..self.empty()
        };
        self.show(&notice).await;
        let shown = self.shown.as_ref()?;
        let clicked = shown.answer(PATIENCE).await;
        let choice = Choice::ALL.into_iter().find(|(_, id, _)| clicked.as_deref() == Some(id));
        let choice = choice.map_or(Choice::Later, |(choice, ..)| choice);
        if matches!(choice, Choice::Later | Choice::Skip) {
            // Not every desktop takes it away by itself.
            shown.close().await;
        }
        Some(choice)
    }

    /// What came of it: a text of the prompt, and one below it.
    pub(crate) async fn tell(&mut self, summary: &str, body: &str, gaps: &[(&str, &str)]) {
        let gaps = [&[("app", &*self.app)], gaps].concat();
        let (summary, body) = (self.words.say(summary, &gaps), self.words.say(body, &gaps));
        let notice = Notice { summary, body, ..self.empty() };
        self.show(&notice).await;
    }

    /// Shows how far a download has come, until the progress is dropped.
    pub(crate) fn progress(self, version: &Version) -> Bar {
        let (percent, mut changes) = watch::channel(None);
        let version = version.to_string();
        let shows = tokio::spawn(async move {
            let mut notices = self;
            while changes.changed().await.is_ok() {
                let percent: Option<u8> = *changes.borrow_and_update();
                let gaps = [("app", &*notices.app), ("version", &*version)];
                let summary = notices.words.say("downloading", &gaps);
                let notice = Notice { summary, percent, ..notices.empty() };
                notices.show(&notice).await;
                tokio::time::sleep(BETWEEN).await;
            }
            notices
        });
        Bar { meter: Meter::new(true), percent, shows }
    }

    async fn show(&mut self, notice: &Notice) {
        if let Some(shown) = platform::show(notice, self.shown.as_ref()).await {
            self.shown = Some(shown);
        }
    }

    fn empty(&self) -> Notice {
        Notice { app: self.app.clone(), ..Notice::default() }
    }
}

/// A bar in a notification.
pub(crate) struct Bar {
    meter: Meter,
    percent: watch::Sender<Option<u8>>,
    shows: JoinHandle<Notices>,
}

impl Bar {
    /// Ends it.
    pub(crate) async fn end(self) -> Option<Notices> {
        drop(self.percent);
        self.shows.await.ok()
    }
}

impl Progress for Bar {
    fn event(&mut self, event: Event) {
        if let Event::Downloading { received, total, .. } = &event {
            let percent = received.saturating_mul(100).checked_div(*total).unwrap_or(100);
            let _ = self.percent.send(u8::try_from(percent).ok());
        }
        self.meter.event(event);
    }
}

/// As people read it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two changes of a bar.
const BETWEEN: Duration = Duration::from_secs(1);
