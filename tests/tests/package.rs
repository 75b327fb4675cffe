//! An application that came as a package goes on as one: real packages, which really are installed, under
//! a name of their own, and removed again.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use exuvia_tests::processes::{Done, Stage, program, write_program};

/// A package that is installed as 1.0.0 and has been released as that.
struct Packages {
    stage: Stage,
    name: String,
    /// There is one set of packages on a machine.
    _turn: fs::File,
}

impl Packages {
    fn installed(name: &str) -> Option<Packages> {
        let tools = ["/usr/bin/apt-get", "/usr/bin/dpkg-deb", "/usr/bin/pkexec"];
        if !tools.iter().all(|tool| fs::exists(tool).unwrap()) {
            println!("skipped: needs apt-get, dpkg-deb and pkexec");
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root, or a package cannot be installed and removed again");
            return None;
        }
        let name = format!("exuvia-test-{name}-{}", std::process::id());
        let turn = fs::File::create(std::env::temp_dir().join("exuvia-test-packages")).unwrap();
        turn.lock().unwrap();
        let packages = Packages { stage: Stage::new(), name, _turn: turn };
        packages.stage.init(&format!("file://{}", packages.stage.path("www").display()));
        packages.release("1.0.0", "", "exit 0");
        let file = packages.file("1.0.0");
        assert!(apt(&["install", file.to_str().unwrap()]), "1.0.0 cannot be installed");
        Some(packages)
    }

    fn file(&self, version: &str) -> PathBuf {
        self.stage.path(&format!("notes_{version}.deb"))
    }

    fn program(&self) -> PathBuf {
        PathBuf::from(format!("/opt/{}/notes", self.name))
    }

    fn release(&self, version: &str, more: &str, preinst: &str) {
        self.release_of(&self.name, version, more, preinst);
    }

    fn release_of(&self, name: &str, version: &str, more: &str, preinst: &str) {
        let folder = self.stage.path(&format!("deb-{version}"));
        let inside = folder.join(format!("opt/{}", self.name));
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir(folder.join("DEBIAN")).unwrap();
        write_program(&inside.join("notes"), &format!("echo notes {version}"));
        write_program(&folder.join("DEBIAN/preinst"), preinst);
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\n{more}\
             Maintainer: nobody <nobody@example.org>\nDescription: a test\n"
        );
        fs::write(folder.join("DEBIAN/control"), control).unwrap();
        let mut build = Command::new("dpkg-deb");
        build.args(["--build", "--root-owner-group"]).arg(&folder).arg(self.file(version));
        assert!(build.stdout(Stdio::null()).status().unwrap().success());
        self.stage.release(&self.file(version), version);
    }

    fn options(&self) -> [String; 4] {
        let config = self.stage.path("exuvia.json").to_str().unwrap().to_owned();
        let install = self.program().to_str().unwrap().to_owned();
        ["--config".into(), config, "--install".into(), install]
    }

    fn agent(&self, args: &[&str]) -> Done {
        let mut agent = Command::new(program("exuvia-agent"));
        self.stage.run(agent.args(self.options()).args(args))
    }

    /// What the system says, and what the program says.
    fn is(&self, version: &str) {
        let query = ["--show", "--showformat", "${db:Status-Abbrev}${Version}", &self.name];
        let state = Command::new("dpkg-query").args(query).output().unwrap().stdout;
        assert_eq!(String::from_utf8(state).unwrap(), format!("ii {version}"));
        let said = Command::new(self.program()).output().unwrap().stdout;
        assert_eq!(String::from_utf8(said).unwrap(), format!("notes {version}\n"));
    }
}

impl Drop for Packages {
    fn drop(&mut self) {
        let gone = apt(&["purge", &self.name]);
        assert!(std::thread::panicking() || gone, "{} stays behind", self.name);
    }
}

fn apt(args: &[&str]) -> bool {
    let mut apt = Command::new("apt-get");
    apt.args(["--yes", "-o", "DPkg::Lock::Timeout=120"]).args(args);
    apt.stdin(Stdio::null()).output().unwrap().status.success()
}

#[test]
fn a_package_is_handed_to_the_installer_of_the_system() {
    let Some(packages) = Packages::installed("new") else { return };
    packages.agent(&["check"]).ends_with(3);
    packages.release("1.1.0", "", "exit 0");
    packages.agent(&["check"]).works().says("1.1.0");
    let said = format!("the package {} is installed as 1.1.0", packages.name);
    packages.agent(&["update", "--yes"]).works().says(&said);
    packages.is("1.1.0");
    packages.agent(&["update", "--yes"]).ends_with(3);
    let state = packages.program().with_file_name(".notes.exuvia");
    assert!(!state.exists(), "it is the system's");
}

#[test]
fn what_the_installer_refuses_leaves_the_installed_package_and_says_why() {
    let Some(packages) = Packages::installed("bad") else { return };
    let refused = |why: &str, advice: &str| {
        let done = packages.agent(&["update", "--yes"]).ends_with(1);
        done.says(why).says(advice);
        packages.is("1.0.0");
    };
    packages.release("1.1.0", "Depends: exuvia-test-that-is-nowhere\n", "exit 0");
    refused("exuvia-test-that-is-nowhere", "mends what was left");
    packages.release("1.2.0", "", "echo no room >&2; exit 7");
    refused("exit status 7", "mends what was left");
    packages.release_of("exuvia-test-other", "1.3.0", "", "exit 0");
    refused("the release holds the package exuvia-test-other", "tell the publisher");
    let text = packages.stage.path("text.deb");
    fs::write(&text, "no package").unwrap();
    packages.stage.release(&text, "1.4.0");
    refused("the release holds no package", "tell the publisher");
    let scratch = exuvia_tests::home::things(&packages.stage.path("home"));
    let left: Vec<_> = scratch.keys().filter(|path| path.ends_with(".deb")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_the_right_to_install_packages_nothing_happens() {
    let Some(packages) = Packages::installed("user") else { return };
    packages.release("1.1.0", "", "exit 0");
    let mode = |name: &str, mode| {
        fs::set_permissions(packages.stage.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(".", 0o755);
    mode("home", 0o777);
    let own = packages.stage.path("home/agent");
    fs::copy(program("exuvia-agent"), &own).unwrap();
    let mut agent = packages.stage.command(&own);
    agent.args(packages.options()).args(["update", "--yes"]).uid(65_534).gid(65_534);
    let done = Done::of("update", agent.output().unwrap()).ends_with(1);
    done.says("nobody with the right to install packages agreed").says("administrator");
    packages.is("1.0.0");
}
