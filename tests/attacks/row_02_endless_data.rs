//! A body that never ends.

use exuvia::{Error, RepositoryError};
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::Trouble;
use exuvia_tests::sim::forge::channel_role;

use crate::{TIMESTAMP, bump, only_full};

/// What lies in the sockets' buffers was sent, and never read.
const UNREAD: u64 = 512 * 1024;

#[tokio::test]
async fn a_payload_that_never_ends_is_cut_at_its_signed_length() {
    let scene = Scene::under_attack().await;
    let full = only_full(&scene);
    let length = scene.sim.served()[&full].len() as u64;
    scene.sim.trouble(&full, Trouble::Endless);
    scene.sim.sent();
    let refusal = scene.is_refused().await;
    assert!(matches!(refusal, RepositoryError::WrongPayload { .. }), "{refusal:?}");
    // One chunk beyond, for each of the tries; the honest update once.
    let sent = scene.sim.sent();
    assert!(sent < 5 * (length + 64 * 1024), "{sent} bytes for {length}");
}

#[tokio::test]
async fn metadata_without_a_signed_length_is_cut_at_its_limit() {
    for (path, limit) in [("metadata/2.root.json", 512 * 1024), (TIMESTAMP, 16 * 1024)] {
        let scene = Scene::under_attack().await;
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
        let sent = scene.sim.sent();
        assert!(sent < limit + UNREAD, "{sent} bytes of {path}");
        scene.is_unharmed();
        scene.honest_update_works().await;
    }
}

#[tokio::test]
async fn metadata_with_a_signed_length_is_cut_there() {
    for role in ["snapshot", "targets", &channel_role()] {
        let scene = Scene::under_attack().await;
        scene.sim.forge(role, bump);
        let version = scene.sim.signed(role)["version"].clone();
        scene.sim.trouble(&format!("metadata/{version}.{role}.json"), Trouble::Endless);
        scene.sim.sent();
        let error = scene.attempt().await.unwrap_err();
        assert!(matches!(error, Error::Repository(_) | Error::Network(_)), "{role}: {error:?}");
        let sent = scene.sim.sent();
        assert!(sent < 64 * 1024 + UNREAD, "{sent} bytes of {role}");
        scene.is_unharmed();
        scene.new_keys_work().await;
    }
}
