//! Killed at any instant. `crash` tries every step, `crash-rig` every call, with the power gone too.

use exuvia_durable::faults::{Fault, Faults};
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};

#[tokio::test]
async fn a_kill_leaves_the_old_or_the_new_version() {
    for step in (1..).step_by(9) {
        let scene = Scene::under_attack().await;
        let faults = Faults::everywhere(step, Fault::Tear);
        let _ = scene.attempt().await;
        let struck = faults.struck();
        drop(faults);
        let found = scene.home.installed();
        let whole = ["1.0.0", "1.1.0"].iter().any(|version| found == expected(&good(version)));
        assert!(whole, "killed at step {step}");
        scene.settles().await;
        if !struck {
            assert!(step > 30, "only {step} steps were seen");
            break;
        }
    }
}
