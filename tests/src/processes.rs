//! The real programs, started in a throw-away home.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use serde_json::{Value, json};

/// A folder with a publisher's repository, what it published, and a user's home beside each other.
pub struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// An empty one. The programs are built first, unless `tests/run` says that it has done so.
    pub fn new() -> Stage {
        static BUILT: Once = Once::new();
        BUILT.call_once(build);
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "www", "apps"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Stage { folder }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the application gets installed.
    pub fn app(&self) -> PathBuf {
        self.path("apps/notes")
    }

    /// Writes the folder of a version: a program that runs this shell script, and some data.
    pub fn version(&self, version: &str, script: &str) -> PathBuf {
        let folder = self.path(&format!("dist-{version}"));
        std::fs::create_dir_all(folder.join("share")).unwrap();
        write_program(&folder.join("notes"), script);
        let data: String = (0..20_000).map(|i| format!("{i}\n")).collect();
        std::fs::write(folder.join("share/data"), format!("{data}{version}")).unwrap();
        std::os::unix::fs::symlink("data", folder.join("share/latest")).unwrap();
        folder
    }

    /// As [`Stage::version`] with a program that says its version and stays for a moment.
    pub fn good_version(&self, version: &str) -> PathBuf {
        self.version(
            version,
            &format!("echo notes {version} \"$@\"; [ \"$1\" = --version ] || sleep 1.5"),
        )
    }

    /// Makes the repository, to be looked for at `mirror`, and the application's `exuvia.json` for a
    /// program that does not embed Exuvia.
    pub fn init(&self, mirror: &str) {
        self.exuvia(&["init", "--app", "notes", "--mirror", mirror]).works();
        let text = std::fs::read_to_string(self.path("repo/exuvia.json")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["health"] = json!("alive:1");
        config["qualify"] = json!(["--version"]);
        std::fs::write(self.path("exuvia.json"), config.to_string()).unwrap();
    }

    /// Releases a folder and publishes to `www`.
    pub fn release(&self, dist: &Path, version: &str) {
        self.release_with(dist, version, &[]);
    }

    /// As [`Stage::release`], with more arguments.
    pub fn release_with(&self, dist: &Path, version: &str, more: &[&str]) {
        let args = ["release", dist.to_str().unwrap(), "--version", version];
        self.exuvia(&[&args, more].concat()).works();
        self.exuvia(&["publish", self.path("www").to_str().unwrap()]).works();
    }

    /// Runs the publisher's command.
    pub fn exuvia(&self, args: &[&str]) -> Done {
        self.run(Command::new(program("exuvia")).args(args))
    }

    /// Runs the agent on the application.
    pub fn agent(&self, args: &[&str]) -> Done {
        self.run(Command::new(program("exuvia-agent")).args(self.agent_options()).args(args))
    }

    /// Runs the agent on a registered application.
    pub fn agent_by_name(&self, name: &str, args: &[&str]) -> Done {
        self.agent_alone(&[&["--app", name], args].concat())
    }

    /// Runs the agent without naming an application.
    pub fn agent_alone(&self, args: &[&str]) -> Done {
        self.run(Command::new(program("exuvia-agent")).args(args))
    }

    /// Runs the agent as somebody who may read the installation and not write it.
    pub fn agent_of_another_user(&self, args: &[&str]) -> Done {
        let mode = |path: PathBuf, mode| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        };
        let own = self.path("home/exuvia-agent");
        let mut command = Command::new(&own);
        if rustix::process::geteuid().is_root() {
            // Nobody else may look into this folder, or into that of the programs.
            mode(self.path("."), 0o755);
            mode(self.path("home"), 0o777);
            command.uid(65_534);
        } else {
            mode(self.app(), 0o555);
            mode(self.app().join(".exuvia"), 0o555);
        }
        std::fs::copy(program("exuvia-agent"), &own).unwrap();
        let done = self.run(command.args(self.agent_options()).args(args));
        std::fs::remove_file(own).unwrap();
        if !rustix::process::geteuid().is_root() {
            mode(self.app(), 0o755);
            mode(self.app().join(".exuvia"), 0o700);
        }
        done
    }

    /// Where the agent finds the application and its configuration.
    pub fn agent_options(&self) -> [String; 4] {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        ["--config".into(), path(self.path("exuvia.json")), "--install".into(), path(self.app())]
    }

    /// The agent's status, as JSON.
    pub fn status(&self) -> Value {
        let status = self.agent(&["--json", "status"]);
        serde_json::from_str(&status.works().stdout).unwrap()
    }

    /// Starts the application as a user does, and waits for its end.
    pub fn start(&self, args: &[&str]) -> Done {
        self.run(Command::new(self.app().join("notes")).args(args))
    }

    /// A command with the environment of this home.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("EXUVIA_MACHINE_DIR", self.path("machine"))
            .env("EXUVIA_REPO", self.path("repo"))
            .env("EXUVIA_PASSPHRASE", "correct horse battery staple")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
    }

    /// Runs a command in the environment of this home.
    pub fn run(&self, command: &mut Command) -> Done {
        self.run_with(command, &[])
    }

    /// The same, with more in the environment.
    pub fn run_with(&self, command: &mut Command, more: &[(&str, PathBuf)]) -> Done {
        self.environment(command);
        command.envs(more.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Done::new(format!("{command:?}"), output)
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Done {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// The command line, for messages.
    pub command: String,
}

impl Done {
    /// What a command that a test ran itself came to.
    pub fn of(command: &str, output: Output) -> Done {
        Done::new(command.to_owned(), output)
    }

    fn new(command: String, output: Output) -> Done {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Done { code: output.status.code(), stdout, stderr, command }
    }

    /// Expects exit code 0.
    pub fn works(self) -> Done {
        self.ends_with(0)
    }

    /// Expects this exit code, and that nothing panicked.
    pub fn ends_with(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// Expects a text in what it printed or complained about.
    pub fn says(self, text: &str) -> Done {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "{text:?} is missing in {self:#?}");
        self
    }
}

/// Where the program of this name was built, or lies that shall be used in its place.
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("EXUVIA_TESTS_PROGRAMS") {
        return Path::new(&folder).join(name);
    }
    // …/target/debug/deps/test-0123 → …/target/debug
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join(name)
}

/// Writes an executable shell script.
pub fn write_program(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn build() {
    let given = ["EXUVIA_TESTS_BUILT", "EXUVIA_TESTS_PROGRAMS"];
    if given.iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "exuvia-cli", "-p", "exuvia-agent", "-p", "exuvia-helper"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .status()
        .unwrap();
    assert!(status.success(), "the programs cannot be built");
}
