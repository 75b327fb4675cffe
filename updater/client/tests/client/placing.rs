//! Where an installation lies, and getting it there.

use std::path::Path;

use exuvia::{Check, Error, FirstInstall, Install, LocalError, Placement, Version};
use exuvia_helper::Waiting;

use crate::publisher::World;
use crate::road::offer;

#[tokio::test]
async fn a_first_installation_that_was_cut_off_is_repeated() {
    let world = World::new().await;
    for written_last in ["journal", "history", "run-1.0.0.lock"] {
        std::fs::remove_file(world.app_dir().join(".exuvia").join(written_last)).unwrap();
    }
    let launcher = Some(world.dir.path().join("launcher"));
    let first = FirstInstall { layout: None, version: None, launcher };
    world.updater().first_install(first, &mut |_| {}).await.unwrap();
    assert_eq!(world.installed_text(), "1.0.0");
}

#[tokio::test]
async fn damaged_state_is_mended_by_installing_again_and_by_nothing_else() {
    let world = World::new().await;
    std::fs::write(world.app_dir().join(".exuvia/journal"), b"torn").unwrap();
    let error = world.updater().check().await.unwrap_err();
    assert_eq!(error.advice(), "install the application again");
    let launcher = Some(world.dir.path().join("launcher"));
    let first = FirstInstall { layout: None, version: None, launcher };
    world.updater().first_install(first, &mut |_| {}).await.unwrap();
    assert_eq!(world.installed_text(), "1.0.0");
}

#[tokio::test]
async fn what_is_installed_is_not_downloaded_to_be_installed_again() {
    let world = World::new().await;
    let first = FirstInstall { layout: None, version: None, launcher: None };
    let error = world.updater().first_install(first, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Local(LocalError::AlreadyInstalled { .. })), "{error}");
    assert!(world.mirror.take_log().is_empty());
}

#[tokio::test]
async fn an_installation_has_one_store_however_it_is_named() {
    let mut world = World::new().await;
    world.release("1.1.0", &[]);
    let app = world.app_dir();
    let link = world.dir.path().join("link");
    std::os::unix::fs::symlink(&app, &link).unwrap();
    for name in [app.join(""), app.join("."), app.join("../app"), link] {
        offer(&world.builder().install(name).build().unwrap()).await;
    }
    assert_eq!(stores(&world), 1);
}

#[tokio::test]
async fn an_installation_that_does_not_exist_yet_has_the_store_it_will_have() {
    let world = World::new().await;
    let place = world.dir.path().join("./other/../Notes");
    std::fs::create_dir(world.dir.path().join("other")).unwrap();
    let updater = world.builder().install(&place).build().unwrap();
    let layout = Some(Placement::InPlace);
    let first = FirstInstall { layout, version: None, launcher: None };
    updater.first_install(first, &mut |_| {}).await.unwrap();
    world.builder().install(place).build().unwrap().check().await.unwrap();
    assert_eq!(stores(&world), 2);
}

#[tokio::test]
async fn a_trial_that_nobody_watches_is_ended_by_the_next_run() {
    let mut world = World::new().await;
    let place = world.dir.path().join("Notes");
    let layout = Some(Placement::InPlace);
    let first = FirstInstall { layout, version: None, launcher: None };
    let installing = world.builder().install(&place).build().unwrap();
    installing.first_install(first, &mut |_| {}).await.unwrap();
    world.release("1.1.0", &[]);
    let updater = || world.builder().install(&place).build().unwrap();
    let payloads = offer(&updater()).await.download(&mut |_| {}).await.unwrap();
    drop(payloads.stage().await.unwrap());
    // The run is cut off between the switch and the end of the trial.
    let install = Install::open(&place).unwrap();
    let Some(Waiting::Qualified(qualified)) = install.waiting().unwrap() else { panic!() };
    qualified.swap(world.now()).unwrap();
    assert!(matches!(updater().check().await.unwrap(), Check::UpToDate));
    assert_eq!(updater().status().unwrap().current().version, Version::new(1, 1, 0));
}

fn stores(world: &World) -> usize {
    let stores = world.dir.path().join(Path::new("state/exuvia/notes"));
    std::fs::read_dir(stores).unwrap().count()
}
