//! Attacks and accidents on the way: what is downloaded, how much of it, for whom, and when.
#![allow(clippy::unwrap_used)]

use exuvia::{Check, Error, RepositoryError};
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::forge::channel_role;
use exuvia_tests::sim::{Trouble, paths};
use serde_json::{Value, json};

const TIMESTAMP: &str = "metadata/timestamp.json";

/// Leaves only the full bundle of 1.1.0 to go by, and gives its path.
fn only_full(scene: &Scene) -> String {
    scene.sim.drop_file(&scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]));
    scene.sim.path_of(&["1.1.0-folder.tar.zst"])
}

#[tokio::test]
async fn a_bundle_with_one_changed_byte_is_refused() {
    let scene = Scene::new().await;
    scene.sim.flip(&only_full(&scene));
    let refusal = scene.is_refused().await;
    assert!(matches!(refusal, RepositoryError::WrongPayload { .. }), "{refusal:?}");
}

#[tokio::test]
async fn another_release_in_the_place_of_the_signed_one_is_refused() {
    let scene = Scene::new().await;
    let other = scene.sim.served()[&scene.sim.path_of(&["1.0.0-folder.tar.zst"])].clone();
    scene.sim.replace(&only_full(&scene), other);
    let refusal = scene.is_refused().await;
    assert!(
        matches!(refusal, RepositoryError::WrongPayload { .. } | RepositoryError::TooLong { .. }),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_payload_that_never_ends_is_cut_at_its_signed_length() {
    let scene = Scene::new().await;
    let full = only_full(&scene);
    let length = scene.sim.served()[&full].len() as u64;
    scene.sim.trouble(&full, Trouble::Endless);
    scene.sim.sent();
    let error = scene.attempt().await.unwrap_err();
    assert!(matches!(error, Error::Repository(_)), "{error:?}");
    // One chunk beyond, for each of the tries.
    let sent = scene.sim.sent();
    assert!(sent < 4 * (length + 64 * 1024), "{sent} bytes for {length}");
    scene.is_unharmed();
    scene.honest_update_works().await;
}

#[tokio::test]
async fn metadata_that_never_ends_is_cut_at_its_limit() {
    for (path, limit) in [("metadata/2.root.json", 512 * 1024), (TIMESTAMP, 16 * 1024)] {
        let scene = Scene::new().await;
        if scene.sim.served().contains_key(path) {
            // Not the one that is known already: that would be no transfer.
            scene.sim.refresh();
        } else {
            scene.sim.replace(path, b"{".as_slice());
        }
        scene.sim.trouble(path, Trouble::Endless);
        scene.sim.sent();
        let error = scene.attempt().await.unwrap_err();
        assert!(matches!(error, Error::Repository(_) | Error::Network(_)), "{error:?}");
        // What lies in the sockets' buffers was sent, and never read.
        let sent = scene.sim.sent();
        assert!(sent < limit + 512 * 1024, "{sent} bytes of {path}");
        scene.is_unharmed();
    }
}

#[tokio::test]
async fn only_what_concerns_this_installation_is_fetched() {
    let scene = Scene::new().await;
    scene.sim.add_platform("haiku-riscv64");
    scene.sim.asked();
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    let asked = scene.sim.asked();
    let asked = paths(&asked);
    assert!(!asked.iter().any(|path| path.contains("haiku")), "{asked:?}");
    let targets = asked.iter().filter(|path| path.starts_with("targets/")).count();
    assert_eq!(targets, 1, "{asked:?}");
}

#[tokio::test]
async fn a_release_of_another_app_platform_or_channel_is_nobodys_update() {
    for (field, value) in [("app", "calc"), ("platform", "haiku-riscv64"), ("channel", "beta")] {
        let scene = Scene::new().await;
        scene.sim.forge(&channel_role(), |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
            newest_facts(signed, |facts| facts[field] = json!(value));
        });
        let found = scene.attempt().await;
        assert!(!matches!(found, Ok(Some(_))), "{field}: {found:?}");
        scene.is_unharmed();
    }
}

#[tokio::test]
async fn a_signed_lower_version_is_no_update() {
    let scene = Scene::new().await;
    scene.sim.forge(&channel_role(), |signed| {
        signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        newest_facts(signed, |facts| facts["version"] = json!("0.9.0"));
    });
    assert_eq!(scene.attempt().await.unwrap(), None);
    scene.is_unharmed();
}

#[tokio::test]
async fn facts_that_must_be_understood_and_are_not_hold_the_release_back() {
    let scene = Scene::new().await;
    scene.sim.forge(&channel_role(), |signed| {
        signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        newest_facts(signed, |facts| {
            facts["crit"] = json!(["quantum"]);
            facts["quantum"] = json!(true);
        });
    });
    let check = scene.updater().check().await.unwrap();
    let Check::Held(held) = check else { panic!("{check:?}") };
    assert!(held.to_string().contains("quantum"), "{held}");
}

#[tokio::test]
async fn a_bundle_that_is_not_what_the_facts_say_is_refused_by_the_helper_too() {
    for field in ["digest", "length", "files"] {
        let scene = Scene::new().await;
        scene.sim.forge(&channel_role(), |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
            newest_facts(signed, |facts| {
                facts["bundle"][field] = match field {
                    "digest" => json!("00".repeat(32)),
                    _ => json!(facts["bundle"][field].as_u64().unwrap() - 1),
                };
            });
        });
        let found = scene.attempt().await;
        assert!(!matches!(found, Ok(Some(_))), "{field}: {found:?}");
        scene.is_unharmed();
        assert!(!scene.home.app().join("versions/1.1.0").exists(), "{field}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_no_harm_and_no_proof_of_anything() {
    let scene = Scene::new().await;
    for trouble in [Trouble::Unreachable, Trouble::Status(500), Trouble::Status(429)] {
        for path in ["metadata/2.root.json", TIMESTAMP] {
            scene.sim.trouble(path, trouble);
            let error = scene.attempt().await.unwrap_err();
            assert!(matches!(error, Error::Network(_)), "{path} {trouble:?}: {error:?}");
            scene.is_unharmed();
            scene.sim.heal();
        }
    }
    scene.honest_update_works().await;
}

#[tokio::test]
async fn a_clock_far_behind_still_updates() {
    let scene = Scene::new().await;
    scene.sim.pass_days(-3_650);
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn a_clock_far_ahead_says_so_and_does_no_lasting_harm() {
    let scene = Scene::new().await;
    scene.sim.pass_days(3_650);
    let error = scene.attempt().await.unwrap_err();
    assert!(matches!(error, Error::Repository(_)), "{error:?}");
    assert!(error.to_string().contains("expired"), "{error}");
    assert!(error.advice().contains("clock seems wrong"), "{}", error.advice());
    scene.is_unharmed();
    scene.sim.pass_days(-3_650);
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn a_failed_delta_is_remembered_and_not_downloaded_again() {
    let scene = Scene::new().await;
    let delta = scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]);
    scene.sim.forge_delta(&delta);
    scene.home.stage(&scene.sim).await.unwrap().0.skip().unwrap();
    scene.sim.asked();
    let offer = scene.updater().asked_by_user(true).check().await.unwrap();
    let Check::Offer(offer) = offer else { panic!("{offer:?}") };
    offer.download(&mut |_| {}).await.unwrap().stage().await.unwrap().apply_now().unwrap();
    let asked = scene.sim.asked();
    assert!(!paths(&asked).iter().any(|path| path.ends_with(".delta")), "{asked:?}");
    assert_eq!(scene.home.installed(), expected(&good("1.1.0")));
}

#[tokio::test]
async fn deleting_what_the_updater_remembers_opens_no_way_back() {
    let scene = Scene::new().await;
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    let updater = scene.updater();
    let install = updater.installation().unwrap();
    install.trial().unwrap().unwrap().confirm(scene.sim.now()).unwrap();
    for folder in ["state", "cache"] {
        std::fs::remove_dir_all(scene.home.path().join(folder)).unwrap();
    }
    scene.sim.serve_instead(scene.old.clone());
    let found = scene.attempt().await;
    assert!(!matches!(found, Ok(Some(_))), "{found:?}");
    assert_eq!(scene.home.installed(), expected(&good("1.1.0")));
}

#[tokio::test]
async fn a_metadata_store_damaged_anywhere_costs_a_download_and_nothing_else() {
    let names = ["timestamp.json", "snapshot.json", "targets.json", "root.json"];
    for name in names {
        for damage in [&b""[..], b"{", b"\0\0\0\0", b"{\"signed\":{},\"signatures\":[]}"] {
            let scene = Scene::new().await;
            scene.sim.next_root(&["root"], |_| {});
            scene.offer().await;
            let store = find(&scene.home.path().join("state"), name);
            std::fs::write(store, damage).unwrap();
            assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"), "{name}");
        }
    }
}

/// The one file of this name beneath a folder.
fn find(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let things = exuvia_tests::home::things(folder);
    let end = format!("/{name}");
    let mut found = things.keys().filter(|path| path.ends_with(&end));
    folder.join(found.next().unwrap())
}

/// Changes the facts of all targets of the newest version in a channel role.
fn newest_facts(signed: &mut Value, change: impl Fn(&mut Value)) {
    let targets = signed["targets"].as_object_mut().unwrap();
    for (path, target) in targets.iter_mut().filter(|(path, _)| path.contains("1.1.0-folder")) {
        let facts = &mut target["custom"]["exuvia"];
        assert!(facts.is_object(), "{path}");
        change(facts);
    }
}
