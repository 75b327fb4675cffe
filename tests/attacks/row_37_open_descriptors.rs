//! Somebody keeps a file open for writing over the check, or writes where others may.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exuvia_tests::home::{Thing, open_to_strangers, things};
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn what_is_written_through_an_old_descriptor_is_noticed() {
    let scene = Scene::under_attack().await;
    let payloads = scene.offer().await.download(&mut |_| {}).await.unwrap();
    let cache = scene.home.path().join("cache");
    let open = |name: String| std::fs::File::options().write(true).open(cache.join(name)).unwrap();
    let files = things(&cache).into_iter().filter(|(_, thing)| matches!(thing, Thing::File(..)));
    let open: Vec<_> = files.map(|(name, _)| open(name)).collect();
    let done = Arc::new(AtomicBool::new(false));
    let told = done.clone();
    let writer = std::thread::spawn(move || {
        while !told.load(Ordering::SeqCst) {
            open.iter().for_each(|file| file.write_all_at(b"evil", 64).unwrap());
        }
    });
    let staged = payloads.stage().await;
    done.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    if let Ok(staged) = staged {
        staged.apply_now().unwrap();
    }
    scene.settles().await;
}

#[tokio::test]
async fn nobody_else_may_write_what_is_staged_and_installed() {
    let scene = Scene::under_attack().await;
    scene.arrives().await;
    for (name, thing) in things(&scene.home.app()) {
        if let Thing::Dir(mode) | Thing::File(mode, _) = thing {
            assert_eq!(mode & 0o022, 0, "others may write to {name}");
        }
    }
}

#[tokio::test]
async fn another_user_finds_nothing_to_write_to_on_the_whole_way() {
    let scene = Scene::under_attack().await;
    let nothing = |when: &str| {
        let found = open_to_strangers(scene.home.path());
        assert!(found.clone().is_none_or(|found| found.is_empty()), "{when}: {found:?}");
    };
    nothing("installed");
    let payloads = scene.offer().await.download(&mut |_| {}).await.unwrap();
    nothing("downloaded");
    let staged = payloads.stage().await.unwrap();
    nothing("staged");
    staged.apply_now().unwrap();
    nothing("on trial");
    scene.settles().await;
    nothing("at last");
    let open = scene.home.path().join("open");
    std::fs::write(&open, "").unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let found = open_to_strangers(scene.home.path());
    assert!(found.is_none_or(|found| found.len() == 1), "he finds what is there");
}
