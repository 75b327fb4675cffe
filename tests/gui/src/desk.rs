//! A user's home with the note pad installed in it, and the server that it looks at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use exuvia_tests::server::Server;
use serde_json::Value;

use crate::bus::Bus;
use crate::screen::Screen;

/// What was built, a home, a server, a screen and a session bus.
pub struct Desk {
    built: PathBuf,
    folder: tempfile::TempDir,
    server: Server,
    screen: Screen,
    bus: Bus,
}

impl Desk {
    /// 1.0.0 is installed and nothing newer is published.
    pub fn new() -> Desk {
        let built = std::env::var_os("EXUVIA_GUI").expect("EXUVIA_GUI: see tests/gui/run");
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "www", "apps"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let server = Server::start(&folder.path().join("www"));
        let (screen, bus) = (Screen::new(), Bus::new());
        let desk = Desk { built: built.into(), folder, server, screen, bus };
        desk.publish("1.0.0");
        desk.agent(&["install"]);
        desk
    }

    /// From now on the server has what was published up to this version.
    pub fn publish(&self, version: &str) {
        copy(&self.built.join("www").join(version).join("."), &self.path("www"));
    }

    /// Releases what was built as `dist` under a version after all others, and publishes it.
    pub fn release(&self, dist: &str, version: &str, options: &[&str]) {
        if !self.path("repo").exists() {
            copy(&self.built.join("repo"), &self.path("repo"));
        }
        let tree = self.path(version);
        copy(&self.built.join("dist").join(dist), &tree);
        // Else it is the very bundle of another version.
        std::fs::write(tree.join("share/version"), version).unwrap();
        let www = self.path("www");
        let (tree, www) = (tree.to_str().unwrap(), www.to_str().unwrap());
        let release = ["release", tree, "--version", version, "--executable", "notes"];
        for args in [&[&release, options].concat()[..], &["publish", www]] {
            let mut publisher = Command::new(self.built.join("bin/exuvia"));
            publisher.env("EXUVIA_REPO", self.path("repo")).args(args);
            publisher.env("EXUVIA_PASSPHRASE", "a-demonstration-has-no-secrets");
            let output = publisher.output().unwrap();
            assert!(output.status.success(), "{args:?}: {output:?}");
        }
    }

    /// Starts the application once more beside the one that runs, and waits until that start has ended.
    pub fn start_again(&self) -> ExitStatus {
        let mut command = Command::new(self.program());
        self.environment(&mut command);
        let mut second = command.spawn().unwrap();
        let begun = Instant::now();
        loop {
            if let Some(status) = second.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the second start goes on");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A path in the folder that all of this lies in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The launcher.
    pub fn program(&self) -> PathBuf {
        self.path("apps/notes/notes")
    }

    /// The path below the server of the payload of a version, by the end of its name.
    pub fn payload(&self, version: &str, end: &str) -> String {
        let mut found = Vec::new();
        files(&self.path("www/targets"), &mut found);
        let is_it = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.contains(version) && name.ends_with(end)
        };
        let path = found.iter().find(is_it).unwrap_or_else(|| panic!("{version} {end}: {found:?}"));
        path.strip_prefix(self.path("www")).unwrap().display().to_string()
    }

    /// Runs the agent, which shares the installation with the application.
    pub fn agent(&self, args: &[&str]) -> String {
        let mut command = Command::new(self.built.join("bin/exuvia-agent"));
        command.arg("--config").arg(self.built.join("repo/exuvia.json"));
        command
            .arg("--install")
            .arg(self.path("apps/notes"))
            .args(["--mirror", &self.server.url()]);
        self.environment(&mut command);
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the installation says about itself.
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.agent(&["--json", "status"])).unwrap()
    }

    /// Waits until this version is installed and at rest.
    pub fn settles_at(&self, version: &str) {
        self.until(|status| status["version"] == version && status["phase"] == "settled");
    }

    /// Waits until the installation says what is wanted of it.
    pub fn until(&self, wanted: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if wanted(&status) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not come to that: {status:#}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Sets the environment of this home.
    pub fn environment(&self, command: &mut Command) {
        let home = self.path("home");
        command
            .env("DISPLAY", &self.screen.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address)
            .env_remove("WAYLAND_DISPLAY")
            .env("HOME", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("EXUVIA_DEMO_MIRROR", self.server.url())
            .env("LC_ALL", "C.UTF-8")
            // There is no graphics card to talk to.
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .env("NO_AT_BRIDGE", "1");
    }

    /// Keeps a picture of a window that nobody drives.
    pub fn shot(&self, name: &str) {
        // The page is drawn after the version has proved itself.
        thread::sleep(Duration::from_secs(2));
        self.screen.shot(name);
    }

    pub(crate) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Ends the processes of the application, as a logout does, and tells how many.
    pub fn log_out(&self) -> usize {
        self.end("-TERM")
    }

    /// Ends them as a power cut does.
    pub fn kill(&self) -> usize {
        self.end("-KILL")
    }

    /// Whoever lived on would be the one that shows its window at the next start.
    fn end(&self, with: &str) -> usize {
        let apps = self.path("apps");
        let (told, begun) = (signal(&apps, with), Instant::now());
        while !processes(&apps).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{with} ends them: {:?}", processes(&apps));
            thread::sleep(Duration::from_millis(50));
        }
        told
    }
}

/// Sends a signal to all processes whose programs lie in a folder, and tells to how many.
pub(crate) fn signal(folder: &Path, signal: &str) -> usize {
    let running = processes(folder);
    for pid in &running {
        // It may have ended meanwhile.
        let _ = Command::new("kill").arg(signal).arg(pid).stderr(Stdio::null()).status();
    }
    running.len()
}

/// The processes whose programs lie in a folder.
pub(crate) fn processes(folder: &Path) -> Vec<OsString> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|process| {
        let exe = std::fs::read_link(process.path().join("exe"));
        exe.is_ok_and(|exe| exe.starts_with(folder))
    })
    .map(|process| process.file_name())
    .collect()
}

impl Default for Desk {
    fn default() -> Self {
        Desk::new()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        signal(&self.path("apps"), "-TERM");
        // Until then they may write into the folder that is removed now.
        thread::sleep(Duration::from_millis(300));
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success(), "{} was built", from.display());
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(40);
