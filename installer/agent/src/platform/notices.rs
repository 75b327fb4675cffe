//! Notifications of the desktop (Desktop Notifications Specification 1.3).

use std::time::Duration;

use notify_rust::{Hint, Notification, NotificationHandle, NotificationResponse, Timeout, Urgency};
use zbus::{Connection, OwnedVariant};

use super::desktop::get;
use crate::notices::Notice;

/// A notification that is shown.
pub(crate) struct Shown(NotificationHandle);

/// Shows a notification, in place of one that is shown; `None` where there is no desktop.
pub(crate) async fn show(notice: &Notice, in_place_of: Option<&Shown>) -> Option<Shown> {
    let mut shown = Notification::new();
    shown.appname(&notice.app).summary(&notice.summary).body(&notice.body);
    shown.icon("system-software-update");
    for (id, label) in &notice.actions {
        shown.action(id, label);
    }
    if let Some(percent) = notice.percent {
        shown.hint(Hint::CustomInt("value".to_owned(), i32::from(percent)));
    }
    if notice.urgent {
        shown.urgency(Urgency::Critical);
    }
    if !notice.actions.is_empty() {
        shown.timeout(Timeout::Never);
    }
    if let Some(Shown(before)) = in_place_of {
        shown.id(before.id());
    }
    shown.show_async().await.ok().map(Shown)
}

impl Shown {
    /// What was clicked; `None` if it was put away, or nothing came of it for so long.
    pub(crate) async fn answer(&self, patience: Duration) -> Option<String> {
        let mut clicked = None;
        let answer = self.0.wait_for_action_async(|response| {
            if let NotificationResponse::Action(id) = response {
                clicked = Some(id.clone());
            }
        });
        // Nothing clicked within that time is no answer.
        let _ = tokio::time::timeout(patience, answer).await;
        clicked
    }

    /// Takes it away.
    pub(crate) async fn close(&self) {
        self.0.close_async().await;
    }
}

/// Whether the desktop says that nobody is to be disturbed.
pub(crate) async fn do_not_disturb() -> bool {
    let Ok(bus) = Connection::session().await else { return false };
    for (at, name) in [(NOTIFICATIONS, "Inhibited"), (DUNST, "paused")] {
        let value: Option<OwnedVariant> = get(&bus, at, name).await;
        if value.and_then(|value| bool::try_from(value).ok()) == Some(true) {
            return true;
        }
    }
    false
}

const PATH: &str = "/org/freedesktop/Notifications";
const SERVICE: &str = "org.freedesktop.Notifications";
const NOTIFICATIONS: [&str; 3] = [SERVICE, PATH, SERVICE];
const DUNST: [&str; 3] = [SERVICE, PATH, "org.dunstproject.cmd0"];
