//! A file system that cannot exchange two names. In place it is then done in renames, which
//! `exuvia-helper`'s tests cut off between any two; the link of the versioned layout needs none.

use exuvia_durable::Step;
use exuvia_durable::faults::Faults;
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn the_versioned_layout_needs_no_exchange() {
    let scene = Scene::under_attack().await;
    let faults = Faults::record_everywhere();
    scene.arrives().await;
    let steps = faults.steps();
    assert!(steps.iter().any(|(step, _)| *step == Step::Rename), "{steps:?}");
    assert!(steps.iter().all(|(step, _)| *step != Step::Exchange), "{steps:?}");
}
