//! A large application, its two versions, and the user who has the older one.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::home::things;
use crate::processes::{Stage, program, write_program};
use crate::server::Server;
use crate::watched::Watched;

const FILE: usize = 4 << 20;

/// The publisher, the server and the victim.
pub struct World {
    /// Where they live.
    pub stage: Stage,
    /// What stands between them.
    pub server: Server,
    /// Path of the full bundle of 1.1.0.
    pub full: String,
    /// Path of the delta from 1.0.0 to it.
    pub delta: String,
}

impl World {
    /// 1.0.0 of an application of so many MiB is installed, 1.1.0 is published, compressed at
    /// this level.
    pub fn new(mebibytes: usize, level: &str) -> World {
        let stage = Stage::new();
        let server = Server::start(&stage.path("www"));
        stage.init(&server.url());
        for version in ["1.0.0", "1.1.0"] {
            let dist = stage.path(&format!("dist-{version}"));
            write_version(&dist, version, mebibytes);
            match version {
                "1.0.0" => {
                    // How small it is does not matter here.
                    stage.release_with(&dist, version, &["--level", "1"]);
                    stage.agent(&["install"]).works();
                }
                _ => stage.release_with(&dist, version, &["--level", level]),
            }
        }
        copy(&stage.path("home"), &stage.path("home.before"));
        copy(&stage.path("apps"), &stage.path("apps.before"));
        let targets = things(&stage.path("www/targets"));
        let find = |end: &str| {
            let name = targets.keys().find(|path| path.contains("1.1.0") && path.ends_with(end));
            format!("targets/{}", name.unwrap())
        };
        let (full, delta) = (find(".tar.zst"), find(".delta"));
        World { stage, server, full, delta }
    }

    /// Everything is as it was before the update.
    pub fn restore(&self) {
        self.server.heal();
        self.server.open_gate();
        self.server.requests();
        copy(&self.stage.path("home.before"), &self.stage.path("home"));
        copy(&self.stage.path("apps.before"), &self.stage.path("apps"));
    }

    /// Starts the agent.
    pub fn agent(&self, args: &[&str]) -> Watched {
        let mut command = self.stage.command(&program("exuvia-agent"));
        Watched::start(command.args(self.stage.agent_options()).args(args))
    }

    /// Bytes of a published file.
    pub fn length(&self, path: &str) -> u64 {
        self.stage.path("www").join(path).metadata().unwrap().len()
    }

    /// The version that a start gives, if the tree behind it is exactly that version's.
    pub fn whole_version(&self) -> String {
        let said = self.stage.start(&["--version"]).works().stdout;
        let version = said.trim().strip_prefix("notes ").unwrap().to_owned();
        let (app, dist) = (self.stage.app(), self.stage.path(&format!("dist-{version}")));
        let same = Command::new("diff").arg("-r").arg(app.join("current")).arg(dist).status();
        assert!(same.unwrap().success(), "{version} is not whole");
        version
    }
}

/// A copy in the place of whatever is there.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// Files of 4 MiB: of eight, six cannot be compressed, two can; one of them is another in each
/// version, one a little.
fn write_version(folder: &Path, version: &str, mebibytes: usize) {
    std::fs::create_dir_all(folder.join("lib")).unwrap();
    let script = format!("[ \"$1\" = --version ] || sleep 1.2; echo notes {version}");
    write_program(&folder.join("notes"), &script);
    for number in 0..mebibytes / 4 {
        let of_version = number % 8 == 3 && number < 16;
        let seed = if of_version { version.as_bytes()[2].into() } else { 0 };
        let mut bytes = match number % 8 {
            0 | 1 => words(number as u64),
            _ => noise(number as u64 + 1_000 * seed),
        };
        if number % 8 == 4 {
            let at = FILE / 2;
            bytes.splice(at..at, version.bytes());
        }
        let mut file = std::fs::File::create(folder.join(format!("lib/part-{number:03}"))).unwrap();
        file.write_all(&bytes).unwrap();
    }
}

fn noise(seed: u64) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D ^ (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bytes = Vec::with_capacity(FILE);
    while bytes.len() < FILE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// What looks like a table of numbers.
fn words(seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILE);
    let mut n = seed;
    while bytes.len() < FILE {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        writeln!(bytes, "{},{:x}", n >> 44, n >> 52).unwrap();
    }
    bytes.truncate(FILE);
    bytes
}
