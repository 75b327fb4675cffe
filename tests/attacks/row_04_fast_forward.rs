//! Versions are made up with stolen keys, so that the publisher's own look old.

use exuvia_tests::scene::Scene;
use exuvia_tests::sim::forge::channel_role;
use serde_json::json;

#[tokio::test]
async fn versions_that_a_thief_made_up_are_forgotten_with_the_keys() {
    for role in ["timestamp", "snapshot", "targets", &channel_role()] {
        for version in [u64::from(u32::MAX) / 2, (1 << 53) - 2] {
            let scene = Scene::under_attack().await;
            scene.sim.forge(role, |signed| signed["version"] = json!(version));
            // The victim takes them for the newest.
            scene.offer().await;
            scene.new_keys_work().await;
        }
    }
}
