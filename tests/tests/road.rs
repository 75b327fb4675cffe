//! The road of an update, over the simulated repository.
#![allow(clippy::unwrap_used)]

use exuvia::{Check, Error, Event, Held, Phase, RouteKind, Time};
use exuvia_bundle::MemoryTree;
use exuvia_tests::home::{Home, expected};
use exuvia_tests::scene::good;
use exuvia_tests::sim::{Sim, Trouble, app_tree, paths};

/// Publishes and installs 1.0.0, then publishes `next`.
async fn installed_then(next: &str, tree: &MemoryTree) -> (Sim, Home) {
    let (sim, home) = (Sim::new(), Home::new());
    sim.publish("1.0.0", &good("1.0.0"));
    home.install(&sim).await;
    sim.pass_days(1);
    sim.publish(next, tree);
    (sim, home)
}

fn trial_of(home: &Home, sim: &Sim) -> (exuvia::Install, Time) {
    (home.updater(sim).installation().unwrap().clone(), sim.now())
}

#[tokio::test]
async fn the_first_installation_is_the_published_tree() {
    let (sim, home) = (Sim::new(), Home::new());
    let tree = good("1.0.0");
    sim.publish("1.0.0", &tree);
    let install = home.install(&sim).await;
    assert_eq!(home.installed(), expected(&tree));
    assert_eq!(install.status().unwrap().current().version.to_string(), "1.0.0");
    assert!(matches!(home.updater(&sim).check().await.unwrap(), Check::UpToDate));
}

#[tokio::test]
async fn an_update_goes_by_delta_and_is_the_published_tree() {
    let next = good("1.1.0");
    let (sim, home) = installed_then("1.1.0", &next).await;
    let offer = home.offer(&sim).await;
    assert_eq!((offer.version().to_string().as_str(), offer.route()), ("1.1.0", RouteKind::Delta));
    assert!(offer.download_size() * 10 < offer.full_size(), "{}", offer.download_size());

    let (staged, _) = home.stage(&sim).await.unwrap();
    assert_eq!(staged.route(), Some(RouteKind::Delta));
    assert_eq!(home.installed(), expected(&good("1.0.0")), "staging touches nothing");
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&next));

    let (install, now) = trial_of(&home, &sim);
    assert!(matches!(install.status().unwrap().phase, Phase::Trial { .. }));
    install.trial().unwrap().unwrap().confirm(now).unwrap();
    assert!(matches!(install.status().unwrap().phase, Phase::Settled { .. }));
    assert!(matches!(home.updater(&sim).check().await.unwrap(), Check::UpToDate));
}

#[tokio::test]
async fn a_damaged_delta_gives_way_to_the_full_bundle_with_the_same_result() {
    let next = good("1.1.0");
    let (sim, home) = installed_then("1.1.0", &next).await;
    sim.flip(&sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]));
    let (staged, events) = home.stage(&sim).await.unwrap();
    let failed = events
        .iter()
        .any(|event| matches!(event, Event::RouteFailed { route: RouteKind::Delta, .. }));
    assert!(failed, "{events:?}");
    assert_eq!(staged.route(), Some(RouteKind::Full));
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&next));
}

#[tokio::test]
async fn an_altered_installation_is_updated_by_the_full_bundle() {
    let next = good("1.1.0");
    let (sim, home) = installed_then("1.1.0", &next).await;
    std::fs::write(home.app().join("versions/1.0.0/share/data"), b"somebody was here").unwrap();
    let (staged, _) = home.stage(&sim).await.unwrap();
    assert_eq!(staged.route(), Some(RouteKind::Full));
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&next));
}

#[tokio::test]
async fn a_release_that_fails_its_trial_is_left_and_not_offered_again() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    home.stage(&sim).await.unwrap().0.apply_now().unwrap();
    let (install, now) = trial_of(&home, &sim);
    install.trial().unwrap().unwrap().revert("it crashed", now).unwrap();
    assert_eq!(home.installed(), expected(&good("1.0.0")));

    let check = home.updater(&sim).check().await.unwrap();
    assert!(matches!(check, Check::Held(Held::Release(_))), "{check:?}");

    let fixed = good("1.1.1");
    sim.publish("1.1.1", &fixed);
    home.stage(&sim).await.unwrap().0.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&fixed));
}

#[tokio::test]
async fn a_release_that_does_not_start_is_refused_before_the_swap() {
    let broken = app_tree("1.1.0", "#!/bin/sh\nexit 3\n");
    let (sim, home) = installed_then("1.1.0", &broken).await;
    let error = home.stage(&sim).await.unwrap_err();
    assert!(matches!(error, Error::Local(_) | Error::Repository(_)), "{error:?}");
    assert_eq!(home.installed(), expected(&good("1.0.0")));
    let check = home.updater(&sim).check().await.unwrap();
    assert!(matches!(check, Check::Held(_)), "{check:?}");
}

#[tokio::test]
async fn an_unchanged_check_is_two_requests_the_second_conditional() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    home.updater(&sim).check().await.unwrap();
    sim.asked();
    home.updater(&sim).check().await.unwrap();
    let asked = sim.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["metadata/2.root.json", "metadata/timestamp.json"]);
    assert!(asked[1].conditional);
}

#[tokio::test]
async fn a_staged_release_is_offered_again_without_a_download() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    home.stage(&sim).await.unwrap().0.later();
    sim.asked();
    let (staged, _) = home.stage(&sim).await.unwrap();
    let asked = sim.asked();
    assert!(!paths(&asked).iter().any(|path| path.starts_with("targets/")), "{asked:?}");
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&good("1.1.0")));
}

#[tokio::test]
async fn a_broken_download_is_continued_where_it_stopped() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    sim.drop_file(&sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]));
    let full = sim.path_of(&["1.1.0-folder.tar.zst"]);
    sim.trouble(&full, Trouble::Cut(500));
    let error = home.stage(&sim).await.unwrap_err();
    assert!(matches!(error, Error::Network(_)), "{error:?}");
    sim.asked();
    sim.heal();
    let (staged, _) = home.stage(&sim).await.unwrap();
    let asked = sim.asked();
    let resumed = asked.iter().find(|asked| asked.path == full).unwrap();
    assert!(resumed.offset >= 500, "{resumed:?}");
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&good("1.1.0")));
}

#[tokio::test]
async fn a_skipped_release_is_not_offered_until_the_user_asks() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    home.offer(&sim).await.skip().unwrap();
    let updater = home.updater(&sim);
    assert!(matches!(updater.check().await.unwrap(), Check::Held(_)));
    assert!(matches!(updater.asked_by_user(true).check().await.unwrap(), Check::Offer(_)));
    sim.publish("1.2.0", &good("1.2.0"));
    assert_eq!(home.offer(&sim).await.version().to_string(), "1.2.0");
}

#[tokio::test]
async fn going_back_by_hand_returns_to_the_version_before() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    home.stage(&sim).await.unwrap().0.apply_now().unwrap();
    let (install, now) = trial_of(&home, &sim);
    install.trial().unwrap().unwrap().confirm(now).unwrap();
    assert_eq!(home.updater(&sim).rollback().unwrap().to_string(), "1.0.0");
    assert_eq!(home.installed(), expected(&good("1.0.0")));
}

#[tokio::test]
async fn files_that_the_user_put_beside_a_version_are_neither_harmed_nor_carried_over() {
    let next = good("1.1.0");
    let (sim, home) = installed_then("1.1.0", &next).await;
    let extra = home.app().join("versions/1.0.0/share/mine.txt");
    std::fs::write(&extra, b"mine").unwrap();
    let (staged, _) = home.stage(&sim).await.unwrap();
    assert_eq!(staged.route(), Some(RouteKind::Delta));
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&next));
    assert_eq!(std::fs::read(&extra).unwrap(), b"mine");
}

#[tokio::test]
async fn an_update_over_several_versions_takes_one_delta() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    sim.publish("1.2.0", &good("1.2.0"));
    let (staged, _) = home.stage(&sim).await.unwrap();
    assert_eq!(staged.route(), Some(RouteKind::Delta));
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&good("1.2.0")));
}

#[tokio::test]
async fn a_chain_of_deltas_leads_where_no_single_one_does() {
    let (sim, home) = installed_then("1.1.0", &good("1.1.0")).await;
    sim.deltas_from_the_last_only();
    sim.publish("1.2.0", &good("1.2.0"));
    let (staged, _) = home.stage(&sim).await.unwrap();
    assert_eq!(staged.route(), Some(RouteKind::Chain));
    staged.apply_now().unwrap();
    assert_eq!(home.installed(), expected(&good("1.2.0")));
}

#[tokio::test]
async fn nothing_but_the_updaters_own_folders_is_touched() {
    let (sim, home) = (Sim::new(), Home::new());
    std::fs::write(home.path().join("letter.txt"), b"dear all").unwrap();
    std::fs::create_dir_all(home.path().join("apps/other")).unwrap();
    let before = home.surroundings();
    sim.publish("1.0.0", &good("1.0.0"));
    home.install(&sim).await;
    sim.publish("1.1.0", &good("1.1.0"));
    home.stage(&sim).await.unwrap().0.apply_now().unwrap();
    assert_eq!(home.surroundings(), before);
}
