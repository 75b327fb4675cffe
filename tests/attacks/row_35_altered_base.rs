//! What a delta is to be applied to was altered on this machine.

use exuvia_tests::scene::Scene;

#[tokio::test]
async fn a_file_that_was_altered_costs_the_whole_bundle_and_nothing_else() {
    for (file, other) in [("share/data", &b"altered"[..]), ("share/version", b""), ("notes", b"#!")]
    {
        let scene = Scene::under_attack().await;
        let installed = scene.home.app().join("current").join(file);
        std::fs::write(&installed, other).unwrap();
        scene.sim.asked();
        scene.arrives().await;
        let asked = scene.sim.asked();
        assert!(asked.iter().any(|asked| asked.path.ends_with(".tar.zst")), "{file}: {asked:?}");
    }
}
