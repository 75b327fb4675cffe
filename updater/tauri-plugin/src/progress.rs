//! The crate's events as pages hear them.

use exuvia::{Event, Progress, Version};
use serde::Serialize;
use tauri::ipc::Channel;

use crate::state::{State, States};

/// What a download tells, in the shape of `@tauri-apps/plugin-updater`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", content = "data")]
pub(crate) enum DownloadEvent {
    #[serde(rename_all = "camelCase")]
    Started {
        content_length: Option<u64>,
    },
    #[serde(rename_all = "camelCase")]
    Progress {
        chunk_length: u64,
    },
    Finished,
}

/// One download: to its own channel, and to everybody as states.
pub(crate) struct Telling<'a> {
    states: &'a States,
    version: Version,
    download: Download,
    last: Option<State>,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(
        states: &'a States,
        version: Version,
        channel: Option<Channel<DownloadEvent>>,
    ) -> Telling<'a> {
        let send = move |event| {
            // A page that is gone has nobody to tell.
            channel.as_ref().map(|channel| channel.send(event));
        };
        Telling { states, version, download: Download::new(send), last: None }
    }

    /// Everything that had to be received is here.
    pub(crate) fn finish(&mut self) {
        self.download.finish();
    }

    fn set(&mut self, state: State) {
        self.states.set(state.clone());
        self.last = Some(state);
    }

    fn set_paused(&mut self, now: bool) {
        if let Some(State::Downloading { paused, .. }) = &mut self.last {
            *paused = now;
            self.states.set(self.last.clone().unwrap_or(State::Idle));
        }
    }
}

impl Progress for Telling<'_> {
    fn event(&mut self, event: Event) {
        let version = self.version.clone();
        match event {
            Event::Downloading { received, total, rate, left, .. } => {
                self.download.reached(received, total);
                let (left, paused) = (left.map(|left| left.as_secs()), false);
                self.set(State::Downloading { version, received, total, rate, left, paused });
            }
            Event::Paused => self.set_paused(true),
            Event::Resumed => self.set_paused(false),
            Event::Staging { .. } => {
                self.download.finish();
                self.set(State::Staging { version });
            }
            _ => {}
        }
    }
}

/// One download as `Started`, `Progress`…, `Finished`: in this order, each byte once, whatever detours
/// are made.
struct Download {
    send: Box<dyn Fn(DownloadEvent) + Send>,
    started: bool,
    finished: bool,
    told: u64,
}

impl Download {
    fn new(send: impl Fn(DownloadEvent) + Send + 'static) -> Download {
        Download { send: Box::new(send), started: false, finished: false, told: 0 }
    }

    fn reached(&mut self, received: u64, total: u64) {
        self.start(Some(total));
        // Another route begins anew; what it counts up to then was told before.
        if received > self.told {
            (self.send)(DownloadEvent::Progress { chunk_length: received - self.told });
            self.told = received;
        }
    }

    fn start(&mut self, content_length: Option<u64>) {
        if !std::mem::replace(&mut self.started, true) {
            (self.send)(DownloadEvent::Started { content_length });
        }
    }

    fn finish(&mut self) {
        self.start(None);
        if !std::mem::replace(&mut self.finished, true) {
            (self.send)(DownloadEvent::Finished);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_download_is_told_in_order_and_each_byte_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let mut download = Download::new(move |event| sink.lock().unwrap().push(event));
        for (received, total) in [(0, 100), (40, 100), (0, 300), (30, 300), (300, 300)] {
            download.reached(received, total);
        }
        download.finish();
        download.finish();
        let chunk = |chunk_length| DownloadEvent::Progress { chunk_length };
        let started = DownloadEvent::Started { content_length: Some(100) };
        assert_eq!(
            *told.lock().unwrap(),
            [started, chunk(40), chunk(260), DownloadEvent::Finished]
        );
    }

    #[test]
    fn events_have_the_shape_of_the_usual_updater() {
        let json = |event: DownloadEvent| serde_json::to_string(&event).unwrap();
        let started = DownloadEvent::Started { content_length: Some(7) };
        assert_eq!(json(started), r#"{"event":"Started","data":{"contentLength":7}}"#);
        let progress = DownloadEvent::Progress { chunk_length: 3 };
        assert_eq!(json(progress), r#"{"event":"Progress","data":{"chunkLength":3}}"#);
        assert_eq!(json(DownloadEvent::Finished), r#"{"event":"Finished"}"#);
    }
}
