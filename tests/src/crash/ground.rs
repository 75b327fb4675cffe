//! What the rig works on: a publisher with three versions, and installations made by the real
//! programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::home::{Thing, things};
use crate::processes::write_program;

/// How the application lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Versions behind a launcher.
    Versioned,
    /// A folder that stays where it is.
    InPlace,
    /// A single executable.
    SingleFile,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 3] = [Shape::Versioned, Shape::InPlace, Shape::SingleFile];

    fn is_file(self) -> bool {
        self == Shape::SingleFile
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Versioned => "versioned",
            Shape::InPlace => "in place",
            Shape::SingleFile => "single file",
        })
    }
}

/// The versions of the application, oldest first.
pub const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];

/// A publisher's folder: `dist-V` and what was published after each release, `www-V`, and
/// `www-V-full` without its deltas.
pub struct Publisher {
    folder: PathBuf,
    programs: PathBuf,
    shape: Shape,
}

impl Publisher {
    /// Makes and publishes all versions, in a folder that does not exist yet.
    pub fn new(folder: &Path, programs: &Path, shape: Shape) -> Publisher {
        std::fs::create_dir_all(folder.join("home")).unwrap();
        let publisher = Publisher { folder: folder.into(), programs: programs.into(), shape };
        publisher.exuvia(&["init", "--app", "notes", "--mirror", "file:///nowhere"]);
        let text = std::fs::read_to_string(folder.join("repo/exuvia.json")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["health"] = json!("alive:1");
        config["qualify"] = json!(["--version"]);
        std::fs::write(publisher.config(), config.to_string()).unwrap();
        for version in VERSIONS {
            publisher.release(version);
        }
        publisher
    }

    fn release(&self, version: &str) {
        let (dist, www) = (self.dist(version), self.folder.join("www"));
        write_version(&dist, version, self.shape);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        self.exuvia(&["release", &text(&dist), "--version", version]);
        self.exuvia(&["publish", &text(&www)]);
        for name in [format!("www-{version}"), format!("www-{version}-full")] {
            copy(&www, &self.folder.join(name));
        }
        let full = self.folder.join(format!("www-{version}-full"));
        for name in things(&full).keys().filter(|name| name.ends_with(".delta")) {
            std::fs::remove_file(full.join(name)).unwrap();
        }
    }

    /// The folder or file of a version, as the publisher has it.
    fn dist(&self, version: &str) -> PathBuf {
        self.folder.join(format!("dist-{version}")).join("notes")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("exuvia.json")
    }

    fn exuvia(&self, args: &[&str]) {
        let mut command = Command::new(self.programs.join("exuvia"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.join("home"))
            .env("EXUVIA_REPO", self.folder.join("repo"))
            .env("EXUVIA_PASSPHRASE", "correct horse battery staple")
            .stdin(Stdio::null());
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
}

/// A program that says its version, and in a folder some data that differs a little.
fn write_version(dist: &Path, version: &str, shape: Shape) {
    let data: String = (0..4_000).map(|i| format!("# {i}\n")).collect();
    let script = format!("echo notes {version} \"$@\"");
    if shape.is_file() {
        std::fs::create_dir_all(dist.parent().unwrap()).unwrap();
        return write_program(dist, &format!("{script}\nexit 0\n{data}"));
    }
    std::fs::create_dir_all(dist.join("share")).unwrap();
    write_program(&dist.join("notes"), &script);
    std::fs::write(dist.join("share/data"), format!("{data}{version}\n")).unwrap();
    std::fs::write(dist.join("share/same"), data).unwrap();
    std::os::unix::fs::symlink("data", dist.join("share/latest")).unwrap();
}

/// A user's machine: an installation, and in another folder (perhaps on another file system) the
/// user's home with state and cache.
pub struct Ground {
    publisher: Publisher,
    install: PathBuf,
    user: PathBuf,
    log: PathBuf,
}

impl Ground {
    /// An empty one. `install` and `user` are folders that exist.
    pub fn new(publisher: Publisher, install: &Path, user: &Path) -> Ground {
        let log = publisher.folder.join("log");
        Ground { publisher, install: install.into(), user: user.into(), log }
    }

    /// How the application lies here.
    pub fn shape(&self) -> Shape {
        self.publisher.shape
    }

    /// What the rig watches.
    pub fn roots(&self) -> [PathBuf; 2] {
        [self.install.join("apps"), self.user.join("home")]
    }

    /// The installation.
    pub fn app(&self) -> PathBuf {
        self.install.join("apps/notes")
    }

    /// The program that a user starts.
    pub fn stable(&self) -> PathBuf {
        if self.shape().is_file() { self.app() } else { self.app().join("notes") }
    }

    /// What is installed, as far as the stable path leads to something.
    pub fn live(&self) -> Option<BTreeMap<String, Thing>> {
        match self.shape() {
            Shape::Versioned => {
                std::fs::canonicalize(self.app().join("current")).ok().map(|c| things(&c))
            }
            Shape::InPlace => self.app().is_dir().then(|| things(&self.app())),
            Shape::SingleFile => self.app().is_file().then(|| single(&self.app())),
        }
    }

    /// What a version must look like.
    pub fn expected(&self, version: &str) -> BTreeMap<String, Thing> {
        let dist = self.publisher.dist(version);
        if self.shape().is_file() { single(&dist) } else { things(&dist) }
    }

    /// The agent, as its user runs it, with what was published up to a version.
    pub fn agent(&self, www: &str, args: &[&str]) -> Run {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        let publisher = &self.publisher;
        let mirror = format!("file://{}", path(publisher.folder.join(format!("www-{www}"))));
        let (config, app) = (path(publisher.config()), path(self.app()));
        let options = ["--mirror", &mirror, "--config", &config, "--install", &app];
        self.program("exuvia-agent", &[&options, args].concat())
    }

    /// The helper with one of its short verbs.
    pub fn helper(&self, verb: &str) -> Run {
        self.program("exuvia-helper", &[verb, "--install", self.app().to_str().unwrap()])
    }

    /// The helper, to which a release is given.
    pub fn helper_receives(&self, metadata: &str, bundle: &str, digest: &str) -> Run {
        let app = self.app().to_str().unwrap().to_owned();
        let args = ["receive", "--install", &app, "--metadata", metadata, "--bundle", bundle];
        self.program("exuvia-helper", &[&args[..], &["--digest", digest]].concat())
    }

    /// A folder with all that a release is received from: `bundle.tar` with its `digest`, `metadata`;
    /// and what an attacker would rather have received: `other.tar`, and in `old` what was published
    /// before.
    pub fn give(&self, version: &str, other: &str) -> PathBuf {
        let given = self.outside().join("given");
        let _ = std::fs::remove_dir_all(&given);
        let (folder, www) = (&self.publisher.folder, |version: &str| format!("www-{version}"));
        for (name, version) in [("metadata", version), ("old", VERSIONS[0])] {
            copy(&folder.join(www(version)).join("metadata"), &given.join(name));
        }
        for (name, version) in [("bundle.tar", version), ("other.tar", other)] {
            let targets = folder.join(www(version)).join("targets");
            let full = things(&targets).into_iter().find_map(|(path, thing)| match thing {
                Thing::File(_, bytes) if is_full(&path, version) => Some(bytes),
                _ => None,
            });
            let bundle = zstd::decode_all(&full.unwrap()[..]).unwrap();
            std::fs::write(given.join(name), &bundle).unwrap();
            if name == "bundle.tar" {
                let digest = exuvia_core::Digest::of(&bundle).to_string();
                std::fs::write(given.join("digest"), digest).unwrap();
            }
        }
        given
    }

    /// A place beside the installation, on its file system, which is none of our programs' business.
    pub fn outside(&self) -> PathBuf {
        let outside = self.install.join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        outside
    }

    /// The start of the application by its user.
    pub fn start(&self) -> Run {
        self.run(self.stable(), &["probe"])
    }

    fn program(&self, name: &str, args: &[&str]) -> Run {
        self.run(self.publisher.programs.join(name), args)
    }

    /// A program, as the user of the machine runs it.
    pub fn run(&self, program: PathBuf, args: &[&str]) -> Run {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let home = self.user.join("home");
        Run { program, args, home, log: self.log.clone() }
    }

    /// Installs 1.0.0 on an empty machine.
    pub fn install(&self) {
        self.clear();
        for root in self.roots() {
            std::fs::create_dir_all(root).unwrap();
        }
        let layout: &[&str] = match self.shape() {
            Shape::Versioned | Shape::SingleFile => &["install"],
            Shape::InPlace => &["install", "--layout", "in-place"],
        };
        self.agent(VERSIONS[0], layout).works();
    }

    fn clear(&self) {
        for root in self.roots() {
            if root.exists() {
                std::fs::remove_dir_all(root).unwrap();
            }
        }
    }

    /// A copy of the machine, to return to.
    pub fn save(&self, name: &str) -> Saved {
        let folder = self.publisher.folder.join("saved").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        let copies = [folder.join("apps"), folder.join("home")];
        for (root, to) in self.roots().iter().zip(&copies) {
            copy(root, to);
        }
        Saved { copies }
    }

    /// Makes the machine what it was.
    pub fn restore(&self, saved: &Saved) {
        self.clear();
        for (root, copy_of) in self.roots().iter().zip(&saved.copies) {
            copy(copy_of, root);
        }
    }

    /// The names of all that lies on the machine, but empty folders of a cache.
    pub fn names(&self) -> BTreeSet<String> {
        let [apps, home] = self.roots().map(|root| things(&root));
        let of_cache = |path: &str, thing: &Thing| {
            path.starts_with(".cache") && matches!(thing, Thing::Dir(_))
        };
        let home = home.into_iter().filter(|(path, thing)| !of_cache(path, thing));
        apps.into_keys().chain(home.map(|(path, _)| path)).collect()
    }

    /// Makes all temporary files look two hours old.
    pub fn age(&self) {
        let then = SystemTime::now() - Duration::from_secs(7200);
        for root in self.roots() {
            for name in things(&root).into_keys().filter(|name| name.contains(".exuvia-tmp-")) {
                // A link has no age of its own here.
                let file = std::fs::File::open(root.join(name));
                let _ = file.map(|file| file.set_modified(then));
            }
        }
    }

    /// All that lies on the machine.
    pub fn everything(&self) -> BTreeMap<String, Thing> {
        self.roots().iter().flat_map(|root| things(root)).collect()
    }
}

/// A saved machine.
pub struct Saved {
    copies: [PathBuf; 2],
}

/// A command that is ready to be run, traced or not.
pub struct Run {
    program: PathBuf,
    args: Vec<String>,
    home: PathBuf,
    log: PathBuf,
}

/// What came of it.
pub struct Ran {
    /// Exit code, unless it was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub output: String,
}

impl Run {
    /// Runs it.
    pub fn now(&self) -> Ran {
        let output = self.with(Command::new(&self.program)).stdin(Stdio::null()).output();
        let output = output.map(|o| (o.status.code(), [o.stdout, o.stderr].concat()));
        let (code, text) = output.unwrap_or_else(|e| (None, e.to_string().into_bytes()));
        Ran { code, output: String::from_utf8_lossy(&text).into_owned() }
    }

    /// Runs it, and expects that it works.
    pub fn works(&self) -> Ran {
        let ran = self.now();
        assert_eq!(ran.code, Some(0), "{:?} {:?}: {}", self.program, self.args, ran.output);
        ran
    }

    /// The command by which this very program becomes it, traced ([`super::trace::run`]).
    pub fn traced(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let log = std::fs::File::create(&self.log).unwrap();
        command.arg(TRACED).arg(&self.program);
        let mut command = self.with(command);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// What the traced command printed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn with(&self, mut command: Command) -> Command {
        command.args(&self.args).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.home);
        command.env("TMPDIR", &self.home).current_dir("/");
        command
    }
}

/// The argument by which the rig's program is told to become a traced command.
pub const TRACED: &str = "--traced";

/// A file as a tree of one.
fn single(path: &Path) -> BTreeMap<String, Thing> {
    let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
    let file = Thing::File(mode, std::fs::read(path).unwrap());
    BTreeMap::from([("notes".to_owned(), file)])
}

/// Whether a payload is the whole bundle of a version.
fn is_full(path: &str, version: &str) -> bool {
    path.ends_with(".tar.zst") && path.contains(&format!("{version}-"))
}

/// Copies a folder to a name that is free.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}
