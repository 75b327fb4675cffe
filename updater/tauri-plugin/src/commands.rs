//! What pages may call.

use std::sync::Arc;

use exuvia::{Report, Version, history::Entry};
use serde::Serialize;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, ResourceId, Runtime, State as Managed, Webview, command};

use crate::error::Error;
use crate::progress::DownloadEvent;
use crate::relaunch;
use crate::service::{CheckOptions, Exuvia, status_of};
use crate::state::State;
use crate::update::{self, Facts, Update};

type Result<T> = std::result::Result<T, Error>;

#[command]
pub(crate) async fn check<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    options: CheckOptions,
) -> Result<Option<Facts>> {
    let Some((mut facts, update)) = update::check(&exuvia, &options).await? else {
        return Ok(None);
    };
    facts.rid = webview.resources_table().add(update);
    Ok(Some(facts))
}

#[command]
pub(crate) async fn download<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    rid: ResourceId,
    on_event: Channel<DownloadEvent>,
) -> Result<()> {
    held(&webview, rid)?.download(&exuvia, Some(on_event)).await
}

#[command]
pub(crate) async fn install<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    rid: ResourceId,
) -> Result<()> {
    held(&webview, rid)?.install(&exuvia).await
}

#[command]
pub(crate) async fn download_and_install<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    rid: ResourceId,
    on_event: Channel<DownloadEvent>,
) -> Result<()> {
    let update = held(&webview, rid)?;
    update.download(&exuvia, Some(on_event)).await?;
    update.install(&exuvia).await
}

#[command]
pub(crate) async fn install_on_quit<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    rid: ResourceId,
) -> Result<()> {
    held(&webview, rid)?.install_on_quit(&exuvia).await
}

#[command]
pub(crate) fn remind_later<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    rid: ResourceId,
) -> Result<()> {
    // What is being received stays for the next time.
    held(&webview, rid)?.control().cancel();
    webview.resources_table().close(rid).map_err(|_| Error::Closed)?;
    exuvia.states.set(State::Idle);
    Ok(())
}

#[command]
pub(crate) async fn skip<R: Runtime>(
    webview: Webview<R>,
    exuvia: Managed<'_, Exuvia>,
    rid: ResourceId,
) -> Result<()> {
    held(&webview, rid)?.skip(&exuvia).await
}

#[command]
pub(crate) fn pause<R: Runtime>(webview: Webview<R>, rid: ResourceId) -> Result<()> {
    held(&webview, rid)?.control().pause();
    Ok(())
}

#[command]
pub(crate) fn resume<R: Runtime>(webview: Webview<R>, rid: ResourceId) -> Result<()> {
    held(&webview, rid)?.control().resume();
    Ok(())
}

#[command]
pub(crate) fn cancel<R: Runtime>(webview: Webview<R>, rid: ResourceId) -> Result<()> {
    let update = held(&webview, rid)?;
    let control = update.control();
    control.cancel();
    control.resume();
    Ok(())
}

#[command]
pub(crate) fn watch_state(exuvia: Managed<'_, Exuvia>, channel: Channel<State>) -> u32 {
    exuvia.states.watch(channel)
}

#[command]
pub(crate) fn unwatch_state(exuvia: Managed<'_, Exuvia>, id: u32) {
    exuvia.states.unwatch(id);
}

/// What is installed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    app: String,
    version: Version,
    channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Version>,
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_days: Option<u32>,
}

#[command]
pub(crate) async fn status(exuvia: Managed<'_, Exuvia>) -> Result<Option<Status>> {
    if !exuvia.is_updated() {
        return Ok(None);
    }
    let updater = exuvia.updater()?;
    let Some(status) = status_of(&updater)? else { return Ok(None) };
    Ok(Some(Status {
        app: status.layout.app.to_string(),
        version: status.current().version.clone(),
        channel: status.layout.channel.to_string(),
        previous: status.previous().map(|release| release.version.clone()),
        phase: status.phase.name(),
        stale_days: updater.stale_days(),
    }))
}

#[command]
pub(crate) async fn history(exuvia: Managed<'_, Exuvia>) -> Result<Vec<Entry>> {
    if !exuvia.is_updated() {
        return Ok(Vec::new());
    }
    let updater = exuvia.updater()?;
    match status_of(&updater)? {
        Some(_) => Ok(updater.history()?),
        None => Ok(Vec::new()),
    }
}

/// What happened since the last start.
#[derive(Serialize)]
#[serde(tag = "report", rename_all = "camelCase")]
pub(crate) enum Told {
    NotInstalled,
    Unchanged,
    Updated { from: Version, to: Version },
    Reverted { from: Version, to: Version, reason: String },
    RolledBack { from: Version, to: Version },
    Recovered,
    Unusable { reason: String },
}

#[command]
pub(crate) fn report(exuvia: Managed<'_, Exuvia>) -> Told {
    match exuvia.app().report().clone() {
        Report::NotInstalled => Told::NotInstalled,
        Report::Updated { from, to } => Told::Updated { from, to },
        Report::Reverted { from, to, reason } => Told::Reverted { from, to, reason },
        Report::RolledBack { from, to } => Told::RolledBack { from, to },
        Report::Recovered => Told::Recovered,
        Report::Unusable { reason } => Told::Unusable { reason },
        _ => Told::Unchanged,
    }
}

#[command]
pub(crate) fn healthy(exuvia: Managed<'_, Exuvia>) {
    exuvia.app().healthy();
}

#[command]
pub(crate) fn relaunch<R: Runtime>(app: AppHandle<R>, exuvia: Managed<'_, Exuvia>) {
    relaunch::request(&app, &exuvia);
}

/// Goes back to the version before if the user agrees in a dialog that no page can answer.
#[command]
pub(crate) async fn rollback<R: Runtime>(
    app: AppHandle<R>,
    exuvia: Managed<'_, Exuvia>,
) -> Result<Option<Version>> {
    let updater = exuvia.updater()?;
    let status = updater.status()?;
    let (from, to) = (&status.current().version, status.previous().map(|release| &release.version));
    if let Some(to) = to
        && !crate::ask::agreed_to_go_back(&app, from, to).await
    {
        return Ok(None);
    }
    Ok(Some(tauri::async_runtime::spawn_blocking(move || updater.rollback()).await??))
}

fn held<R: Runtime>(webview: &Webview<R>, rid: ResourceId) -> Result<Arc<Update>> {
    webview.resources_table().get::<Update>(rid).map_err(|_| Error::Closed)
}
