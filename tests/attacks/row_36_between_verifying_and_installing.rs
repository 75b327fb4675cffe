//! What was verified is exchanged before it is installed. `crash-rig race` tries every call.

use exuvia::Error;
use exuvia_tests::home::{Thing, things};
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn a_payload_that_is_changed_after_it_was_verified_is_not_installed() {
    for change in [overwrite, exchange, link] {
        let scene = Scene::under_attack().await;
        let payloads = scene.offer().await.download(&mut |_| {}).await.unwrap();
        let cache = scene.home.path().join("cache");
        let mut changed = 0;
        for (name, thing) in things(&cache) {
            if let Thing::File(_, bytes) = thing
                && bytes.len() > 100
            {
                change(&cache.join(name), &bytes);
                changed += 1;
            }
        }
        assert!(changed > 0, "nothing was there to be changed");
        match payloads.stage().await {
            // By another route, from bytes that were verified.
            Ok(staged) => drop(staged.apply_now().unwrap()),
            Err(Error::Repository(_) | Error::Local(_)) => scene.is_unharmed(),
            Err(other) => panic!("{other:?}"),
        }
        scene.settles().await;
    }
}

fn overwrite(path: &std::path::Path, bytes: &[u8]) {
    let other: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
    std::fs::write(path, other).unwrap();
}

fn exchange(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    overwrite(path, bytes);
}

fn link(path: &std::path::Path, _: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
}
