//! A kill, a torn write and a full disk at every step that changes the disk.
//!
//! Afterwards the installed tree is exactly the old or exactly the new one, recovery works and does
//! the same twice, and the next honest update arrives.
#![allow(clippy::unwrap_used)]

use exuvia::{Install, Phase};
use exuvia_durable::faults::{Fault, Faults};
use exuvia_tests::home::{expected, things};
use exuvia_tests::scene::{Scene, good};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// What to do with the application, and what may be installed afterwards.
struct Act {
    versions: [&'static str; 2],
    run: fn(&Install, exuvia::Time),
}

fn install(scene: &Scene) -> Install {
    Install::open(&scene.home.app()).unwrap()
}

/// The tree that `current` leads to is one of these, whole.
fn assert_whole(scene: &Scene, versions: &[&str], when: &str) {
    let found = scene.home.installed();
    let whole = versions.iter().any(|version| found == expected(&good(version)));
    let names: Vec<_> = found.keys().collect();
    assert!(whole, "{when}: neither of {versions:?} but {names:?}");
}

/// Recovers twice: the second time changes nothing.
fn assert_recovers(scene: &Scene, when: &str) -> Phase {
    let install = install(scene);
    let phase = install.recover(scene.sim.now()).unwrap_or_else(|e| panic!("{when}: {e}"));
    let after = things(&scene.home.app());
    assert_eq!(install.recover(scene.sim.now()).unwrap(), phase, "{when}");
    let again = things(&scene.home.app());
    let changed: Vec<_> = again.iter().filter(|(path, _)| !path.contains("floors")).collect();
    let before: Vec<_> = after.iter().filter(|(path, _)| !path.contains("floors")).collect();
    assert_eq!(changed, before, "{when}");
    phase
}

#[tokio::test]
async fn an_update_killed_anywhere_is_old_or_new_and_the_next_one_arrives() {
    for fault in [Fault::Stop, Fault::Tear] {
        update_with(fault).await;
    }
}

#[tokio::test]
async fn an_update_that_meets_a_full_disk_or_a_failing_device_is_old_or_new() {
    for errno in [ENOSPC, EIO] {
        update_with(Fault::Errno(errno)).await;
    }
}

async fn update_with(fault: Fault) {
    let scene = Scene::new().await;
    let saved = scene.home.save();
    let mut n = 0;
    loop {
        let when = format!("{fault:?} at step {n}");
        let faults = Faults::everywhere(n, fault);
        let result = scene.attempt().await;
        let struck = faults.struck();
        drop(faults);
        assert_whole(&scene, &["1.0.0", "1.1.0"], &when);
        assert_recovers(&scene, &when);
        assert_whole(&scene, &["1.0.0", "1.1.0"], &when);
        if !struck {
            assert_eq!(result.unwrap().as_deref(), Some("1.1.0"));
            break;
        }
        let again = scene.attempt().await.unwrap_or_else(|e| panic!("{when}: {e}"));
        assert!(again.is_none() || again.as_deref() == Some("1.1.0"), "{when}: {again:?}");
        assert_whole(&scene, &["1.1.0"], &when);
        scene.home.restore(&saved);
        n += 1;
    }
    assert!(n > 30, "only {n} steps were seen");
}

#[tokio::test]
async fn confirming_killed_anywhere_keeps_the_new_version() {
    on_trial(Act {
        versions: ["1.1.0", "1.1.0"],
        run: |install, now| {
            let _ = install.trial().unwrap().unwrap().confirm(now);
        },
    })
    .await;
}

#[tokio::test]
async fn reverting_killed_anywhere_leads_back_to_the_old_version() {
    on_trial(Act {
        versions: ["1.0.0", "1.1.0"],
        run: |install, now| {
            let _ = install.trial().unwrap().unwrap().revert("it crashed", now);
        },
    })
    .await;
}

/// Kills `act` at each step, then the recovery from that at each of its steps.
async fn on_trial(act: Act) {
    let scene = Scene::new().await;
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    let (saved, now) = (scene.home.save(), scene.sim.now());
    for n in 0.. {
        let faults = Faults::here(n, Fault::Stop);
        (act.run)(&install(&scene), now);
        let struck = faults.struck();
        drop(faults);
        let killed = scene.home.save();
        for m in 0.. {
            let when = format!("killed at step {n}, the recovery at its step {m}");
            let faults = Faults::here(m, Fault::Stop);
            let _ = install(&scene).recover(now);
            let recovery_struck = faults.struck();
            drop(faults);
            assert_whole(&scene, &act.versions, &when);
            assert_recovers(&scene, &when);
            assert_whole(&scene, &act.versions, &when);
            scene.home.restore(&killed);
            if !recovery_struck {
                break;
            }
        }
        scene.home.restore(&saved);
        if !struck {
            assert!(n > 3, "only {n} steps were seen");
            break;
        }
    }
}

#[tokio::test]
async fn going_back_to_the_old_version_never_needs_the_new_one() {
    let scene = Scene::new().await;
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
    std::fs::remove_dir_all(scene.home.app().join("versions/1.1.0")).unwrap();
    // Whether by recovery or by the revert itself: the way back is open.
    let install = install(&scene);
    let _ = install.trial().unwrap().unwrap().revert("it deleted itself", scene.sim.now());
    assert_eq!(scene.home.installed(), expected(&good("1.0.0")));
    assert_eq!(install.status().unwrap().current().version.to_string(), "1.0.0");
}
