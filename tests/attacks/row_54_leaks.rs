//! Descriptors and processes that are left over.

use exuvia::Install;
use exuvia_tests::scene::{Scene, good};

#[tokio::test]
async fn after_many_updates_no_more_files_are_open_and_no_process_is_left() {
    let scene = Scene::under_attack().await;
    scene.sim.deltas_from_the_last_only();
    let mut counts = Vec::new();
    for minor in 2..8 {
        let version = format!("1.{minor}.0");
        scene.sim.publish(&version, &good(&version));
        scene.arrives().await;
        let install = Install::open(&scene.home.app()).unwrap();
        install.trial().unwrap().unwrap().confirm(scene.sim.now()).unwrap();
        drop(install);
        counts.push(std::fs::read_dir("/proc/self/fd").unwrap().count());
    }
    // Connections that are kept for the next request may come and go.
    assert!(counts[5] <= counts[1] + 2, "{counts:?}");
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    for task in tasks.map(Result::unwrap) {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        assert_eq!(children.trim(), "", "a process is left");
    }
    let versions = std::fs::read_dir(scene.home.app().join("versions")).unwrap().count();
    assert_eq!(versions, 2, "the installed version and the one before");
}
