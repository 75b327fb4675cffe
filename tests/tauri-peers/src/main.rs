//! A small Tauri application with no updater, with Tauri's own, or with Exuvia, by feature.
//!
//! | at build time | what |
//! |---|---|
//! | `PEER_VERSION` | its version |
//! | `PEER_CONFIG` | the text of its `exuvia.json` |
//! | `PEER_PUBKEY`, `PEER_ENDPOINT` | what Tauri's updater is told |
//! | `PEER_BROKEN` | set: it ends with an error before its window is up |
//!
//! | at run time | what |
//! |---|---|
//! | `PEER_DO` | `update`, `download`, `quit` or nothing, once the page has loaded |
//! | `PEER_LOG` | the file that gets a line for everything that happens |
//! | `PEER_STARTED` | nanoseconds since 1970 when it was started, to tell how long its window took |

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use tauri::webview::PageLoadEvent;
use tauri::{AppHandle, Runtime, command};

const VERSION: &str = match option_env!("PEER_VERSION") {
    Some(version) => version,
    None => "0.0.0",
};

fn main() {
    #[cfg(feature = "exuvia")]
    let app = tauri_plugin_exuvia::startup();
    if option_env!("PEER_BROKEN").is_some() {
        std::process::exit(1);
    }
    let mut context = tauri::generate_context!();
    context.package_info_mut().version = VERSION.parse().expect("a version");
    let builder = tauri::Builder::default();
    #[cfg(feature = "once")]
    let builder = builder.plugin(tauri_plugin_single_instance::init(|_, _, _| {}));
    #[cfg(feature = "exuvia")]
    let builder = {
        let config = option_env!("PEER_CONFIG").unwrap_or("{}");
        builder.plugin(tauri_plugin_exuvia::Builder::new(app, config).build())
    };
    #[cfg(feature = "updater")]
    let builder = {
        let (key, endpoint) = (option_env!("PEER_PUBKEY"), option_env!("PEER_ENDPOINT"));
        let settings = serde_json::json!({
            "pubkey": key.unwrap_or_default(),
            "endpoints": endpoint.into_iter().collect::<Vec<_>>(),
            "dangerousInsecureTransportProtocol": true,
        });
        context.config_mut().plugins.0.insert("updater".to_owned(), settings);
        builder.plugin(tauri_plugin_updater::Builder::new().build())
    };
    builder
        .on_page_load(|_, payload| {
            if payload.event() == PageLoadEvent::Finished {
                append(&format!("ready after {} ms, {} ms of work", since_start(), worked()));
            }
        })
        .invoke_handler(tauri::generate_handler![plan, tell, restart, quit])
        .run(context)
        .expect("the window opens");
}

/// Milliseconds that this process has worked so far, on all its threads that still live.
fn worked() -> u128 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    let nanoseconds = times.filter_map(|time| time.split(' ').next()?.parse::<u128>().ok());
    nanoseconds.sum::<u128>() / 1_000_000
}

/// What the page is to do.
#[command]
fn plan() -> serde_json::Value {
    let what = std::env::var("PEER_DO").unwrap_or_default();
    serde_json::json!({ "version": VERSION, "what": what })
}

#[command]
fn tell(line: &str) {
    append(line);
}

#[command]
fn restart<R: Runtime>(app: AppHandle<R>) {
    app.restart();
}

#[command]
fn quit<R: Runtime>(app: AppHandle<R>) {
    append(&format!("peak {} KiB", peak()));
    app.exit(0);
}

/// A line that says who wrote it.
fn append(line: &str) {
    let Some(path) = std::env::var_os("PEER_LOG") else { return };
    let mut log = OpenOptions::new().create(true).append(true).open(path).expect("a log");
    let updater = match (cfg!(feature = "updater"), cfg!(feature = "exuvia")) {
        (true, _) => "updater",
        (_, true) => "exuvia",
        _ => "none",
    };
    writeln!(log, "{updater} {VERSION}: {line}").expect("a log");
}

/// Milliseconds since `PEER_STARTED`.
fn since_start() -> u128 {
    let started = std::env::var("PEER_STARTED").ok().and_then(|at| at.parse::<u128>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    started.map_or(0, |started| (now - started) / 1_000_000)
}

/// The most memory that this process had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
