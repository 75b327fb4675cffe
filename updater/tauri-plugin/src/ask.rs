//! Asking the user beside the page.

use exuvia::Version;
use rfd::{AsyncMessageDialog, MessageButtons, MessageDialogResult, MessageLevel};
use tauri::{AppHandle, Runtime};

/// Asks, in a dialog of the system that no page can answer, whether to go back.
pub(crate) async fn agreed_to_go_back<R: Runtime>(
    app: &AppHandle<R>,
    from: &Version,
    to: &Version,
) -> bool {
    let dialog = AsyncMessageDialog::new()
        .set_title(&app.package_info().name)
        .set_description(format!("Go back from {from} to {to}? {from} is not offered again."))
        .set_level(MessageLevel::Warning)
        .set_buttons(MessageButtons::OkCancel);
    let (answer, asked) = tokio::sync::oneshot::channel();
    // Windows of the system are made where the event loop runs.
    let shown = app.run_on_main_thread(move || {
        let asking = dialog.show();
        tauri::async_runtime::spawn(async move {
            // Nobody waits any more if the page is gone.
            let _ = answer.send(asking.await == MessageDialogResult::Ok);
        });
    });
    shown.is_ok() && asked.await.unwrap_or(false)
}
