//! State that is cut off, empty, or a folder. `damaged_state` tries every position of every file.

use std::fs;

use exuvia_tests::scene::Scene;

#[tokio::test]
async fn a_torn_record_keeps_neither_the_application_nor_for_ever_the_updates_away() {
    for name in ["journal", "layout", "floors.a", "root.json", "remembered", "trial-0"] {
        for left in [Some(40), None] {
            let scene = Scene::under_attack().await;
            let (state, saved) = (scene.home.app().join(".exuvia"), scene.home.save());
            let file = state.join(name);
            let whole = fs::read(&file).unwrap_or_default();
            let _ = fs::remove_file(&file);
            match left {
                Some(left) => fs::write(&file, &whole[..whole.len().min(left)]).unwrap(),
                None => fs::create_dir(&file).unwrap(),
            }
            scene.is_unharmed();
            match scene.attempt().await {
                Ok(arrived) => assert_eq!(arrived.as_deref(), Some("1.1.0"), "{name} {left:?}"),
                Err(error) => {
                    assert_eq!(error.exit_code(), 1, "{name} {left:?}: {error:?}");
                    scene.is_unharmed();
                }
            }
            scene.home.restore(&saved);
            scene.settles().await;
        }
    }
}
