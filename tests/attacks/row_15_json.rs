//! Metadata that parsers read differently, or that is meant to exhaust them.

use exuvia::Error;
use exuvia_tests::scene::Scene;
use serde_json::{Value, json};

use crate::{TIMESTAMP, bump};

#[tokio::test]
async fn metadata_that_parsers_read_differently_is_refused() {
    let scene = Scene::under_attack().await;
    let honest = String::from_utf8(scene.sim.served()[TIMESTAMP].clone()).unwrap();
    let deep = |open: &str, close: &str| {
        format!("{{\"signed\":{}{}}}", open.repeat(10_000), close.repeat(10_000))
    };
    let bad = [
        honest.replacen("{\"signed\"", "{\"signed\":{},\"signed\"", 1),
        honest.replacen("\"version\":", "\"version\":1,\"version\":", 1),
        honest.replacen("\"version\":", "\"version\":1,\"\\u0076ersion\":", 1),
        format!("\u{feff}{honest}"),
        format!("{honest}{honest}"),
        format!("{honest}\0"),
        honest.replacen("\"version\":", "\"version\":1.0,\"was\":", 1),
        honest.replacen("\"version\":", "\"version\":-1,\"was\":", 1),
        honest.replacen("\"version\":", "\"version\":1e3,\"was\":", 1),
        honest.replacen("\"version\":", "\"version\":18446744073709551616,\"was\":", 1),
        honest.replacen("\"expires\":\"", "\"expires\":\"\\ud800", 1),
        deep("[", "]"),
        deep("{\"a\":", "}"),
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
    ];
    for bytes in bad {
        assert_ne!(bytes, honest);
        scene.sim.replace(TIMESTAMP, bytes.clone());
        let error = scene.attempt().await.unwrap_err();
        let shown = &bytes[..bytes.len().min(80)];
        assert!(error.exit_code() == 4 || error.exit_code() == 5, "{shown}: {error:?}");
        scene.is_unharmed();
    }
    scene.honest_update_works().await;
}

#[tokio::test]
async fn sixty_four_megabytes_of_json_are_not_read() {
    for json in ["[".repeat(64 << 20), format!("{{\"a\":\"{}\"}}", "x".repeat(64 << 20))] {
        let scene = Scene::under_attack().await;
        scene.sim.replace(TIMESTAMP, json);
        scene.sim.sent();
        assert!(matches!(scene.attempt().await, Err(Error::Repository(_) | Error::Network(_))));
        let sent = scene.sim.sent();
        assert!(sent < 1 << 20, "{sent} bytes");
        scene.is_unharmed();
        scene.honest_update_works().await;
    }
}

#[tokio::test]
async fn fields_that_nobody_knows_and_other_spellings_are_no_obstacle() {
    let scene = Scene::under_attack().await;
    scene.sim.forge("timestamp", |signed| {
        bump(signed);
        signed["x-later"] = json!({"list": [1, null, "\u{1f40d}", {"deep": [[[]]]}]});
    });
    // Signed is the canonical form: how the file is indented or escaped is nobody's business.
    let value: Value = serde_json::from_slice(&scene.sim.served()[TIMESTAMP]).unwrap();
    let spelt =
        serde_json::to_string_pretty(&value).unwrap().replace("\u{1f40d}", "\\ud83d\\udc0d");
    scene.sim.replace(TIMESTAMP, spelt);
    scene.arrives().await;
}
