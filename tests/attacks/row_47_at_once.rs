//! Many updaters at once, while the application starts.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exuvia_tests::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_updates_and_the_application_always_starts() {
    let scene = Scene::under_attack().await;
    let (program, done) =
        (scene.home.app().join("current/notes"), Arc::new(AtomicBool::new(false)));
    let told = done.clone();
    let starter = std::thread::spawn(move || {
        let mut starts = 0;
        while !told.load(Ordering::SeqCst) {
            let output = Command::new(&program).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(["notes 1.0.0\n", "notes 1.1.0\n"].contains(&&*said), "{said:?}");
            starts += 1;
        }
        starts
    });
    let all = [scene.attempt(), scene.attempt(), scene.attempt(), scene.attempt()];
    let results = futures_util::future::join_all(all).await;
    done.store(true, Ordering::SeqCst);
    assert!(starter.join().unwrap() > 0);
    assert!(results.iter().any(|result| matches!(result, Ok(Some(_)))), "{results:?}");
    scene.settles().await;
}
