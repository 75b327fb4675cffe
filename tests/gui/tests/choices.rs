//! What users choose for good, and what they are asked beside the page.
#![allow(clippy::unwrap_used)]

use exuvia_gui_tests::{Desk, Window};
use serde_json::json;

const BADGE: &str = "return document.getElementById('badge').textContent";

#[tokio::test]
async fn a_critical_update_cannot_be_skipped_and_comes_again_soon() {
    let desk = Desk::new();
    desk.release("1.3.0", "1.4.0", &["--critical"]);
    let window = Window::open(&desk).await;
    // Nor is it installed without a word where the rest is.
    window.run("document.querySelector('exuvia-prompt').setAttribute('mode', 'automatic')").await;
    window.shows("offer").await;
    window.shot("prompt-critical").await;
    let said = window.says().await;
    for wanted in ["Important update: Notes 1.4.0", "without delay"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(window.offers().await, ["install", "whenQuit", "later"]);
    let section = "const prompt = document.querySelector('exuvia-prompt');
        const section = prompt.shadowRoot.querySelector('section');
        return [section.getAttribute('role'), prompt.shadowRoot.activeElement?.dataset.action]";
    assert_eq!(window.run(section).await, json!(["alertdialog", "install"]));
    window.click("later").await;
    window.shows("none").await;
    // A demonstration looks every 18 seconds.
    window.shows("offer").await;
    window.click("install").await;
    window.shows("ready").await;
    window.click_restart().await;
    desk.settles_at("1.4.0");
}

#[tokio::test]
async fn automatically_is_when_the_user_quits_and_without_a_question() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window
        .run("window.__TAURI__.exuvia.onState(({ state }) => { window.lastState = state; })")
        .await;
    window.click_page("#open-settings").await;
    window.click_page("[name=mode][value=automatic]").await;
    window.shot("settings-automatic").await;
    window.click_page("#settings button[value=close]").await;
    window.until("return window.lastState", &json!("onQuit")).await;
    window.shows("none").await;
    assert_eq!(desk.status()["version"], "1.0.0");
    window.close().await;

    let window = Window::open(&desk).await;
    window.until(BADGE, &json!("1.1.0")).await;
    window.shows("news").await;
    desk.settles_at("1.1.0");
    let mode = "return document.querySelector('exuvia-prompt').getAttribute('mode')";
    assert_eq!(window.run(mode).await, "automatic");
    window.close().await;
}

#[tokio::test]
async fn going_back_is_asked_in_a_dialog_that_no_page_can_answer() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.shows("offer").await;
    window.click("whenQuit").await;
    window.shows("onQuit").await;
    window.close().await;

    let window = Window::open(&desk).await;
    window.until(BADGE, &json!("1.1.0")).await;
    desk.settles_at("1.1.0");
    let roll_back = "window.wentBack = undefined;
        window.__TAURI__.exuvia.rollback().then((to) => { window.wentBack = [to]; }, (e) => { window.wentBack = e.message; })";
    window.run(roll_back).await;
    window.answer_dialog("dialog-roll-back", "Escape").await;
    window.until("return window.wentBack", &json!([null])).await;
    assert_eq!(desk.status()["version"], "1.1.0");

    window.click_page("#open-settings").await;
    window
        .until("return document.getElementById('previous').textContent", &json!("1.0.0 is kept"))
        .await;
    window.click_page("#rollback").await;
    window.answer_dialog("dialog-roll-back-again", "alt+o").await;
    window.quits().await;
    desk.settles_at("1.0.0");
    assert!(desk.log_out() > 0, "1.0.0 came up by itself");

    // What was left is not offered again until somebody looks.
    let window = Window::open(&desk).await;
    window.until(BADGE, &json!("1.0.0")).await;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    window.shows("none").await;
    window.close().await;
}

#[tokio::test]
async fn a_second_start_hands_over_to_the_first_and_costs_a_trial_nothing() {
    let desk = Desk::new();
    let window = Window::open(&desk).await;
    assert!(desk.start_again().success());
    assert_eq!(window.run("return 1").await, 1);

    // Installed, and the user works on with the old version.
    desk.publish("1.1.0");
    window.shows("offer").await;
    window.click("install").await;
    window.shows("ready").await;
    window.click("close").await;
    for _ in 0..4 {
        assert!(desk.start_again().success());
    }
    let status = desk.status();
    assert_eq!((&status["phase"], &status["starts"]), (&json!("trial"), &json!(0)), "{status:#}");
    assert_eq!(window.run("return 1").await, 1);
    window.close().await;

    let window = Window::open(&desk).await;
    window.until(BADGE, &json!("1.1.0")).await;
    desk.settles_at("1.1.0");
    window.close().await;
}

#[tokio::test]
async fn the_prompt_needs_no_global_object() {
    let desk = Desk::new();
    // Deltas are not what this is about.
    desk.release("bare", "1.5.0", &["--deltas", "0"]);
    desk.agent(&["update", "--yes"]);
    let window = Window::open_page(&desk, &[], &[]).await;
    window.until("return typeof window.__TAURI__", &json!("undefined")).await;
    desk.settles_at("1.5.0");
    // The note pad's own page does not get on without.
    desk.release("1.3.0", "1.6.0", &["--deltas", "0"]);
    window.run("document.querySelector('exuvia-prompt').setAttribute('mode', 'ask')").await;
    window.shows("offer").await;
    assert!(window.says().await.contains("1.6.0"));
    window.click("install").await;
    window.shows("ready").await;
    window.click_restart().await;
    desk.settles_at("1.6.0");
}
