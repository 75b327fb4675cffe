//! The application runs from an image that is mounted somewhere: that is not where it is installed.
//! `kept_elsewhere` has a disk that is mounted read-only.

use exuvia::{Check, Error, LocalError};
use exuvia_tests::home::things;
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn what_lies_in_a_mount_is_not_taken_for_an_installation_and_not_written_to() {
    let scene = Scene::under_attack().await;
    let mount = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-aL"])
        .arg(scene.home.app().join("current"))
        .arg(mount.path().join("usr"))
        .status();
    assert!(copied.unwrap().success());
    let before = things(mount.path());
    let builder = scene.builder_of(&[&scene.mirror()]).current_version("1.0.0");
    let updater = builder.install(mount.path().join("usr/notes")).build().unwrap();
    let Check::Offer(offer) = updater.check().await.unwrap() else { panic!("a check is possible") };
    let error = offer.download(&mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Local(LocalError::NotInstalled { .. })), "{error:?}");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(things(mount.path()), before);
    scene.is_unharmed();
    scene.settles().await;
}

/// A mounted image, gone at the end.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn of(tree: &std::path::Path) -> Option<Mounted> {
        let folder = tempfile::tempdir().unwrap();
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        std::fs::create_dir(&mount).unwrap();
        let run = |program: &str, args: &[&std::ffi::OsStr]| {
            let quiet = std::process::Stdio::null;
            let mut command = std::process::Command::new(program);
            command.args(args).stdout(quiet()).stderr(quiet());
            command.status().is_ok_and(|status| status.success())
        };
        let pack = [tree.as_os_str(), image.as_ref(), "-quiet".as_ref(), "-no-progress".as_ref()];
        let made = run("mksquashfs", &pack)
            && run("squashfuse", &["-o".as_ref(), "ro".as_ref(), image.as_ref(), mount.as_ref()]);
        if !made {
            println!("skipped: needs mksquashfs, squashfuse and FUSE");
        }
        made.then_some(Mounted(folder))
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("mount")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("fusermount3").arg("-u").arg(self.path()).status();
    }
}

/// `appimage` has images that update themselves.
#[tokio::test]
async fn in_a_real_mount_it_is_said_that_nothing_can_be_written_there() {
    let scene = Scene::under_attack().await;
    if let Some(image) = Mounted::of(&scene.home.app().join("versions/1.0.0")) {
        let builder = scene.builder_of(&[&scene.mirror()]).current_version("1.0.0");
        let updater = builder.install(image.path().join("notes")).build().unwrap();
        let Check::Offer(offer) = updater.check().await.unwrap() else { panic!("it is newer") };
        let error = offer.download(&mut |_| {}).await.unwrap_err();
        let kept = exuvia::Keeper::ReadOnly;
        assert!(
            matches!(&error, Error::Local(LocalError::Kept { keeper, .. }) if *keeper == kept),
            "{error:?}"
        );
        assert!(error.advice().contains("copy the application"), "{}", error.advice());
    }
    scene.is_unharmed();
    scene.settles().await;
}
