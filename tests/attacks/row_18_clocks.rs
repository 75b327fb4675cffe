//! The victim's clock is wrong, or is made wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use exuvia::{Error, Event, Updater};
use exuvia_core::Time;
use exuvia_tests::scene::{Scene, good};

#[tokio::test]
async fn a_clock_far_behind_still_updates() {
    let scene = Scene::under_attack().await;
    scene.sim.pass_days(-3_650);
    scene.arrives().await;
}

#[tokio::test]
async fn a_clock_that_was_far_behind_raises_no_false_alarm() {
    let scene = Scene::under_attack().await;
    scene.sim.pass_days(-3_650);
    let _ = scene.updater().check().await.unwrap();
    scene.sim.pass_days(3_650);
    // Neither before the next check nor by it, and the true alarm is as early as ever.
    for (days, told) in [(0, None), (13, None), (1, Some(14))] {
        scene.sim.pass_days(days);
        assert_eq!(scene.updater().stale_days(), told);
        let mut stale = None;
        let mut progress = |event| {
            if let Event::Stale { days, .. } = event {
                stale = Some(days);
            }
        };
        let _ = scene.updater().check_with(&mut progress).await.unwrap();
        assert_eq!(stale, told);
    }
    scene.is_unharmed();
    scene.honest_update_works().await;
}

#[tokio::test]
async fn a_clock_far_ahead_says_so_and_does_no_lasting_harm() {
    let scene = Scene::under_attack().await;
    scene.sim.pass_days(3_650);
    let error = scene.attempt().await.unwrap_err();
    assert!(matches!(error, Error::Repository(_)), "{error:?}");
    assert!(error.to_string().contains("expired"), "{error}");
    assert!(error.advice().contains("clock seems wrong"), "{}", error.advice());
    scene.is_unharmed();
    scene.sim.pass_days(-3_650);
    scene.arrives().await;
}

/// A clock that is right when it is read the first so many times.
struct Jumping {
    right: usize,
    then: Time,
    read: Arc<AtomicUsize>,
}

fn updater(scene: &Scene, clock: &Jumping) -> Updater {
    let (right, then, read) = (clock.right, clock.then, clock.read.clone());
    let now = scene.sim.now();
    let clock = move || if read.fetch_add(1, Ordering::SeqCst) < right { now } else { then };
    scene.builder_of(&[&scene.mirror()]).clock(clock).build().unwrap()
}

#[tokio::test]
async fn a_clock_that_jumps_at_any_step_wedges_nothing() {
    for days in [-3_650, 3_650] {
        for right in 0.. {
            let mut scene = Scene::under_attack().await;
            let now = scene.sim.now();
            let clock = Jumping { right, then: now.plus_days(days), read: Arc::default() };
            let updater = updater(&scene, &clock);
            match scene.attempt_with(&updater).await {
                Ok(_) => {
                    let install = updater.installation().unwrap();
                    install.trial().unwrap().unwrap().confirm(clock.then).unwrap();
                    scene.sim.publish("1.2.0", &good("1.2.0"));
                    scene.is_honest_so_far();
                }
                Err(Error::Repository(_)) if days > 0 => scene.is_unharmed(),
                Err(other) => panic!("{right}, {days}: {other:?}"),
            }
            scene.honest_update_works().await;
            if clock.read.load(Ordering::SeqCst) < right {
                break;
            }
        }
    }
}
