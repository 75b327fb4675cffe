//! Asking the user beside the page.

use exuvia::Version;
use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_dialog::{Dialog, DialogExt, MessageDialogButtons, MessageDialogKind};

/// Asks, in a dialog of the system that no page can answer, whether to go back.
pub(crate) async fn agreed_to_go_back<R: Runtime>(
    app: &AppHandle<R>,
    from: &Version,
    to: &Version,
) -> bool {
    let name = app.package_info().name.clone();
    if app.try_state::<Dialog<R>>().is_none() && app.plugin(tauri_plugin_dialog::init()).is_err() {
        return false;
    }
    let (answer, asked) = tokio::sync::oneshot::channel();
    app.dialog()
        .message(format!("Go back from {from} to {to}? {from} is not offered again."))
        .title(name)
        .kind(MessageDialogKind::Warning)
        .buttons(MessageDialogButtons::OkCancel)
        .show(move |agreed| {
            // Nobody waits any more if the page is gone.
            let _ = answer.send(agreed);
        });
    asked.await.unwrap_or(false)
}
