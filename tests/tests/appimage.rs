//! AppImages that update themselves: real ones, a squashfs behind a runtime. The image is replaced, and
//! never what is mounted of it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exuvia::{Install, Phase};
use exuvia_tests::processes::{Done, Stage, program, write_program};

/// A publisher and a user's folder of programs.
struct Images(Stage);

impl Images {
    /// 1.0.0 is released, and was downloaded and renamed by a user.
    fn downloaded() -> Option<Images> {
        for tool in ["mksquashfs", "unsquashfs"] {
            let run = Command::new(tool).arg("-version").stdout(Stdio::null()).status();
            if run.is_err() {
                println!("skipped: needs {tool} (squashfs-tools)");
                return None;
            }
        }
        let images = Images(Stage::new());
        let mode = fs::Permissions::from_mode(0o755);
        // Root has it tried by somebody else, who has to get there.
        fs::set_permissions(images.0.path("."), mode).unwrap();
        let mirror = format!("file://{}", images.0.path("www").display());
        images.0.exuvia(&["init", "--app", "notes", "--mirror", &mirror]).works();
        images.release("1.0.0", "");
        images.put("1.0.0");
        Some(images)
    }

    /// Where the user has it, under a name that the publisher never gave it.
    fn image(&self) -> PathBuf {
        self.0.path("apps/My Notes.AppImage")
    }

    fn built(&self, version: &str) -> PathBuf {
        self.0.path(&format!("Notes-{version}-x86_64.AppImage"))
    }

    /// Copies a version there as a browser would.
    fn put(&self, version: &str) {
        let new = self.image().with_extension("part");
        fs::copy(self.built(version), &new).unwrap();
        fs::rename(new, self.image()).unwrap();
    }

    fn release(&self, version: &str, behaviour: &str) {
        self.build(version, behaviour);
        self.0.release_with(&self.built(version), version, &["--level", "1"]);
    }

    fn build(&self, version: &str, behaviour: &str) {
        let dir = self.0.path(&format!("{version}.AppDir"));
        fs::create_dir_all(dir.join("usr/bin")).unwrap();
        let run = "export PATH=\"$APPDIR/usr/bin:$PATH\"\nexec \"$APPDIR/usr/bin/notes\" \"$@\"";
        write_program(&dir.join("AppRun"), run);
        let write = |name: &str, text: &str| fs::write(dir.join("usr/bin").join(name), text);
        write("version", version).unwrap();
        write("behaviour", behaviour).unwrap();
        fs::copy(self.0.path("repo/exuvia.json"), dir.join("usr/bin/exuvia.json")).unwrap();
        stripped("appimage-notes", &dir.join("usr/bin/notes"));
        let (squashfs, runtime) = (dir.with_extension("squashfs"), dir.with_extension("runtime"));
        let mut pack = Command::new("mksquashfs");
        pack.args([&dir, &squashfs]).args(["-root-owned", "-noappend", "-quiet", "-no-progress"]);
        pack.args([
            "-comp",
            "zstd",
            "-Xcompression-level",
            "1",
            "-mkfs-time",
            "0",
            "-all-time",
            "0",
        ]);
        assert!(pack.stdout(Stdio::null()).status().unwrap().success());
        stripped("appimage-runtime", &runtime);
        let mut image = fs::read(runtime).unwrap();
        image[8..11].copy_from_slice(b"AI\x02");
        let mut out = fs::File::create(self.built(version)).unwrap();
        out.write_all(&image).unwrap();
        out.write_all(&fs::read(squashfs).unwrap()).unwrap();
        out.set_permissions(fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Starts what the user has.
    fn start(&self, args: &[&str]) -> Done {
        self.0.run(Command::new(self.image()).args(args))
    }

    fn phase(&self) -> Phase {
        Install::open(&self.image()).unwrap().status().unwrap().phase
    }

    fn holds(&self, version: &str) {
        let same = fs::read(self.image()).unwrap() == fs::read(self.built(version)).unwrap();
        assert!(same, "what the user has is not {version}");
    }

    fn is_settled(&self, version: &str) {
        let Phase::Settled { current, .. } = self.phase() else { panic!("{:?}", self.phase()) };
        assert_eq!(current.version.to_string(), version);
        self.holds(version);
    }
}

/// A program without what only a debugger reads.
fn stripped(name: &str, to: &Path) {
    let strip = Command::new("strip").arg("-o").arg(to).arg(program(name)).status();
    if !strip.is_ok_and(|status| status.success()) {
        fs::copy(program(name), to).unwrap();
    }
}

#[test]
fn an_image_that_was_downloaded_updates_itself_and_goes_back() {
    let Some(images) = Images::downloaded() else { return };
    images.start(&[]).works().says("notes 1.0.0 NotInstalled");
    images.start(&["update"]).works().says("no offer");
    assert!(!images.0.path("apps/.My Notes.AppImage.exuvia").exists(), "only an update needs it");

    images.release("1.1.0", "");
    images.start(&["update"]).works().says("staged 1.1.0 by Some(Delta), 0 failed");
    images.holds("1.1.0");
    assert!(matches!(images.phase(), Phase::Trial { .. }));
    images.start(&[]).works().says("notes 1.1.0 Updated");
    images.is_settled("1.1.0");

    images.release("1.2.0", "");
    images.start(&["update"]).works().says("staged 1.2.0 by Some(Delta), 0 failed");
    images.start(&[]).works().says("notes 1.2.0 Updated");
    let install = Install::open(&images.image()).unwrap();
    install.rollback("2027-01-01T00:00:00Z".parse().unwrap()).unwrap();
    images.is_settled("1.1.0");
    images.start(&["update"]).works().says("notes 1.1.0 RolledBack").says("no offer");
}

#[test]
fn at_the_next_start_the_old_image_watches_the_new_one_and_lends_it_nothing() {
    let Some(images) = Images::downloaded() else { return };
    images.release("1.1.0", "");
    images.start(&["on-quit"]).works().says("staged 1.1.0");
    images.holds("1.0.0");
    let said = images.start(&[]).works().says("notes 1.1.0 Updated").stdout;
    images.is_settled("1.1.0");
    let line = said.lines().find(|line| line.starts_with("from ")).unwrap();
    let (image, rest) = line["from ".len()..].split_once(" in ").unwrap();
    assert_eq!(Path::new(image), images.image());
    let (mount, path) = rest.split_once(" path ").unwrap();
    assert_eq!(path, format!("{mount}/usr/bin:/usr/bin:/bin unpack="));
}

#[test]
fn an_image_that_crashes_is_left_after_three_starts_for_the_one_before() {
    let Some(images) = Images::downloaded() else { return };
    images.release("1.1.0", "crash");
    // It answers when it is tried, since that is before it crashes.
    images.start(&["on-quit"]).works().says("staged 1.1.0");
    images.start(&[]).works().says("notes 1.0.0 Reverted");
    images.is_settled("1.0.0");
    images.start(&["update"]).works().says("no offer");
}

#[test]
fn what_runs_unpacked_has_its_successor_unpacked_and_leaves_nothing_behind() {
    let Some(images) = Images::downloaded() else { return };
    images.release("1.1.0", "");
    let tmp = images.0.path("tmp");
    fs::create_dir(&tmp).unwrap();
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o1777)).unwrap();
    let mut old = images.0.command(&images.image());
    let old = old.args(["--appimage-extract-and-run", "relaunch"]).env("TMPDIR", &tmp).output();
    let done = Done::of("relaunch", old.unwrap()).works();
    let done = done.says("notes 1.0.0").says("staged 1.1.0").says("notes 1.1.0 Updated");
    let new = done.stdout.split("notes 1.1.0").nth(1).unwrap();
    assert!(new.contains("unpack=1"), "{new}");
    images.is_settled("1.1.0");
    let begun = std::time::Instant::now();
    while tmp.read_dir().unwrap().next().is_some() {
        assert!(begun.elapsed().as_secs() < 10, "images stay unpacked");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn what_the_user_puts_there_by_hand_is_the_installed_version_from_then_on() {
    let Some(images) = Images::downloaded() else { return };
    images.release("1.1.0", "");
    images.start(&["update"]).works();
    images.start(&[]).works();
    images.is_settled("1.1.0");
    images.release("1.2.0", "");
    images.start(&["on-quit"]).works().says("staged 1.2.0");
    images.build("1.3.0", "");
    images.put("1.3.0");
    images.start(&[]).works().says("notes 1.3.0");
    images.holds("1.3.0");
    images.start(&["update"]).works().says("no offer");
    images.is_settled("1.3.0");
    images.release("1.4.0", "");
    images.start(&["update"]).works().says("staged 1.4.0");
    images.start(&[]).works().says("notes 1.4.0 Updated");
    images.is_settled("1.4.0");
}

#[test]
fn a_program_that_is_started_from_an_image_is_not_the_image() {
    let Some(images) = Images::downloaded() else { return };
    images.release("1.1.0", "");
    let before = fs::read(images.image()).unwrap();
    let outside = images.0.path("1.0.0.AppDir/usr/bin/notes");
    let mut program = images.0.command(&outside);
    program.env("APPIMAGE", images.image()).env("APPDIR", images.0.path("apps"));
    let done = Done::of("notes", program.arg("update").output().unwrap());
    done.ends_with(1).says("is not part of an installation");
    assert_eq!(fs::read(images.image()).unwrap(), before);
}

#[test]
fn an_image_where_nothing_can_be_written_says_so_and_runs() {
    let Some(images) = Images::downloaded() else { return };
    images.release("1.1.0", "");
    let mount =
        r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99; exec "$2" update"#;
    let mut unshare = images.0.command(Path::new("unshare"));
    let how = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    unshare.args([how, "sh", "-c", mount, "sh"]).arg(images.0.path("apps")).arg(images.image());
    let done = Done::of("update", unshare.output().unwrap());
    if done.code == Some(99) || done.stderr.contains("unshare failed") {
        println!("skipped: needs unshare and a namespace for mounts");
        return;
    }
    let done = done.ends_with(1).says("notes 1.0.0 NotInstalled");
    done.says("is on a file system that cannot be written to").says("copy the application");
    images.holds("1.0.0");
}

#[test]
fn the_agent_installs_an_image_and_keeps_it_up_to_date() {
    let Some(images) = Images::downloaded() else { return };
    fs::remove_file(images.image()).unwrap();
    let config = images.0.path("repo/exuvia.json");
    let (config, image) = (config.to_str().unwrap().to_owned(), images.image());
    let options = ["--config", &config, "--install", image.to_str().unwrap()];
    let agent = |verb: &[&str]| images.0.agent_alone(&[&options, verb].concat());
    agent(&["install"]).works().says("1.0.0");
    images.is_settled("1.0.0");
    images.release("1.1.0", "");
    agent(&["update", "--yes"]).works().says("1.1.0");
    images.start(&[]).works().says("notes 1.1.0 Updated");
    images.is_settled("1.1.0");
    agent(&["uninstall"]).works();
    assert!(!image.exists());
}
