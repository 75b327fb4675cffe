//! Nothing is answered.

use exuvia::Error;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::Trouble;

use crate::TIMESTAMP;

#[tokio::test]
async fn a_server_that_is_gone_is_no_harm_and_no_proof_of_anything() {
    let scene = Scene::under_attack().await;
    for trouble in [Trouble::Unreachable, Trouble::Status(500), Trouble::Status(429)] {
        for path in ["metadata/2.root.json", TIMESTAMP] {
            scene.sim.trouble(path, trouble);
            let error = scene.attempt().await.unwrap_err();
            assert!(matches!(error, Error::Network(_)), "{path} {trouble:?}: {error:?}");
            assert_eq!(error.exit_code(), 5);
            scene.is_unharmed();
            scene.sim.heal();
        }
    }
    scene.honest_update_works().await;
}
