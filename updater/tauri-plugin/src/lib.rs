//! Updates for Tauri applications: small, verified, and able to go back.
//!
//! A thin shell around the [`exuvia`] crate: commands and events for the page, nothing else. The
//! JavaScript side has the shape of `@tauri-apps/plugin-updater`, so that an application moves by
//! changing one import.
//!
//! ```no_run
//! # fn run<R: tauri::Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
//! # const EXUVIA_JSON: &str = "{}";
//! let app = tauri_plugin_exuvia::startup(); // first line of main
//! // EXUVIA_JSON: include_str!("../exuvia.json")
//! builder.plugin(tauri_plugin_exuvia::Builder::new(app, EXUVIA_JSON).build())
//! # }
//! ```
//!
//! # Rules
//! - **Nothing that weakens security can be said from a page**: no root of trust, no mirror, no version
//!   to install, no channel, no going back without a native question to the user.
//! - **In development nothing happens** and says so: outside an installation a check finds nothing, the
//!   state is `notInstalled`, and one line on standard error tells why.
//! - **Starting again goes by the path that outlives versions**, also where the application uses Tauri's
//!   own restart, which would start the old version's file.
//! - A step that failed may be tried again with the same update; what is installed is untouched.
#![forbid(unsafe_code)]

mod ask;
mod commands;
mod error;
mod progress;
mod relaunch;
mod service;
mod settings;
mod state;
mod update;

use tauri::plugin::{Builder as PluginBuilder, TauriPlugin};
use tauri::webview::PageLoadEvent;
use tauri::{Manager, Runtime};

pub use error::Error;
/// The client, for what the plugin does not offer.
pub use exuvia;
pub use exuvia::{App, startup};
pub use service::Exuvia;
pub use settings::{Healthy, Settings};
pub use state::State;

/// The element `<exuvia-prompt>`, put together by the build script.
const PROMPT: &str = include_str!(concat!(env!("OUT_DIR"), "/prompt.js"));

/// Sets up the plugin.
pub struct Builder {
    app: App,
    config: String,
    configure: service::Configure,
    prompt: bool,
}

impl Builder {
    /// What [`startup`] gave, and the text of the application's `exuvia.json`.
    pub fn new(app: App, config: impl Into<String>) -> Builder {
        Builder { app, config: config.into(), configure: Box::new(|builder| builder), prompt: true }
    }

    /// Adds settings that a page must not decide on: proxy, tokens, certificates, a limit.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl Fn(exuvia::Builder) -> exuvia::Builder + Send + Sync + 'static,
    ) -> Builder {
        self.configure = Box::new(configure);
        self
    }

    /// Whether pages know the element `<exuvia-prompt>`; they do unless told otherwise.
    #[must_use]
    pub fn prompt(mut self, prompt: bool) -> Builder {
        self.prompt = prompt;
        self
    }

    /// The plugin, for [`tauri::Builder::plugin`].
    pub fn build<R: Runtime>(self) -> TauriPlugin<R, Option<Settings>> {
        let Builder { app, config, configure, prompt } = self;
        let plugin = PluginBuilder::<R, Option<Settings>>::new("exuvia")
            .invoke_handler(tauri::generate_handler![
                commands::check,
                commands::download,
                commands::install,
                commands::download_and_install,
                commands::install_on_quit,
                commands::remind_later,
                commands::skip,
                commands::pause,
                commands::resume,
                commands::cancel,
                commands::watch_state,
                commands::unwatch_state,
                commands::status,
                commands::history,
                commands::report,
                commands::healthy,
                commands::relaunch,
                commands::rollback,
            ])
            .setup(move |handle, api| {
                let settings = (*api.config()).unwrap_or_default();
                let version = handle.package_info().version.clone();
                handle.manage(Exuvia::new(app, config, configure, settings, version));
                Ok(())
            })
            .on_page_load(|webview, payload| {
                let exuvia = webview.state::<Exuvia>();
                if payload.event() == PageLoadEvent::Finished
                    && exuvia.settings().healthy == Healthy::PageLoad
                {
                    exuvia.app().healthy();
                }
            })
            .on_event(relaunch::on_event);
        match prompt {
            true => plugin.js_init_script(PROMPT).build(),
            false => plugin.build(),
        }
    }
}

/// The updater of whatever is a [`Manager`].
pub trait ExuviaExt<R: Runtime> {
    /// What the plugin set up.
    ///
    /// # Panics
    /// If the plugin is not registered.
    fn exuvia(&self) -> &Exuvia;
}

impl<R: Runtime, T: Manager<R>> ExuviaExt<R> for T {
    fn exuvia(&self) -> &Exuvia {
        self.state::<Exuvia>().inner()
    }
}
