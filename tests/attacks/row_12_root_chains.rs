//! Chains of roots with gaps, or without end.

use exuvia_tests::scene::Scene;
use exuvia_tests::sim::paths;

#[tokio::test]
async fn an_endless_chain_of_roots_comes_to_an_end() {
    let scene = Scene::under_attack().await;
    for _ in 0..300 {
        scene.sim.next_root(&["root"], |_| {});
    }
    let roots = || {
        let asked = scene.sim.asked();
        asked.iter().filter(|asked| asked.path.ends_with(".root.json")).count()
    };
    roots();
    scene.offer().await;
    let first = roots();
    assert!((256..=257).contains(&first), "{first} roots were asked for");
    // An honest chain may be as long; the next check follows the rest.
    scene.arrives().await;
    assert!(roots() >= 300 - 256);
}

#[tokio::test]
async fn no_root_is_skipped() {
    let scene = Scene::under_attack().await;
    for _ in 0..3 {
        scene.sim.next_root(&["root"], |_| {});
    }
    scene.sim.drop_file("metadata/3.root.json");
    scene.sim.asked();
    scene.arrives().await;
    let asked = scene.sim.asked();
    let asked = paths(&asked);
    assert!(asked.contains("metadata/3.root.json"), "{asked:?}");
    assert!(!asked.contains("metadata/4.root.json"), "{asked:?}");
}
