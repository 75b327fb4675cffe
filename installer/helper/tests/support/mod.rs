//! A publisher, a machine and an application made of shell scripts.
#![allow(dead_code, reason = "each test file uses its own part")]

use exuvia_bundle::{Item, MemoryTree, pack};
use exuvia_core::release::{BundleFacts, Facts};
use exuvia_core::{Digest, Kind, Platform, Time};
use exuvia_helper::{Error, First, Install, Qualified, Request, Staged};
use exuvia_plan::{Config, DataHooks, Health, InPlaceShape, Qualify, Shape};
use exuvia_repo::{
    Expiry, Founding, Keyring, Keys, LocalKey, NewRelease, Payload, Repository, Signer,
};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Answers a qualification, then goes on with the test's own lines.
pub(crate) const ANSWERS: &str = "#!/bin/sh\nif [ -n \"$EXUVIA_QUALIFY\" ]; then echo \"exuvia-qualified $EXUVIA_QUALIFY\"; exit 0; fi\n";

pub(crate) fn now() -> Time {
    "2026-11-23T18:00:00Z".parse().unwrap()
}

pub(crate) struct Kit {
    dir: TempDir,
    repository: Repository,
    keys: Keyring,
    bundles: BTreeMap<String, (Digest, Vec<u8>)>,
    pub(crate) kind: Kind,
    pub(crate) health: Health,
    pub(crate) qualify: Qualify,
    pub(crate) data: DataHooks,
    pub(crate) launcher: PathBuf,
}

impl Kit {
    pub(crate) fn new() -> Kit {
        Kit::in_dir(tempfile::tempdir().unwrap())
    }

    /// In memory where that is possible: for thousands of steps that each flush.
    pub(crate) fn in_memory() -> Kit {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Kit::in_dir(tempfile::tempdir_in(base).unwrap())
    }

    fn in_dir(dir: TempDir) -> Kit {
        open_to_all(dir.path());
        let key = LocalKey::from_seed(&[7; 32]);
        let any = || Keys::any_of([key.public()]);
        let founding = Founding { root: any(), targets: any(), snapshot: any(), timestamp: any() };
        let keys = Keyring::new().with(LocalKey::from_seed(&[7; 32]));
        let app = "notes".parse().unwrap();
        let (mut repository, _) =
            Repository::init(app, &founding, Expiry::default(), &keys, now()).unwrap();
        let channel = "stable".parse().unwrap();
        repository.add_platform(&channel, &platform(), &any(), &keys, now()).unwrap();
        let kit = Kit {
            dir,
            repository,
            keys,
            bundles: BTreeMap::new(),
            kind: Kind::Folder,
            health: Health::Explicit { seconds: 1 },
            // Scripts, which these releases mostly are, are no programs on Windows.
            qualify: if cfg!(unix) { Qualify::Nonce } else { Qualify::No },
            data: DataHooks::default(),
            launcher: env!("CARGO_BIN_EXE_exuvia-helper").into(),
        };
        kit.publish();
        kit
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn metadata(&self) -> PathBuf {
        self.path().join("metadata")
    }

    /// Lists a release whose program has these lines after the answer to a nonce.
    pub(crate) fn release(&mut self, version: &str, lines: &str) -> Digest {
        self.release_with(version, &format!("{ANSWERS}{lines}\n"), |_| {})
    }

    pub(crate) fn release_with(
        &mut self,
        version: &str,
        script: &str,
        tweak: impl FnOnce(&mut Facts),
    ) -> Digest {
        self.release_program(version, script.as_bytes(), "", tweak)
    }

    /// Lists a release whose program is these bytes; a folder has `behaviour` in `share`.
    pub(crate) fn release_program(
        &mut self,
        version: &str,
        program: &[u8],
        behaviour: &str,
        tweak: impl FnOnce(&mut Facts),
    ) -> Digest {
        let file = |executable, bytes: &[u8]| Item::File { executable, bytes: bytes.into() };
        let mut folder = vec![
            (PROGRAM, file(true, program)),
            ("share/behaviour", file(false, behaviour.as_bytes())),
            ("share/version", file(false, version.as_bytes())),
        ];
        if cfg!(unix) {
            // Users of Windows may make none.
            folder.push(("notes", Item::Link { target: "bin/notes".to_owned() }));
        }
        let (executable, tree) = match self.kind {
            Kind::Folder => (PROGRAM, MemoryTree::new(folder).unwrap()),
            _ => {
                let program = [program, format!("# {version}\n").as_bytes()].concat();
                ("notes", MemoryTree::new([("notes", file(true, &program))]).unwrap())
            }
        };
        let mut stream = Vec::new();
        let written = pack(&tree, &mut stream).unwrap();
        let digest = Digest::from_bytes(*written.digest.as_bytes());
        let files = exuvia_bundle::Tree::manifest(&tree).files();
        let mut facts = Facts::parse(&serde_json::json!({
            "facts": 1, "app": "notes", "version": version, "channel": "stable",
            "platform": platform(), "kind": self.kind, "published": now(),
            "executable": executable, "reads": [],
            "bundle": BundleFacts { digest, length: written.length, files },
        }))
        .unwrap();
        tweak(&mut facts);
        let full = Payload { length: 1, sha256: Digest::of(version.as_bytes()) };
        let new = NewRelease { facts, full, deltas: Vec::new(), adding: false };
        self.repository.release(&new, &self.keys, now()).unwrap();
        self.bundles.insert(version.to_owned(), (digest, stream));
        self.publish();
        digest
    }

    fn publish(&self) {
        for (path, bytes) in self.repository.files() {
            let path = self.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    pub(crate) fn bundle(&self, version: &str) -> (Digest, Vec<u8>) {
        self.bundles[version].clone()
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            app: "notes".parse().unwrap(),
            channel: "stable".parse().unwrap(),
            mirrors: vec!["https://updates.example.org/".parse().unwrap()],
            root: self.repository.first_root().unwrap().to_vec(),
            health: self.health,
            qualify: self.qualify.clone(),
            data: self.data.clone(),
        }
    }

    pub(crate) fn versioned(&self, version: &str) -> Install {
        let shape = Shape::Versioned { launcher: LAUNCHER.to_owned() };
        self.try_install(&self.path().join("app"), shape, version).unwrap()
    }

    pub(crate) fn in_place(&self, version: &str) -> Install {
        let shape = match self.kind {
            Kind::Folder => InPlaceShape::Folder,
            _ => InPlaceShape::File,
        };
        let shape = Shape::InPlace { shape, name: "app".to_owned() };
        self.try_install(&self.path().join("app"), shape, version).unwrap()
    }

    pub(crate) fn try_install(
        &self,
        path: &Path,
        shape: Shape,
        version: &str,
    ) -> Result<Install, Error> {
        let (digest, bundle) = self.bundle(version);
        self.try_install_shape(path, shape, digest, &bundle)
    }

    /// Installs what may not be the bundle, versioned.
    pub(crate) fn try_install_bytes(
        &self,
        path: &Path,
        digest: Digest,
        bundle: &[u8],
    ) -> Result<Install, Error> {
        let shape = Shape::Versioned { launcher: "notes".to_owned() };
        self.try_install_shape(path, shape, digest, bundle)
    }

    fn try_install_shape(
        &self,
        path: &Path,
        shape: Shape,
        digest: Digest,
        bundle: &[u8],
    ) -> Result<Install, Error> {
        let first = First {
            path,
            shape,
            platform: &platform(),
            config: &self.config(),
            metadata: &self.metadata(),
            digest,
            now: now(),
            launcher: Some(&self.launcher),
        };
        Install::first_install(&first, &mut |out: &mut dyn Write| out.write_all(bundle))
    }

    pub(crate) fn receive(&self, install: &Install, version: &str) -> Result<Staged, Error> {
        let (digest, bundle) = self.bundle(version);
        self.receive_bytes(install, digest, &bundle)
    }

    pub(crate) fn receive_bytes(
        &self,
        install: &Install,
        digest: Digest,
        bundle: &[u8],
    ) -> Result<Staged, Error> {
        let metadata = self.metadata();
        let request = Request { metadata: &metadata, digest, now: now(), even_if_bad: false };
        install.receive(&request, &mut |out: &mut dyn Write| out.write_all(bundle))
    }

    pub(crate) fn qualified(&self, install: &Install, version: &str) -> Qualified {
        self.receive(install, version).unwrap().qualify(now()).unwrap()
    }

    pub(crate) fn swapped(&self, install: &Install, version: &str) {
        self.qualified(install, version).swap(now()).unwrap().release();
    }

    /// Lines that the programs wrote, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// A line of script that writes a word into the log.
    pub(crate) fn says(&self, word: &str) -> String {
        format!("echo {word} >> {}/log", self.path().display())
    }
}

pub(crate) fn platform() -> Platform {
    "linux-x86_64".parse().unwrap()
}

/// The program in a release, and the launcher.
pub(crate) const PROGRAM: &str = if cfg!(windows) { "bin/notes.exe" } else { "bin/notes" };
pub(crate) const LAUNCHER: &str = if cfg!(windows) { "notes.exe" } else { "notes" };

/// An unprivileged user has to reach the programs that are qualified.
#[cfg(unix)]
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) {}

/// The tree that the stable path of an installation leads to.
pub(crate) fn live(install: &Install) -> PathBuf {
    exuvia_durable::Dir::open(install.root_path()).unwrap().reach(install.layout().live())
}

/// Runs the launcher of a versioned installation to its end, and gives its exit code.
pub(crate) fn launch(install: &Install) -> Option<i32> {
    Command::new(install.stable_exe()).status().unwrap().code()
}

/// Every file beneath a folder with its content, links with their target; `skip` are folders.
pub(crate) fn listing(root: &Path, skip: &[&str]) -> BTreeMap<String, String> {
    fn walk(root: &Path, dir: &Path, skip: &[&str], into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string().replace('\\', "/");
            if skip.contains(&name.as_str()) {
                continue;
            }
            if path.is_symlink() {
                into.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
            } else if path.is_dir() {
                walk(root, &path, skip, into);
            } else {
                into.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
            }
        }
    }
    let mut into = BTreeMap::new();
    walk(root, root, skip, &mut into);
    into
}
