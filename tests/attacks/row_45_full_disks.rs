//! The disk is full, over its quota, failing or read-only at some write. `crash-rig calls` tries every
//! call of the real programs.

use exuvia_durable::faults::{Fault, Faults};
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};

#[tokio::test]
async fn a_write_that_fails_leaves_the_old_version_and_is_said_to_have_failed() {
    for errno in [28, 122, 5, 30] {
        for step in [3, 11, 19, 27] {
            let scene = Scene::under_attack().await;
            let faults = Faults::everywhere(step, Fault::Errno(errno));
            let attempt = scene.attempt().await;
            let struck = faults.struck();
            drop(faults);
            assert!(struck, "only some {step} steps are made");
            match attempt {
                Ok(arrived) => assert_eq!(arrived.as_deref(), Some("1.1.0")),
                Err(error) => assert_eq!(error.exit_code(), 1, "{errno} at {step}: {error:?}"),
            }
            let found = scene.home.installed();
            let whole = ["1.0.0", "1.1.0"].iter().any(|v| found == expected(&good(v)));
            assert!(whole, "{errno} at {step}");
            scene.settles().await;
        }
    }
}
