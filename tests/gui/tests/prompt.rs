//! Each button of the prompt and each thing it may have to say, on the real application.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use exuvia_gui_tests::{Desk, Window};
use exuvia_tests::server::Fault;
use fantoccini::key::Key;
use serde_json::json;
use tokio::time::sleep;

const WRITE: &str = "const editor = document.getElementById('editor');
    editor.value = '# Kept\\nthrough everything'; editor.dispatchEvent(new Event('input'));";
const TITLES: &str =
    "return [...document.querySelectorAll('#list button')].map((b) => b.textContent).join()";

#[tokio::test]
async fn an_update_comes_as_a_delta_asks_installs_and_the_notes_stay() {
    let desk = Desk::new();
    let window = Window::open_with(&desk, &["--as", "started before"], &[]).await;
    window.run(WRITE).await;
    window.until(TITLES, &json!("Kept")).await;
    desk.publish("1.1.0");
    window.shows("offer").await;
    window.shot("prompt-offer").await;
    let said = window.says().await;
    for wanted in ["Notes 1.1.0 is available", "You have 1.0.0.", "instead of", "Words are counted"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(window.offers().await, ["install", "whenQuit", "later", "skip"]);

    desk.server().requests();
    window.click("install").await;
    window.shows("ready").await;
    window.shot("prompt-ready").await;
    let asked = desk.server().requests();
    assert!(asked.iter().any(|request| request.path.ends_with(".delta")), "{asked:?}");

    window.click_restart().await;
    // It came up by itself, and proved healthy.
    desk.settles_at("1.1.0");
    assert!(desk.log_out() > 0);

    let window = Window::open(&desk).await;
    window.until("return document.getElementById('badge').textContent", &json!("1.1.0")).await;
    window.until(TITLES, &json!("Kept")).await;
    window.until("return document.getElementById('status').textContent", &json!("4 words")).await;
    window.close().await;
}

#[tokio::test]
async fn the_new_version_starts_with_the_same_arguments_and_tells_what_is_new() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("whenQuit").await;
    window.shows("onQuit").await;
    window.shot("prompt-on-quit").await;
    assert_eq!(desk.status()["version"], "1.0.0");
    window.close().await;

    let window = Window::open_with(&desk, &["--as", "before"], &[]).await;
    window.shows("news").await;
    window.shot("prompt-news").await;
    assert!(window.says().await.contains("What is new in 1.1.0"));
    let about = window.run_async("return await window.__TAURI__.core.invoke('about')").await;
    assert_eq!(about["version"], "1.1.0");
    assert_eq!(about["arguments"], json!(["--as", "before"]));
    desk.settles_at("1.1.0");
    window.close().await;
}

#[tokio::test]
async fn a_download_is_shown_paused_resumed_and_continued_after_a_kill() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    desk.server().fault(&desk.payload("1.1.0", ".delta"), Fault::Status(404));
    let payload = desk.payload("1.1.0", ".tar.zst");
    let size = std::fs::metadata(desk.path(&format!("www/{payload}"))).unwrap().len();
    desk.server().fault(&payload, Fault::Rate(size / 8));
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("install").await;
    window.shows("downloading").await;
    let width = "const prompt = document.querySelector('exuvia-prompt');
        return parseInt(prompt.shadowRoot.querySelector('.bar i').style.inlineSize) > 10";
    window.until(width, &json!(true)).await;
    window.shot("prompt-downloading").await;
    window.click("pause").await;
    let paused = "return document.querySelector('exuvia-prompt').situation.state.paused";
    window.until(paused, &json!(true)).await;
    window.shot("prompt-paused").await;
    assert!(window.says().await.contains("Paused"));
    assert_eq!(window.offers().await, ["resume", "cancel"]);
    window.click("resume").await;
    window.until(paused, &json!(false)).await;
    sleep(Duration::from_millis(1500)).await;
    // As by a power cut.
    desk.kill();
    drop(window);

    desk.server().heal();
    desk.server().fault(&desk.payload("1.1.0", ".delta"), Fault::Status(404));
    desk.server().requests();
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("install").await;
    window.shows("ready").await;
    let asked = desk.server().requests();
    let again = asked.iter().find(|request| request.path == payload).expect("it was asked for");
    assert!(again.sent < size, "all of it came again: {asked:?}");
    window.close().await;
}

#[tokio::test]
async fn cancelling_goes_back_to_the_question() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    desk.server()
        .fault(&desk.payload("1.1.0", ".delta"), Fault::Slow(300, Duration::from_millis(500)));
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("install").await;
    window.shows("downloading").await;
    window.click("cancel").await;
    window.shows("offer").await;
    desk.server().heal();
    window.click("install").await;
    window.shows("ready").await;
    window.close().await;
}

#[tokio::test]
async fn a_tampered_update_is_refused_and_an_honest_one_taken_after_it() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    for end in [".delta", ".tar.zst"] {
        desk.server().fault(&desk.payload("1.1.0", end), Fault::Flip(100));
    }
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("install").await;
    window.shows("failed").await;
    window.shot("prompt-refused").await;
    let said = window.says().await;
    assert!(
        said.contains("could not be verified") && said.contains("1.0.0 keeps working"),
        "{said}"
    );
    assert_eq!(desk.status()["version"], "1.0.0");
    desk.server().heal();
    window.click("retry").await;
    window.shows("ready").await;
    window.close().await;
}

#[tokio::test]
async fn without_a_server_the_application_runs_and_says_so_only_when_asked() {
    let desk = Desk::new();
    for path in ["metadata/timestamp.json", "metadata/2.root.json"] {
        desk.server().fault(path, Fault::HangUp);
    }
    let window = Window::open(&desk).await;
    window.until(TITLES, &json!("Welcome")).await;
    sleep(Duration::from_secs(3)).await;
    window.shows("none").await;
    window.click_page("#open-settings").await;
    window.shot("settings").await;
    window.click_page("#check").await;
    window.shows("failed").await;
    window.shot("prompt-offline").await;
    assert!(window.says().await.contains("cannot be reached"));
    desk.server().heal();
    window.click("retry").await;
    window.shows("upToDate").await;
    window.shot("prompt-up-to-date").await;
    window.close().await;
}

#[tokio::test]
async fn a_skipped_version_is_not_shown_again_until_somebody_looks() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("skip").await;
    window.shows("none").await;
    window.close().await;

    let window = Window::open(&desk).await;
    sleep(Duration::from_secs(4)).await;
    window.shows("none").await;
    window.run("document.querySelector('exuvia-prompt').check()").await;
    window.shows("offer").await;
    window.close().await;
}

#[tokio::test]
async fn later_is_later_and_escape_means_it() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    // By keyboard alone: into the prompt, then away.
    let focus = "const prompt = document.querySelector('exuvia-prompt');
        prompt.shadowRoot.querySelector('button').focus(); return prompt.shadowRoot.activeElement.dataset.action";
    assert_eq!(window.run(focus).await, "install");
    window.press(&[Key::Tab]).await;
    let focused =
        "return document.querySelector('exuvia-prompt').shadowRoot.activeElement?.dataset.action";
    window.until(focused, &json!("whenQuit")).await;
    window.press(&[Key::Escape]).await;
    window.shows("none").await;
    window.close().await;
    let window = Window::open(&desk).await;
    sleep(Duration::from_secs(4)).await;
    window.shows("none").await;
    window.close().await;
}

#[tokio::test]
async fn a_broken_version_goes_back_by_itself_and_the_next_one_comes() {
    let desk = Desk::new();
    desk.publish("1.2.0");
    let window = Window::open(&desk).await;
    window.run(WRITE).await;
    window.until(TITLES, &json!("Kept")).await;
    window.shows("offer").await;
    window.click("install").await;
    window.shows("ready").await;
    window.click_restart().await;
    desk.settles_at("1.0.0");
    assert!(desk.log_out() > 0, "the version before came up");

    let window = Window::open(&desk).await;
    window.until(TITLES, &json!("Kept")).await;
    sleep(Duration::from_secs(3)).await;
    // 1.1.0 may be offered now, the broken one is not.
    assert!(!window.says().await.contains("1.2.0 is available"));
    desk.publish("1.3.0");
    window.run("document.querySelector('exuvia-prompt').check()").await;
    // 1.1.0 may have been shown before.
    let version = "return document.querySelector('exuvia-prompt').situation.update?.version";
    window.until(version, &json!("1.3.0")).await;
    window.close().await;
}

#[tokio::test]
async fn dark_and_right_to_left_are_at_home() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.run("document.querySelector('exuvia-prompt').setAttribute('theme', 'dark')").await;
    window.shot("prompt-dark").await;
    window.run("document.querySelector('exuvia-prompt').setAttribute('lang', 'ar')").await;
    window.shot("prompt-right-to-left").await;
    let direction = "const prompt = document.querySelector('exuvia-prompt');
        return getComputedStyle(prompt.shadowRoot.querySelector('section')).direction";
    window.until(direction, &json!("rtl")).await;
    for (language, wanted) in
        [("de-AT", "Jetzt installieren"), ("ja", "今すぐ"), ("xx", "Install now")]
    {
        window
            .run(&format!(
                "document.querySelector('exuvia-prompt').setAttribute('lang', '{language}')"
            ))
            .await;
        let said = window.says().await;
        assert!(said.contains(wanted), "{language}: {said}");
    }
    window.close().await;
}
