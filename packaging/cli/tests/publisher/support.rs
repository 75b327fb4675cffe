//! A publisher's folder, the application it releases, and the built program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use exuvia_cli::{
    Cost, Error, InitOptions, Passphrase, Publisher, ReleaseOptions, ReleaseReport, Unwatched,
};
use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// The least that Argon2 takes. The cost stands in the key files, so opening them is cheap as well.
pub(crate) const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

pub(crate) struct Place {
    pub(crate) home: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// A new publisher's folder of `notes`.
    pub(crate) fn init(&self) -> Publisher {
        let options = InitOptions { cost: CHEAP, ..InitOptions::new("notes".parse().unwrap()) };
        let publisher = Publisher::init(self.repo(), options, passphrase(PASSPHRASE)).unwrap();
        publisher.with_cost(CHEAP)
    }

    pub(crate) fn open(&self) -> Publisher {
        Publisher::open(self.repo(), passphrase(PASSPHRASE)).unwrap().with_cost(CHEAP)
    }

    /// A folder to release: a program that tells its version, and some bulk.
    pub(crate) fn app(&self, version: &str) -> PathBuf {
        let app = self.path("app");
        fs::create_dir_all(app.join("share")).unwrap();
        write_program(&app.join("notes"), version);
        fs::write(app.join("share/data.bin"), noise(200_000)).unwrap();
        app
    }

    /// Builds and releases a version.
    pub(crate) fn release(&self, publisher: &mut Publisher, version: &str) -> ReleaseReport {
        self.try_release(publisher, version).unwrap()
    }

    pub(crate) fn try_release(
        &self,
        publisher: &mut Publisher,
        version: &str,
    ) -> Result<ReleaseReport, Error> {
        publisher.release(&options(self.app(version), version), &Unwatched)
    }

    /// Runs the built program here.
    pub(crate) fn exuvia(&self, arguments: &[&str]) -> Answer {
        self.exuvia_with(PASSPHRASE, arguments)
    }

    pub(crate) fn exuvia_with(&self, passphrase: &str, arguments: &[&str]) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_exuvia"))
            .args(arguments)
            .current_dir(self.home.path())
            .env("EXUVIA_PASSPHRASE", passphrase)
            .env("EXUVIA_REPO", "repo")
            .output()
            .unwrap();
        Answer::of(&output)
    }
}

/// What the program said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The report, when the command did what it was asked.
    pub(crate) fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }
}

pub(crate) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

pub(crate) fn options(path: impl Into<PathBuf>, version: &str) -> ReleaseOptions {
    // The lowest level: these tests are not about size.
    ReleaseOptions { level: 1, ..ReleaseOptions::new(path, version.parse().unwrap()) }
}

pub(crate) fn write_program(path: &Path, version: &str) {
    fs::write(path, format!("#!/bin/sh\necho {version}\n")).unwrap();
    make_executable(path);
}

#[cfg(unix)]
pub(crate) fn make_executable(path: &Path) {
    set_mode(path, 0o755);
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn make_executable(_: &Path) {}

/// Bytes that do not compress, the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Every file below a folder, by path, without locks.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(folder, "", &mut found);
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else if name != ".lock" {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}
