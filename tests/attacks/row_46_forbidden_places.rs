//! The place is somebody else's, or everybody's. `kept_elsewhere` has disks that are read-only, the helper's
//! `privilege` folders of other users and groups.

use std::os::unix::fs::PermissionsExt;

use exuvia_tests::scene::Scene;

#[tokio::test]
async fn a_state_that_others_may_write_to_is_not_trusted_and_it_is_said_why() {
    for bits in [0o777, 0o772, 0o702] {
        let scene = Scene::under_attack().await;
        let state = scene.home.app().join(".exuvia");
        let mode =
            |bits| std::fs::set_permissions(&state, PermissionsExt::from_mode(bits)).unwrap();
        mode(bits);
        let error = scene.attempt().await.unwrap_err();
        assert_eq!(error.exit_code(), 1, "{error:?}");
        assert!(error.to_string().contains("others may write to it"), "{error}");
        scene.is_unharmed();
        mode(0o700);
        scene.settles().await;
    }
}
