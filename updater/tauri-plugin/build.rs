//! Permissions of the commands, and the scripts that pages are given: put together here from
//! `guest-js` and `prompt`, so that none of it is kept twice.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const COMMANDS: &[&str] = &[
    "check",
    "download",
    "install",
    "download_and_install",
    "install_on_quit",
    "remind_later",
    "skip",
    "pause",
    "resume",
    "cancel",
    "watch_state",
    "unwatch_state",
    "status",
    "history",
    "report",
    "healthy",
    "relaunch",
    "rollback",
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let api = out.join("api.js");
    fs::write(&api, global_api()).expect("the build directory can be written to");
    fs::write(out.join("prompt.js"), prompt()).expect("the build directory can be written to");
    tauri_plugin::Builder::new(COMMANDS).global_api_script_path(api).build();
}

/// `window.__TAURI__.exuvia`, for pages without a bundler.
fn global_api() -> String {
    let api = script(Path::new("guest-js/api.js"));
    format!(
        "if ('__TAURI__' in window) {{\n{api}\nObject.defineProperty(window.__TAURI__, 'exuvia', {{ value: createApi(window.__TAURI__.core) }});\n}}\n"
    )
}

/// The element with its languages.
fn prompt() -> String {
    let mut languages = String::new();
    let mut files: Vec<PathBuf> = fs::read_dir("prompt/locales")
        .expect("the languages are there")
        .map(|entry| entry.expect("the languages can be listed").path())
        .collect();
    files.sort();
    println!("cargo::rerun-if-changed=prompt/locales");
    for file in files {
        let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let _ = write!(languages, "{name}: {},", read(&file));
    }
    let parts = ["api", "markdown", "style", "view", "prompt"].map(|part| {
        let folder = if part == "api" { "guest-js" } else { "prompt" };
        script(&Path::new(folder).join(part).with_extension("js"))
    });
    format!("(() => {{\nconst LANGUAGES = {{{languages}}};\n{}\n}})();\n", parts.join("\n"))
}

/// A module's text as part of a script: these export and import nothing else.
fn script(path: &Path) -> String {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.starts_with("import "));
    lines.map(|line| line.strip_prefix("export ").unwrap_or(line)).fold(
        String::new(),
        |mut out, line| {
            out.push_str(line);
            out.push('\n');
            out
        },
    )
}

fn read(path: &Path) -> String {
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
