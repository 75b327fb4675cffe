//! From check to switch.

use exuvia::{
    Check, Error, Event, FirstInstall, Held, Kind, LocalError, Offer, Placement, RouteKind,
    Updater, Version,
};

use crate::publisher::{World, bundle};

pub(crate) async fn offer(updater: &Updater) -> Offer {
    match updater.check().await.unwrap() {
        Check::Offer(offer) => offer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unchanged_check_is_two_small_requests() {
    let world = World::new().await;
    let updater = world.updater();
    assert!(matches!(updater.check().await.unwrap(), Check::UpToDate));
    world.mirror.take_log();
    assert!(matches!(updater.check().await.unwrap(), Check::UpToDate));
    let log = world.mirror.take_log();
    let asked: Vec<(&str, bool)> = log.iter().map(|a| (&*a.path, a.not_modified)).collect();
    assert_eq!(asked, [("metadata/2.root.json", false), ("metadata/timestamp.json", true)]);
}

#[tokio::test]
async fn a_timestamp_that_was_only_signed_anew_brings_nothing_else() {
    let mut world = World::new().await;
    let updater = world.updater();
    updater.check().await.unwrap();
    world.pass_days(7);
    world.refresh();
    world.mirror.take_log();
    assert!(matches!(updater.check().await.unwrap(), Check::UpToDate));
    assert_eq!(world.mirror.take_paths().len(), 2);
}

#[tokio::test]
async fn a_delta_is_downloaded_rebuilt_and_switched_to() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let updater = world.updater();
    let mut events = Vec::new();
    let mut progress = |event: Event| events.push(format!("{event:?}"));
    let found = offer(&updater).await;
    assert_eq!((found.route(), found.notes("de")), (RouteKind::Delta, Some("Notes of 1.1.0")));
    assert!(found.download_size() * 20 < found.full_size());
    world.mirror.take_log();
    let staged = found.download(&mut progress).await.unwrap();
    let staged = staged.stage_with(&mut progress).await.unwrap();
    let paths = world.mirror.take_paths();
    assert!(matches!(&*paths, [one] if one.ends_with(".delta")), "{paths:?}");
    assert_eq!(world.installed_text(), "1.0.0");
    assert_eq!(staged.route(), Some(RouteKind::Delta));
    staged.apply_now().unwrap();
    assert_eq!(world.installed_text(), "1.1.0");
    for word in ["Downloading", "Staging", "Staged", "Qualified"] {
        assert!(events.iter().any(|event| event.starts_with(word)), "{word}: {events:?}");
    }
    assert!(!world.cache().join("exuvia").exists(), "payloads have served");
}

#[tokio::test]
async fn a_chain_of_deltas_leads_over_a_version_that_was_never_installed() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    world.release("1.2.0", &["1.1.0"]);
    let found = offer(&world.updater()).await;
    assert_eq!((found.route(), found.version().to_string()), (RouteKind::Chain, "1.2.0".into()));
    let staged = found.download(&mut |_| {}).await.unwrap().stage().await.unwrap();
    assert_eq!(staged.route(), Some(RouteKind::Chain));
    staged.apply_now().unwrap();
    assert_eq!(world.installed_text(), "1.2.0");
}

#[tokio::test]
async fn later_leaves_it_staged_and_the_next_run_downloads_nothing() {
    let mut world = World::new().await;
    world.release("1.1.0", &["1.0.0"]);
    let staged = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    staged.stage().await.unwrap().later();
    let found = offer(&world.updater()).await;
    world.mirror.take_log();
    let staged = found.download(&mut |_| {}).await.unwrap().stage().await.unwrap();
    assert_eq!((staged.route(), world.mirror.take_paths()), (None, vec![]));
    staged.apply_on_quit().unwrap();
    assert_eq!(world.installed_text(), "1.0.0");
}

#[tokio::test]
async fn a_skipped_version_comes_back_only_when_asked_for() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let updater = world.updater();
    offer(&updater).await.skip().unwrap();
    assert!(matches!(updater.check().await.unwrap(), Check::Held(_)));
    offer(&updater.asked_by_user(true)).await;
    world.release_with("1.2.0", &[], |facts| facts.critical = true);
    offer(&updater).await.skip().unwrap();
    assert!(offer(&updater).await.is_critical());
}

#[tokio::test]
async fn outside_an_installation_a_check_is_possible_and_nothing_more() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let elsewhere = world.dir.path().join("elsewhere");
    let updater = world.builder().install(&elsewhere).current_version("1.0.5").build().unwrap();
    let found = offer(&updater).await;
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Local(LocalError::NotInstalled { path }) if path == elsewhere));
    let newest = world.builder().install(&elsewhere).current_version("1.1.0").build().unwrap();
    assert!(matches!(newest.check().await.unwrap(), Check::UpToDate));
}

#[tokio::test]
async fn only_one_process_downloads_for_an_installation() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let held = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    let second = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap_err();
    assert!(matches!(second, Error::Local(LocalError::Busy)), "{second}");
    drop(held);
    offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn an_expired_timestamp_is_refused_with_the_right_code() {
    let world = World::new().await;
    world.pass_days(31);
    let error = world.updater().check().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    assert!(!error.advice().is_empty() && !error.to_string().contains('\n'));
}

#[tokio::test]
async fn a_clock_set_back_does_not_make_old_metadata_fresh() {
    let mut world = World::new().await;
    let old = world.files.lock().unwrap().clone();
    world.pass_days(40);
    world.refresh();
    world.release("1.1.0", &[]);
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    let install = world.updater().installation().unwrap().clone();
    install.trial().unwrap().unwrap().confirm(world.now()).unwrap();
    // Everything that this user knew is lost, the clock is wrong, and the mirror serves the past.
    std::fs::remove_dir_all(world.dir.path().join("state")).unwrap();
    *world.files.lock().unwrap() = old;
    world.pass_days(-39);
    let error = world.updater().check().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
}

#[tokio::test]
async fn cancelling_ends_the_run_and_not_the_next_one() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let updater = world.updater();
    let found = offer(&updater).await;
    updater.cancel_handle().cancel();
    let error = found.download(&mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Local(LocalError::Cancelled)), "{error}");
    offer(&updater).await.download(&mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_version_rolled_back_is_offered_again_only_to_those_who_insist() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    let updater = world.updater();
    let trial = updater.installation().unwrap().trial().unwrap().unwrap();
    trial.confirm(world.now()).unwrap();
    assert!(matches!(updater.check().await.unwrap(), Check::UpToDate));
    assert_eq!(updater.rollback().unwrap(), Version::new(1, 0, 0));
    assert!(matches!(updater.asked_by_user(true).check().await.unwrap(), Check::Held(_)));
    let found = offer(&updater.even_if_failed(true)).await;
    found.download(&mut |_| {}).await.unwrap().stage().await.unwrap().apply_now().unwrap();
    assert_eq!(world.installed_text(), "1.1.0");
}

#[tokio::test]
async fn what_is_staged_goes_when_it_is_withdrawn() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_on_quit().unwrap();
    let staged = |world: &World| world.updater().installation().unwrap().waiting().unwrap();
    world.updater().check().await.unwrap();
    assert!(staged(&world).is_some());
    world.release_with("1.2.0", &[], |facts| {
        facts.supersedes.push(bundle("1.1.0"));
        facts.requires.from = Some(Version::new(9, 0, 0));
    });
    assert!(matches!(world.updater().check().await.unwrap(), Check::Held(_)));
    assert!(staged(&world).is_none());
}

#[tokio::test]
async fn what_lies_below_a_version_that_ran_here_is_not_offered() {
    let mut world = World::new().await;
    world.release("1.0.5", &[]);
    world.release("1.1.0", &[]);
    let updater = world.updater();
    let payloads = offer(&updater).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    let trial = updater.installation().unwrap().trial().unwrap().unwrap();
    trial.confirm(world.now()).unwrap();
    updater.rollback().unwrap();
    let found = updater.check().await.unwrap();
    assert!(matches!(found, Check::Held(Held::Release(_))), "{found:?}");
}

#[tokio::test]
async fn a_publisher_whose_clock_was_ahead_can_go_on() {
    let mut world = World::new().await;
    let ahead = world.now().plus_days(4_000);
    world.release_with("1.1.0", &[], |facts| facts.published = ahead);
    let updater = world.updater();
    for version in ["1.1.0", "1.2.0"] {
        let payloads = offer(&updater).await.download(&mut |_| {}).await.unwrap();
        payloads.stage().await.unwrap().apply_now().unwrap();
        assert_eq!(world.installed_text(), version);
        let trial = updater.installation().unwrap().trial().unwrap().unwrap();
        trial.confirm(world.now()).unwrap();
        if version == "1.1.0" {
            world.release("1.2.0", &[]);
        }
    }
}

#[tokio::test]
async fn an_application_that_is_one_path_is_exchanged_whole() {
    let mut world = World::new().await;
    let place = world.dir.path().join("Notes");
    let updater = world.builder().install(&place).build().unwrap();
    let layout = Some(Placement::InPlace);
    let first = FirstInstall { layout, version: None, launcher: None };
    updater.first_install(first, &mut |_| {}).await.unwrap();
    world.release("1.1.0", &["1.0.0"]);
    let updater = world.builder().install(&place).build().unwrap();
    let payloads = offer(&updater).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    assert_eq!(std::fs::read_to_string(place.join("version.txt")).unwrap(), "1.1.0");
    assert_eq!(updater.history().unwrap().last().unwrap().to, Some(Version::new(1, 1, 0)));
    // This application does not embed the crate: nobody would watch a trial.
    let status = updater.status().unwrap();
    assert_eq!(status.current().version, Version::new(1, 1, 0));
    assert_eq!(status.previous().unwrap().version, Version::new(1, 0, 0));
}

#[tokio::test]
async fn during_a_trial_nothing_else_is_offered() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let payloads = offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    payloads.stage().await.unwrap().apply_now().unwrap();
    world.release("1.2.0", &[]);
    let found = world.updater().check().await.unwrap();
    let Check::Held(Held::OnTrial { version, next: _ }) = found else { panic!("{found:?}") };
    assert_eq!(version, Version::new(1, 1, 0));
}

#[tokio::test]
async fn uninstalling_leaves_nothing_of_the_application_nor_of_its_updater() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    offer(&world.updater()).await.download(&mut |_| {}).await.unwrap();
    assert!(world.updater().uninstall().unwrap().left.is_empty());
    assert!(!world.app_dir().exists());
    for base in [world.cache(), world.dir.path().join("state")] {
        assert!(!base.join("exuvia").exists(), "{base:?}");
    }
}

#[tokio::test]
async fn a_kind_that_the_channel_does_not_have_is_said_so() {
    let world = World::new().await;
    let builder = world.builder().install(world.dir.path().join("image")).kind(Kind::AppImage);
    let first = FirstInstall { layout: None, version: None, launcher: None };
    let error = builder.build().unwrap().first_install(first, &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("the channel has folder"), "{error}");
}

#[tokio::test]
async fn a_first_installation_passes_a_withdrawn_release_over() {
    let mut world = World::new().await;
    world.release_with("1.1.0", &[], |facts| facts.supersedes.push(bundle("1.2.0")));
    world.release("1.2.0", &[]);
    let place = world.dir.path().join("Notes");
    let updater = world.builder().install(&place).build().unwrap();
    let layout = Some(Placement::InPlace);
    let first = FirstInstall { layout, version: None, launcher: None };
    let installed = updater.first_install(first, &mut |_| {}).await.unwrap();
    assert_eq!(installed.version, Version::new(1, 1, 0));
}

#[test]
fn every_step_may_run_on_a_thread_pool() {
    fn is_send<T: Send>(_: &T) {}
    fn steps(updater: &Updater, offer: Offer, payloads: exuvia::Payloads) {
        is_send(&updater.check());
        is_send(&offer.download(&mut |_| {}));
        is_send(&payloads.stage());
    }
    let _ = steps;
}

pub(crate) fn parts(world: &World) -> std::path::PathBuf {
    let apps = world.cache().join("exuvia/notes");
    let installation = std::fs::read_dir(apps).unwrap().next().unwrap().unwrap();
    installation.path().join("parts")
}
