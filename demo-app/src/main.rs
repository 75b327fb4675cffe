//! One release of the note pad. What makes it that release stands here alone, so that building the next
//! one compiles only this file:
//!
//! | at build time | what |
//! |---|---|
//! | `EXUVIA_DEMO_VERSION` | its version |
//! | `EXUVIA_DEMO_CONFIG` | the text of its `exuvia.json`, as `exuvia init` wrote it |
//! | `EXUVIA_DEMO_BROKEN` | set: it ends with an error before its window is up |
#![forbid(unsafe_code)]
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use exuvia_demo::Release;

fn main() {
    let app = exuvia_demo::startup();
    exuvia_demo::run(
        app,
        &Release {
            version: option_env!("EXUVIA_DEMO_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")),
            config: option_env!("EXUVIA_DEMO_CONFIG").unwrap_or("{}"),
            broken: option_env!("EXUVIA_DEMO_BROKEN").is_some(),
        },
    );
}
