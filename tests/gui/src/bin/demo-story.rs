//! The story of `demo-app/run` where nobody sits before the screen: the note pad is driven as a user would,
//! and what is seen is kept as numbered pictures in `EXUVIA_SHOTS`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a story ends where it cannot go on")]

use std::time::Duration;

use exuvia_gui_tests::{Desk, Window};
use exuvia_tests::server::Fault;
use serde_json::json;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let desk = Desk::new();
    tell("1.0.0 is installed and started");
    let window = Window::open(&desk).await;
    window.run(WRITE).await;
    window.until(SAVED, &json!("Groceries")).await;
    window.shot("01-version-1.0.0").await;

    desk.publish("1.1.0");
    let (delta, full) = (size(&desk, "1.1.0", ".delta"), size(&desk, "1.1.0", ".tar.zst"));
    tell(&format!("1.1.0 is published: {delta} bytes as a delta, {full} in full"));
    window.shows("offer").await;
    window.shot("02-update-offered").await;
    // Slow enough to be seen.
    let slowly = Fault::Slow(delta as usize / 10 + 1, Duration::from_millis(500));
    desk.server().fault(&desk.payload("1.1.0", ".delta"), slowly);
    window.click("install").await;
    window.shows("downloading").await;
    sleep(Duration::from_secs(2)).await;
    window.shot("03-downloading").await;
    window.shows("ready").await;
    tell("received, verified, rebuilt beside 1.0.0, and tried");
    window.shot("04-ready").await;
    window.click_restart().await;
    desk.settles_at("1.1.0");
    tell("1.1.0 came up by itself, the note is still there");
    desk.shot("05-version-1.1.0");
    desk.log_out();

    desk.publish("1.2.0");
    tell("1.2.0 is published; it is broken");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.shot("06-broken-one-offered").await;
    window.click("install").await;
    window.shows("ready").await;
    window.click_restart().await;
    desk.settles_at("1.1.0");
    tell("1.2.0 ended three times before its window was up; 1.1.0 runs again");
    desk.shot("07-gone-back-by-itself");
    desk.log_out();

    desk.publish("1.3.0");
    tell("1.3.0 is published");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.shot("08-next-one-offered").await;
    window.click("install").await;
    window.shows("ready").await;
    window.click_restart().await;
    desk.settles_at("1.3.0");
    tell("1.3.0 runs");
    desk.shot("09-version-1.3.0");
    desk.log_out();

    let window = Window::open(&desk).await;
    window.click_page("#open-settings").await;
    window.shot("10-settings-and-history").await;
    window.close().await;
}

fn size(desk: &Desk, version: &str, end: &str) -> u64 {
    std::fs::metadata(desk.path(&format!("www/{}", desk.payload(version, end)))).unwrap().len()
}

fn tell(line: &str) {
    println!("{line}");
}

const WRITE: &str = "const editor = document.getElementById('editor');
    editor.value = '# Groceries\\n\\n- bread\\n- **coffee**, the strong one\\n- oranges\\n\\n> This note lies in the data directory.\\n';
    editor.dispatchEvent(new Event('input'));";
const SAVED: &str = "return document.querySelector('#list button').textContent";
