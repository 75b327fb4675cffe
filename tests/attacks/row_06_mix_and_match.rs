//! Honest files of different times.

use exuvia_core::Error;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::sim::forge::{channel_role, with_old};

#[tokio::test]
async fn files_of_different_times_do_not_mix() {
    for role in ["snapshot", "targets", &channel_role()] {
        let mut scene = Scene::under_attack().await;
        if role == "targets" {
            scene.sim.add_platform("haiku-riscv64");
        }
        scene.sim.publish("1.2.0", &good("1.2.0"));
        scene.is_honest_so_far();
        // The new name with the old bytes.
        let version = scene.sim.signed(role)["version"].as_u64().unwrap();
        let mixed = with_old(scene.sim.served(), &scene.old, role);
        let newest_old = mixed.keys().filter(|path| path.ends_with(&format!(".{role}.json"))).max();
        let bytes = mixed[newest_old.unwrap()].clone();
        scene.sim.replace(&format!("metadata/{version}.{role}.json"), bytes);
        let rule = scene.is_refused_by_rule().await;
        assert!(matches!(rule, Error::WrongHash { .. } | Error::WrongLength { .. }), "{rule}");
    }
}
